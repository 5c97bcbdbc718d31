"""`keylease` within the test's own process: an administrator's command starts in a tenth of the time.

That commands end as they should as processes of their own is shown for all of them elsewhere (tests/cli).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.command_line import Ended
from keylease.cli.program import run


class InProcess:
    """Runs commands with an environment and a folder of their own. `environment` is like that of a process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path) -> None:
        self.home = home
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        for name in [one for one in os.environ if one.startswith(("AWS_", "KEYLEASE_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.chdir(home)

    def set(self, **environment: str) -> None:
        """Variables that the next commands see."""
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *words: str) -> Ended:
        """Run one command."""
        self._capsys.readouterr()
        status = run(list(words))
        written = self._capsys.readouterr()
        return Ended(status, written.out, written.err)
