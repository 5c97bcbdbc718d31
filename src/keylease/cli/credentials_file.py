"""A profile in the credentials file that AWS programs share, written without touching anything else.

`with_profile` is pure: the file's bytes and a profile in, the new bytes out (agent/sections.py has the rules).

keylease's own section begins with a marker that names the lease and the access key. A section is replaced only
when it has that marker and still holds that access key; anything else raises `NotOurs`, since nobody can get back
a secret that was overwritten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keylease.agent import private_file, sections
from keylease.agent.private_file import check_writable, read
from keylease.agent.sections import Section, is_fit
from keylease.domain.secret import Secret
from keylease.errors import NotOurs

__all__ = [
    "Profile",
    "check_writable",
    "default_file",
    "is_fit",
    "may_hold",
    "read",
    "with_profile",
    "write_private",
]

_MARKER = re.compile(rb"# keylease (\S+) (\S+): ")
_ACCESS_KEY_ID = re.compile(rb"aws_access_key_id\s*=\s*(\S*)", re.IGNORECASE)
_ACCESS_KEY = re.compile(rb"aws_(?:access_key_id|secret_access_key)\s*=", re.IGNORECASE)
_SESSION = re.compile(rb"\s*aws_(?:session|security)_token\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What goes into one section."""

    name: str
    lease_id: str
    access_key_id: str
    secret_access_key: Secret
    expires_at: str


def with_profile(content: bytes, profile: Profile) -> bytes:
    """The file with this profile. Raises `NotOurs` where a section of that name is not keylease's."""
    return sections.put(content, _section(profile.name, _written(profile)))


def may_hold(content: bytes, name: str) -> None:
    """Raises `NotOurs` where `with_profile` would, before there is an access key to write."""
    sections.may_hold(content, _section(name))


def default_file() -> Path:
    """Where AWS programs look: `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`."""
    named = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
    return Path(named or "~/.aws/credentials").expanduser()


def write_private(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file by `change` of its bytes, at once and with mode 0600. Raises `FileNotWritten`."""
    private_file.write(path, change)


def _section(name: str, lines: tuple[str, ...] = ()) -> Section:
    return Section(
        title=name,
        lines=lines,
        is_it=lambda text: text == name.encode(),
        check=lambda there: _must_be_ours(there, name),
        own=lambda there: {number for number, line in enumerate(there) if _ACCESS_KEY.match(line)},
    )


def _must_be_ours(section: Sequence[bytes], name: str) -> None:
    marker = _MARKER.match(section[1]) if len(section) > 1 else None
    if marker is None:
        raise NotOurs(f"The profile {name} exists, and keylease did not write it.")
    held = [found[1] for line in section if (found := _ACCESS_KEY_ID.match(line))]
    if held != [marker[2]] or any(_SESSION.match(line) for line in section):
        raise NotOurs(f"The profile {name} was changed since keylease wrote it.")


def _written(profile: Profile) -> tuple[str, ...]:
    return (
        f"# keylease {profile.lease_id} {profile.access_key_id}: AWS refuses it from {profile.expires_at} on",
        f"aws_access_key_id = {profile.access_key_id}",
        f"aws_secret_access_key = {profile.secret_access_key.reveal()}",
    )
