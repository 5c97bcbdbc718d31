"""Secrets in what instances and launch templates are started with."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.in_plain_text import secrets_in
from keylease.audit.snapshot import Snapshot


def find(at: Snapshot) -> Iterator[Found]:
    """User data of instances, and of launch templates' default and latest versions."""
    return secrets_in(at.user_data)


CHECK = Check(
    id="secret-in-user-data",
    title="A secret lies in user data",
    severity=Severity.CRITICAL,
    why="Every program on the instance can read it, and so can everybody who may describe instances.",
    mend="Give the instance a role, take the key out of the user data, and end it: `keylease adopt plan`.",
    parts=("user_data",),
    find=find,
)
