"""Secrets in the environment of Lambda functions."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.in_plain_text import secrets_in
from keylease.audit.snapshot import Snapshot


def find(at: Snapshot) -> Iterator[Found]:
    """The variables of each function."""
    return secrets_in(at.functions)


CHECK = Check(
    id="secret-in-function",
    title="A secret lies in a function's environment",
    severity=Severity.CRITICAL,
    why="Everybody who may list functions reads it, and it stands in every deployment.",
    mend="Use the function's own role, take the key out, and end it: `keylease adopt plan`.",
    parts=("functions",),
    find=find,
)
