"""Instances without a role: whatever runs there that needs AWS has a key in a file."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, everywhere


def find(at: Snapshot) -> Iterator[Found]:
    """Each one that has no instance profile."""
    for region, one in everywhere(at.instances):
        if one.profile is None:
            sentence = f"The instance {one.id} has no role."
            yield Found(kind="instance", subject=one.id, arn=one.arn, region=region, sentence=sentence)


CHECK = Check(
    id="instance-without-role",
    title="An instance has no role",
    severity=Severity.LOW,
    why="A role's credentials change by themselves every few hours; a key in a file stays.",
    mend="Give it an instance profile; `keylease adopt plan` says which keys are used from instances.",
    cis=cis("1.18", "1.18", "1.17", "2.17", "2.16"),
    parts=("instances",),
    find=find,
)
