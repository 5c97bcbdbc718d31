"""Access keys without a use for long."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot
from keylease.audit.wording import ADOPT, active, age, key_evidence, key_name, of_people


def find(at: Snapshot) -> Iterator[Found]:
    """Active ones that were used once, longer ago than the limit."""
    for row in of_people(at):
        for key in active(row):
            if key.used and at.at - key.used > at.limits.unused:
                which = key_name(at, row.user, key)
                yield Found(
                    kind="user",
                    subject=row.user,
                    arn=row.arn,
                    about=f"key {key.slot}",
                    sentence=f"{row.user}: {which} was last used {age(key.used, at.at)} ago.",
                    evidence=key_evidence(at, key),
                )


CHECK = Check(
    id="key-unused",
    title="An access key is not used any more",
    severity=Severity.MEDIUM,
    why="What it was for is over, and the key still opens the account.",
    mend=f"`{ADOPT}` ends it after a warning to its owner.",
    cis=cis("1.12", "1.12", "1.11", "2.11", "2.11"),
    parts=("report",),
    find=find,
)
