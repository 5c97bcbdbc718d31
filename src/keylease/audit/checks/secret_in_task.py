"""Secrets in the environment of ECS task definitions."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.in_plain_text import secrets_in
from keylease.audit.snapshot import Snapshot


def find(at: Snapshot) -> Iterator[Found]:
    """The variables of the containers of each family's latest active task definition."""
    return secrets_in(at.tasks)


CHECK = Check(
    id="secret-in-task",
    title="A secret lies in a task definition",
    severity=Severity.CRITICAL,
    why="Everybody who may describe task definitions reads it; old revisions keep it for ever.",
    mend="Use a task role, or `secrets` with Secrets Manager; deregister the revision, and end the key: "
    "`keylease adopt plan`.",
    parts=("tasks",),
    find=find,
)
