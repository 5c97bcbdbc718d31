"""The command line as people run it: a process of its own, on a terminal or not, with a home of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECRET = "fake/secret/"  # what every secret access key of the fake AWS begins with
COMMAND = (sys.executable, "-m", "keylease")
_ON_ITS_TERMINAL = (  # so that Ctrl-C written to the terminal interrupts it
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
Answer = str | Callable[[str], str]
"""What is written on a terminal, also once it is seen what stands on the screen."""
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[a-zA-Z]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str = ""

    @property
    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


class CommandLine:
    """Runs `keylease` as somebody, at a server, with a home of its own."""

    def __init__(self, server: str, home: Path) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TZ": "Europe/Berlin",
            "KEYLEASE_SERVER": server,
        }

    def __call__(self, *words: str, person: str | None = "mara", **environment: str) -> Ended:
        """Run it where nobody looks: no terminal, nothing on stdin."""
        done = subprocess.run(
            [*COMMAND, *words],
            env=self._environment(person, environment),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def on_terminal(
        self,
        *words: str,
        person: str | None = "mara",
        answers: tuple[tuple[str, Answer], ...] = (),
        raw: bool = False,
        **environment: str,
    ) -> Ended:
        """Run it on a terminal of 120 columns; each answer is given once its question is on the screen."""
        parent, child = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", _ON_ITS_TERMINAL, "-m", "keylease", *words],
            env=self._environment(person, {"TERM": "xterm-256color", "COLUMNS": "120", **environment}),
            cwd=self.home,
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
        )
        os.close(child)
        screen = _watch(parent, list(answers))
        os.close(parent)
        status = process.wait(timeout=30)
        return Ended(status, screen if raw else _ESCAPE.sub("", screen).replace("\r\n", "\n"))

    def start(self, *words: str, person: str | None = "mara") -> subprocess.Popen[str]:
        """Start it and go on; the test ends it."""
        return subprocess.Popen(
            [*COMMAND, *words],
            env=self._environment(person, {}),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _environment(self, person: str | None, more: dict[str, str]) -> dict[str, str]:
        sign_in = {"KEYLEASE_UNSAFE_PERSON": person} if person else {}
        return self.environment | sign_in | more


def view(**differing: object) -> str:
    """A lease as a server sends it."""
    lease: dict[str, object] = {
        "id": "L-00000000",
        "kind": "access-key",
        "state": "active",
        "status": "active",
        "account": "main",
        "account_id": "123456789012",
        "permission_set": "archive",
        "title": "Read the archive",
        "warnings": [],
        "share": False,
        "reason": "Winter masters",
        "owner": {"id": "dir#mara", "name": "Mara Lind"},
        "approver": {"id": None, "name": "the grant readers"},
        "approvers": [],
        "decision_reason": None,
        "requested_at": "2026-11-24T12:00:00Z",
        "decided_at": None,
        "issued_at": None,
        "asked": "2w",
        "expires_at": "2026-12-08T12:00:00Z",
        "ended_at": None,
        "end_reason": None,
        "seconds_left": 1209600,
        "renewal_of": None,
        "retire_at": None,
        "user_name": None,
        "access_key_id": None,
        "may": {"approve": False, "collect": False, "revoke": False, "renew": False},
    }
    return json.dumps(lease | differing)


def _watch(parent: int, answers: list[tuple[str, Answer]]) -> str:
    """Everything that appears on the terminal until its other side is closed."""
    screen, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([parent], [], [], 0.1)[0]:
            continue
        try:
            read = os.read(parent, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not read:
            break
        screen += read
        if answers and answers[0][0].encode() in screen:
            answer = answers.pop(0)[1]
            os.write(parent, (answer if isinstance(answer, str) else answer(screen.decode())).encode() + b"\n")
    return screen.decode()
