"""Access keys that nobody ever used."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot
from keylease.audit.wording import ADOPT, active, day, key_evidence, key_name, of_people


def find(at: Snapshot) -> Iterator[Found]:
    """Active, without a use, and not made within the last days."""
    for row in of_people(at):
        for key in active(row):
            if key.used is None and key.made and at.at - key.made > at.limits.settling:
                which = key_name(at, row.user, key)
                yield Found(
                    kind="user",
                    subject=row.user,
                    arn=row.arn,
                    about=f"key {key.slot}",
                    sentence=f"{row.user}: {which}, made on {day(key.made)}, was never used.",
                    evidence=key_evidence(at, key),
                )


CHECK = Check(
    id="key-never-used",
    title="An access key was never used",
    severity=Severity.MEDIUM,
    why="Nobody would miss it, and nobody would notice a thief's first use of it.",
    mend=f"`{ADOPT}` ends it; nothing depends on it.",
    cis=cis("1.11", "1.11", "1.10", "2.10", "-"),
    parts=("report",),
    find=find,
)
