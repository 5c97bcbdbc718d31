"""Users with two access keys that work."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot
from keylease.audit.wording import ADOPT, active, day, of_people


def find(at: Snapshot) -> Iterator[Found]:
    """Two at once are for the days of a change, and no longer."""
    for row in of_people(at):
        both = active(row)
        if len(both) > 1:
            evidence = tuple(
                (f"access key {key.slot}", f"made {day(key.made)}, used {day(key.used)}") for key in both
            )
            sentence = f"{row.user} has two active access keys."
            yield Found(kind="user", subject=row.user, arn=row.arn, sentence=sentence, evidence=evidence)


CHECK = Check(
    id="key-second",
    title="A user has two active access keys",
    severity=Severity.LOW,
    why="Usually the old one was forgotten when the new one was made.",
    mend=f"`{ADOPT}` gives both an end; look at their last use for the one that can go today.",
    cis=cis("1.13", "1.13", "1.12", "2.12", "-"),
    parts=("report",),
    find=find,
)
