"""Somebody's machine in a folder of its own, and what runs there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from cli.command_line import CommandLine, Ended
from keylease.agent import fast
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

    def process(self, lease: str = LEASE, **environment: str) -> Ended:
        """What an AWS program starts as `credential_process`."""
        return self.run(*FAST, lease, **environment)

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

    def session(self, lease: str = LEASE) -> Session:
        """What is cached."""
        found = Session.from_lines((self.cache / fast.name(lease)).read_bytes())
        assert found is not None
        return found

    def age(self, lease: str = LEASE, *, left: timedelta = timedelta(minutes=10)) -> None:
        """Let time pass for a cached session, until so much of it is left."""
        now = SystemClock().now()
        aged = replace(self.session(lease), fetched_at=now - timedelta(hours=1), expiration=now + left)
        (self.cache / fast.name(lease)).write_bytes(aged.to_lines())
