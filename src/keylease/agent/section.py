"""A section of the credentials file that the agent keeps fresh, for programs that read nothing else.

Such a program reads the file when it connects, and a static section wins over a profile of the same name; so the
section has a name of its own, and its credentials are a session's: they end within hours, and with the lease.
The section is keylease's as long as its marker names the access key that stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from keylease.agent import private_file, sections
from keylease.agent.sections import Section
from keylease.agent.session import Session
from keylease.domain.clock import to_text
from keylease.errors import NotOurs

_MARKER = re.compile(rb"# keylease (\S+) (\S+): a session")
_ACCESS_KEY_ID = re.compile(rb"\s*aws_access_key_id\s*=\s*(\S*)", re.IGNORECASE)
_OURS = re.compile(
    rb"\s*(?:aws_(?:access_key_id|secret_access_key|session_token|security_token)|x_security_token_expires|region)\s*=",
    re.IGNORECASE,
)
"""`aws_security_token` is an older name of the session token, which some programs read first: it must not stay."""


def with_session(content: bytes, name: str, session: Session) -> bytes:
    """The credentials file with this section. Raises `NotOurs` where there is one that the agent did not write."""
    return sections.put(content, _section(name, _written(session)))


def may_hold(content: bytes, name: str) -> None:
    """Raises `NotOurs` where `with_session` would."""
    sections.may_hold(content, _section(name))


def deliver(path: Path, name: str, session: Session) -> None:
    """Write the section. Raises `FileNotWritten` and `NotOurs`."""
    private_file.write(path, lambda before: with_session(before, name, session))


def _section(name: str, lines: tuple[str, ...] = ()) -> Section:
    return Section(
        title=name,
        lines=lines,
        is_it=lambda text: text == name.encode(),
        check=lambda there: _must_be_ours(there, name),
        own=lambda there: {number for number, line in enumerate(there) if _OURS.match(line)},
    )


def _must_be_ours(there: Sequence[bytes], name: str) -> None:
    marker = _MARKER.match(there[1]) if len(there) > 1 else None
    if marker is None:
        raise NotOurs(f"The section {name} exists, and keylease's agent did not write it.")
    if [found[1] for line in there if (found := _ACCESS_KEY_ID.match(line))] != [marker[2]]:
        raise NotOurs(f"The section {name} was changed since keylease's agent wrote it.")


def _written(session: Session) -> tuple[str, ...]:
    until = to_text(session.expiration)
    return (
        f"# keylease {session.lease_id} {session.access_key_id}: a session until {until}, kept fresh by the agent",
        f"aws_access_key_id = {session.access_key_id}",
        f"aws_secret_access_key = {session.secret_access_key.reveal()}",
        f"aws_session_token = {session.session_token.reveal()}",
        f"x_security_token_expires = {until}",
        f"region = {session.region}",
    )
