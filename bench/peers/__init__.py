"""Other programs that audit an account, each in an environment of its own beside keylease's.

They are installed from a lock with hashes when they are first measured, and only then. Where one does not
install, its measurement says so and the others go on.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from bench.result import NotMeasured

HERE = Path(__file__).parent
HOME = Path(sys.prefix) / "bench-peers"
WITHIN = 1800
"""Seconds for an installation."""


def program(peer: str, name: str) -> str:
    """The path of a program of a peer, which is installed where it is not. Raises `NotMeasured`."""
    home, lock = HOME / peer, HERE / f"{peer}.lock"
    stamp = home / lock.name
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        _install(home, lock)
        stamp.write_bytes(lock.read_bytes())
    return str(home / "bin" / name)


def _install(home: Path, lock: Path) -> None:
    print(f"Installing {lock.stem} for its measurement; this takes minutes, once.", file=sys.stderr, flush=True)
    venv.create(home, with_pip=True, clear=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run(
            [*command, "--require-hashes", "--requirement", str(lock)],
            check=True,
            timeout=WITHIN,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (subprocess.SubprocessError, OSError) as failure:
        raise NotMeasured(f"{lock.stem} could not be installed here ({type(failure).__name__})") from None
