"""The sandbox's programs, in an environment of their own beside keylease's.

ministack (the AWS) pins botocore exactly, so it and AWS's command line client are installed apart, from
`tools.lock`, hashes required. `python -m keylease.sandbox.tools` makes the environment; so does the first
start of the sandbox. It is made anew when the lock changes.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

LOCK = Path(__file__).with_name("tools.lock")
HOME = Path(sys.prefix) / "sandbox-tools"
_BIN = HOME / ("Scripts" if sys.platform == "win32" else "bin")
_PIP_INSTALL = [str(_BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def install() -> None:
    """Make the environment, or leave it alone where it was made from this very lock."""
    stamp = HOME / "tools.lock"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return
    venv.create(HOME, with_pip=True, clear=True)
    subprocess.run(
        [*_PIP_INSTALL, "--require-hashes", "--requirement", str(LOCK)],
        check=True,
        stdout=sys.stderr,
    )
    stamp.write_bytes(LOCK.read_bytes())


def program(name: str) -> str:
    """The path of one of the environment's programs: `ministack`, `aws`, `python`."""
    return str(_BIN / name)


if __name__ == "__main__":
    install()
