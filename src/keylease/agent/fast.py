"""The quick way of `credential_process`: `python -I -S fast.py LEASE` prints the credentials that are cached.

An AWS program starts this for every command that somebody types, so it loads nothing that Python has not loaded
already (not even `os`, which would take a tenth longer), and reads one small file. Where that does not do (there
is none, it is to be renewed, it is not this person's), keylease itself takes over, in the same process where the
system can do that.

The file's first line has three whole seconds: when it was written, when the credentials end, and from when on they
are to be renewed; its second line is the answer, ready to print. A file from the future means that the clock was
turned back, and counts as none.

It stands for itself: started like this, Python finds no module of keylease's.
"""

import sys
import time

if sys.platform == "win32":
    import nt as system
else:
    import posix as system

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself would take as long as all the rest
    from collections.abc import Mapping

TURNED_BACK = 60
"""Seconds by which a file may come from the future."""
MOST = 65_536
"""Bytes; a session token of AWS's has at most 4,096."""
REST = ("-E", "-P", "-m", "keylease", "credentials", "--lease")
"""Started so that neither the environment's Python settings nor the working folder decide which code runs."""


def folders(environment: "Mapping[str, str]") -> list[str]:
    """Where sessions are cached, in this order: first a folder that lives in memory, where the system has one."""
    home = environment.get("HOME", "")
    if sys.platform == "win32":
        found = [environment.get("LOCALAPPDATA", "")]
    elif sys.platform == "darwin":
        found = [home and f"{home}/Library/Caches"]
    else:
        cache = environment.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
        found = [environment.get("XDG_RUNTIME_DIR", ""), cache]
    return [f"{folder}/keylease" for folder in found if folder.startswith("/") or folder[1:2] == ":"]


def name(lease: str) -> str:
    """The name of a lease's file; empty for what is no lease's id."""
    return f"{lease}.session" if lease.replace("-", "").isalnum() and lease.isascii() else ""


def answer(path: str, now: float) -> bytes | None:
    """The line to print, if the file holds one that will do now."""
    lines = read(path).split(b"\n", 2)
    try:
        written, _, renew = (int(number) for number in lines[0].split())
    except ValueError:
        return None
    fits = len(lines) == 3 and written - TURNED_BACK <= now < renew
    return lines[1] + b"\n" if fits else None


def read(path: str) -> bytes:
    """A file that belongs to this person and is readable by nobody else; nothing for any other."""
    try:
        descriptor = system.open(path, system.O_RDONLY | getattr(system, "O_NOFOLLOW", 0))
    except (OSError, ValueError):
        return b""
    try:
        facts = system.fstat(descriptor)
        private = sys.platform == "win32" or (facts.st_uid == system.getuid() and not facts.st_mode & 0o077)
        return system.read(descriptor, MOST) if private else b""
    except OSError:
        return b""
    finally:
        system.close(descriptor)


def main(lease: str, now: float) -> int:
    """Print the credentials, or let keylease do it; the exit status."""
    file = name(lease)
    for folder in folders(_environment()) if file else ():
        line = answer(f"{folder}/{file}", now)
        if line:
            return _printed(line)
    return _slowly([sys.executable, *REST, lease])


def _environment() -> dict[str, str]:
    if sys.platform == "win32":
        return dict(system.environ)
    return {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in system.environ.items()
    }


def _printed(line: bytes) -> int:
    try:
        system.write(1, line)
    except OSError:  # whoever asked went away
        return 1
    return 0


def _slowly(command: list[str]) -> int:
    if sys.platform == "win32":  # there a program that takes another's place looks like one that has ended
        import subprocess

        return subprocess.call(command)
    return system.execv(sys.executable, command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", time.time()))  # noqa: TID251 - nothing of ours is loaded
