"""Somebody's machine in a folder of its own, and what runs there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from cli.command_line import COMMAND, CommandLine, Ended
from keylease.agent import fast
from keylease.agent.doors import Doors, doors
from keylease.agent.session import Session
from keylease.domain.clock import SystemClock

LEASE = "L-4k7m9q2x"
FAST = (sys.executable, "-I", "-S", fast.__file__)


@dataclass
class Laptop:
    """Somebody's machine: a home, and what runs there."""

    home: Path
    keylease: CommandLine
    more: dict[str, str] = field(default_factory=dict)
    lease: str = LEASE

    @property
    def environment(self) -> dict[str, str]:
        return self.keylease.environment | {"KEYLEASE_UNSAFE_PERSON": "mara"} | self.more

    @property
    def state(self) -> Path:
        return self.home / ".local" / "state" / "keylease"

    @property
    def cache(self) -> Path:
        return self.home / ".cache" / "keylease"

    @property
    def config(self) -> Path:
        return self.home / ".aws" / "config"

    @property
    def aws_credentials(self) -> Path:
        return self.home / ".aws" / "credentials"

    def process(self, lease: str | None = None, **environment: str) -> Ended:
        """What an AWS program starts as `credential_process`."""
        return self.run(*FAST, lease or self.lease, **environment)

    def run(self, *words: str, **environment: str) -> Ended:
        done = subprocess.run(
            words,
            env=self.environment | environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            env=self.environment | environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def session(self) -> Session:
        """What is cached."""
        found = Session.from_lines((self.cache / fast.name(self.lease)).read_bytes())
        assert found is not None
        return found

    def age(self, *, left: timedelta = timedelta(minutes=10)) -> None:
        """Let time pass for a cached session, until so much of it is left."""
        now = SystemClock().now()
        aged = replace(self.session(), fetched_at=now - timedelta(hours=1), expiration=now + left)
        (self.cache / fast.name(self.lease)).write_bytes(aged.to_lines())


@contextmanager
def agent(laptop: Laptop, *words: str) -> Iterator[tuple[subprocess.Popen[str], Doors]]:
    """An agent that answers, until the block is left."""
    process = laptop.start(*COMMAND, "agent", *words)
    found = doors(laptop.state)
    try:
        for _ in range(300):
            if laptop.keylease("agent", "status").status == 0 or process.poll() is not None:
                break
            time.sleep(0.05)  # noqa: TID251 - a real process
        yield process, doors(laptop.state)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert found.secret == doors(laptop.state).secret
