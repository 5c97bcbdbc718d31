"""Secrets in SSM parameters that are not encrypted."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.in_plain_text import secrets_in
from keylease.audit.snapshot import Snapshot


def find(at: Snapshot) -> Iterator[Found]:
    """Parameters of the types String and StringList."""
    return secrets_in(at.parameters)


CHECK = Check(
    id="secret-in-parameter",
    title="A secret lies in a plain SSM parameter",
    severity=Severity.HIGH,
    why="A plain parameter is text to everybody who may read parameters; a SecureString asks for the key of KMS "
    "too.",
    mend="Use a role instead of the key and end it (`keylease adopt plan`); what must stay belongs into a "
    "SecureString.",
    parts=("parameters",),
    find=find,
)
