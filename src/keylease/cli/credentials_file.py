"""A profile in the credentials file that AWS programs share, written without touching anything else.

`with_profile` is pure: the file's bytes and a profile in, the new bytes out. Lines that keylease did not write
come out byte for byte as they went in, whatever they hold: comments, CRLF, a byte order mark, other encodings.

keylease's own section begins with a marker that names the lease and the access key. A section is replaced only
when it has that marker and still holds that access key; anything else raises `NotOurs`, since nobody can get back
a secret that was overwritten. Inside its own section keylease replaces its own three lines and leaves the rest.

`write_private` writes a file whole or not at all, readable by its owner alone. It follows a symbolic link to its
target, and never leaves a half-written file behind.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from keylease.domain.secret import Secret
from keylease.errors import FileNotWritten, NotOurs

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*([^\]]*?)\s*\]")
_MARKER = re.compile(rb"# keylease (\S+) (\S+): ")
_ACCESS_KEY_ID = re.compile(rb"aws_access_key_id\s*=\s*(\S*)", re.IGNORECASE)
_ACCESS_KEY = re.compile(rb"aws_(?:access_key_id|secret_access_key)\s*=", re.IGNORECASE)
_SESSION = re.compile(rb"\s*aws_(?:session|security)_token\s*=", re.IGNORECASE)
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_UNFIT = set("[]#;\"'\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What goes into one section."""

    name: str
    lease_id: str
    access_key_id: str
    secret_access_key: Secret
    expires_at: str


def is_fit(name: str) -> bool:
    """Whether every program reads a section of this name alike: no brackets, quotes, comment or control signs."""
    return bool(name) and name == name.strip() and name.isprintable() and not _UNFIT & set(name)


def with_profile(content: bytes, profile: Profile) -> bytes:
    """The file with this profile. Raises `NotOurs` where a section of that name is not keylease's."""
    lines = _lines(content)
    section = _section(lines, profile.name)
    ending = _line_ending(content)
    if section is None:
        return content + _gap(content, ending) + ending.join([_header(profile), *_written(profile), b""])
    after_marker = lines[section.start + 2 : section.stop]
    kept = [line for line in after_marker if not _ACCESS_KEY.match(line)]
    ours = [line + ending for line in _written(profile)]
    return b"".join([*lines[: section.start + 1], *ours, *kept, *lines[section.stop :]])


def may_hold(content: bytes, name: str) -> None:
    """Raises `NotOurs` where `with_profile` would, before there is an access key to write."""
    _section(_lines(content), name)


def default_file() -> Path:
    """Where AWS programs look: `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`."""
    named = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
    return Path(named or "~/.aws/credentials").expanduser()


def read(path: Path) -> bytes:
    """The file's bytes, none where there is no file. Raises `FileNotWritten`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be read: {error.strerror}.") from None


def write_private(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file by `change` of its bytes, at once and with mode 0600. Raises `FileNotWritten`.

    Another keylease that writes into the same folder waits meanwhile, where the system can lock a folder.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone_in(target.parent):
            _replace(target, change(read(target)))
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be written: {error.strerror}.") from None


def check_writable(path: Path) -> None:
    """Raises `FileNotWritten` where `write_private` would, as far as one can know beforehand."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise FileNotWritten(f"{path} is not a file.")
    folder = next(folder for folder in target.parents if folder.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise FileNotWritten(f"{path} cannot be written: {folder} does not let you.")


def _lines(content: bytes) -> list[bytes]:
    if content.startswith(_WIDE) or b"\0" in content:
        raise NotOurs("The credentials file is not in an encoding that AWS programs read.")
    return _LINE.findall(content)


def _section(lines: list[bytes], name: str) -> slice | None:
    """The lines of the section of this name, from its header on; None where there is none."""
    headers = [
        number for number, line in enumerate(lines) if line.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    ]
    named = [number for number in headers if _named(lines[number]) == name.encode()]
    if not named:
        return None
    start = named[0]
    section = slice(start, next((number for number in headers if number > start), len(lines)))
    if len(named) > 1:
        raise NotOurs(f"The profile {name} stands twice in the credentials file.")
    _must_be_ours(lines[section], name)
    return section


def _named(line: bytes) -> bytes | None:
    header = _HEADER.match(line)
    return header[1] if header else None


def _must_be_ours(section: list[bytes], name: str) -> None:
    marker = _MARKER.match(section[1]) if len(section) > 1 else None
    if marker is None:
        raise NotOurs(f"The profile {name} exists, and keylease did not write it.")
    held = [found[1] for line in section if (found := _ACCESS_KEY_ID.match(line))]
    if held != [marker[2]] or any(_SESSION.match(line) for line in section):
        raise NotOurs(f"The profile {name} was changed since keylease wrote it.")


def _header(profile: Profile) -> bytes:
    return f"[{profile.name}]".encode()


def _written(profile: Profile) -> list[bytes]:
    marker = f"# keylease {profile.lease_id} {profile.access_key_id}: AWS refuses it from {profile.expires_at} on"
    access_key_id = f"aws_access_key_id = {profile.access_key_id}"
    secret_access_key = f"aws_secret_access_key = {profile.secret_access_key.reveal()}"
    return [line.encode() for line in (marker, access_key_id, secret_access_key)]


def _line_ending(content: bytes) -> bytes:
    first = re.search(rb"\r\n|\n|\r", content)
    return first[0] if first else b"\n"


def _gap(content: bytes, ending: bytes) -> bytes:
    """What parts a new section from what is before it."""
    if not content.removeprefix(b"\xef\xbb\xbf"):
        return b""
    return ending if content.endswith((b"\n", b"\r")) else ending * 2


def _replace(target: Path, content: bytes) -> None:
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _keep_owner(target, file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _keep_owner(target: Path, descriptor: int) -> None:
    """Under sudo the file stays its owner's; where that cannot be, the write fails."""
    if not hasattr(os, "fchown") or not target.exists():
        return
    before, now = target.stat(), os.fstat(descriptor)
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(descriptor, before.st_uid, before.st_gid)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    try:
        import fcntl  # there is none on Windows
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
