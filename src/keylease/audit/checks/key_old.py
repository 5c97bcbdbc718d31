"""Access keys beyond the age that is allowed."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot
from keylease.audit.wording import ADOPT, active, age, key_evidence, key_name, of_people


def find(at: Snapshot) -> Iterator[Found]:
    """Each active one by itself."""
    for row in of_people(at):
        for key in active(row):
            if key.made and at.at - key.made > at.limits.key_age:
                yield Found(
                    kind="user",
                    subject=row.user,
                    arn=row.arn,
                    about=f"key {key.slot}",
                    sentence=f"{row.user}: {key_name(at, row.user, key)} is {age(key.made, at.at)} old.",
                    evidence=key_evidence(at, key),
                )


CHECK = Check(
    id="key-old",
    title="An access key is older than it may be",
    severity=Severity.MEDIUM,
    why="The longer a key lives the more places hold a copy: laptops that were sold, backups, a chat.",
    mend=f"`{ADOPT}` gives it an owner and an end date.",
    cis=cis("1.14", "1.14", "1.13", "2.13", "2.12"),
    parts=("report",),
    find=find,
)
