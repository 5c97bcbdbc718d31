"""Secrets in parameters and outputs of CloudFormation stacks."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.in_plain_text import secrets_in
from keylease.audit.snapshot import Snapshot


def find(at: Snapshot) -> Iterator[Found]:
    """Parameters that are not hidden (NoEcho), and outputs."""
    return secrets_in(at.stacks)


CHECK = Check(
    id="secret-in-stack",
    title="A secret lies in a stack's parameters",
    severity=Severity.CRITICAL,
    why="Everybody who may describe stacks reads it, and so do templates that import it.",
    mend="Take it out of the stack (NoEcho hides a parameter, not an output), and end the key: `keylease adopt "
    "plan`.",
    parts=("stacks",),
    find=find,
)
