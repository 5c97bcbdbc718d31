"""A file of the person's that is written whole or not at all, and one at a time.

`write` never leaves a half-written file behind, follows a symbolic link to its target, keeps the file's owner, and
does not overrule somebody who made the file read-only. Another keylease that writes into the same folder waits
meanwhile. What is private is readable by its owner alone; any other file keeps the mode that it has.

Nobody gets a file by having put something into its place before. Its owner is kept only where that is who runs
keylease, who has called sudo, or whose folder it is (so that `sudo` in a home leaves the home's owner in charge);
a file of anybody else is refused. In a folder into which everybody may write (/tmp is one) nothing is followed or
trusted that somebody else may have made: no symbolic link, no folder and no file of theirs.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from keylease.domain.clock import SystemClock
from keylease.errors import FileNotWritten

PRIVATE = 0o600
_LINKS = 40
"""As many links one after another as Linux follows (path_resolution(7))."""
_TRIES, _PAUSE = 20, 0.1
"""On Windows a file that another program holds open cannot be replaced; most hold it for a moment only."""


def read(path: Path) -> bytes:
    """The file's bytes, none where there is no file. Raises `FileNotWritten`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be read: {error.strerror}.") from None


def write(path: Path, change: Callable[[bytes], bytes], *, private: bool = True) -> None:
    """Replace a file by `change` of its bytes, at once; leave it alone where nothing changes.

    Raises `FileNotWritten`, and whatever `change` raises; then nothing was written.
    """
    try:
        target = _target(path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(target.parent):
            before = read(target)
            after = change(before)
            if after != before or (private and _mode(target) != PRIVATE):
                check_writable(path)
                _replace(target, after, PRIVATE if private else _mode(target) or PRIVATE)
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be written: {error.strerror}.") from None


def check_writable(path: Path) -> None:
    """Raises `FileNotWritten` where `write` would, as far as one can know beforehand."""
    target = _target(path)
    if target.exists() and not target.is_file():
        raise FileNotWritten(f"{path} is not a file.")
    _owner(target)
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        raise FileNotWritten(f"{path} is read-only.", hint="Whoever made it so has a reason; ask, or change that.")
    folder = next(folder for folder in target.parents if folder.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise FileNotWritten(f"{path} cannot be written: {folder} does not let you.")


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Hold a folder or a file against every other process that asks for it in this way; waits for its turn."""
    if sys.platform == "win32":
        with _alone_on_windows(place):
            yield
        return
    import fcntl

    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone_with(lock: Path) -> Iterator[None]:
    """Hold a file that is there for nothing else, made if need be. Raises `FileNotWritten`.

    Not for a file that `write` is given meanwhile: who holds a folder and asks for it again waits for ever.
    """
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.touch(mode=PRIVATE)
    except OSError as error:
        raise FileNotWritten(f"{lock} cannot be written: {error.strerror}.") from None
    with alone(lock):
        yield


@contextmanager
def _alone_on_windows(place: Path) -> Iterator[None]:
    """Windows locks bytes of files and no folders, so a file beside the place stands for it."""
    if sys.platform != "win32":
        return
    import msvcrt

    beside = place / ".keylease.lock" if place.is_dir() else place.with_name(f"{place.name}.lock")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT)
    try:
        while True:  # each try waits ten seconds by itself
            with suppress(OSError):
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                break
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, content: bytes, mode: int) -> None:
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _keep_owner(target, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        _take_the_place(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _take_the_place(beside: Path, target: Path) -> None:
    for _ in range(_TRIES if sys.platform == "win32" else 0):
        with suppress(PermissionError):
            beside.replace(target)
            return
        SystemClock().sleep(_PAUSE)
    beside.replace(target)


def _mode(target: Path) -> int:
    """The file's permissions; 0 where there is no file."""
    return stat.S_IMODE(target.stat().st_mode) if target.exists() else 0


def _keep_owner(target: Path, descriptor: int) -> None:
    """Under sudo the file stays its owner's; where that cannot be, the write fails."""
    before, now = _owner(target), os.fstat(descriptor)
    if before is not None and before != (now.st_uid, now.st_gid):
        os.fchown(descriptor, *before)


def _owner(target: Path) -> tuple[int, int] | None:
    """Whose the file is, user and group; None where there is none. Raises `FileNotWritten` for a foreign one."""
    if sys.platform == "win32" or not os.path.lexists(target):
        return None
    there = os.lstat(target)
    if there.st_uid not in _runners() | {target.parent.stat().st_uid}:
        raise FileNotWritten(
            f"{target} belongs to somebody else (user {there.st_uid}), who could read what is written there.",
            hint="Name a file that is yours, or that does not exist yet.",
        )
    return there.st_uid, there.st_gid


def _target(path: Path) -> Path:
    """Where the path leads. Raises `FileNotWritten` where somebody else may have laid it."""
    whole = path.absolute()
    for _ in range(_LINKS if sys.platform != "win32" else 0):
        way = (whole, *whole.parents)
        for one in way:
            _must_be_own(one)
        link = next((one for one in reversed(way) if one.is_symlink()), None)
        if link is None:
            break
        whole = link.parent / link.readlink() / whole.relative_to(link)
    return Path(os.path.realpath(whole))


def _must_be_own(one: Path) -> None:
    if not _everybody_may_write(one.parent) or not os.path.lexists(one):
        return
    there = os.lstat(one)
    if stat.S_ISLNK(there.st_mode) or there.st_uid not in _runners() | {0}:
        raise FileNotWritten(
            f"{one} is a link, or somebody else's, in a folder into which everybody may write.",
            hint="Name a place that is yours alone.",
        )


def _everybody_may_write(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:  # it is not there yet, or not for us to see
        return False


def _runners() -> set[int]:
    """Who runs this: the user, and under sudo who has called it."""
    if sys.platform == "win32":
        return set()
    user = os.geteuid()
    caller = os.environ.get("SUDO_UID", "") if user == 0 else ""
    return {user, int(caller)} if caller.isdecimal() else {user}
