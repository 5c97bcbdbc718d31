"""Users that are in no group."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, seen
from keylease.audit.wording import is_leased


def find(at: Snapshot) -> Iterator[Found]:
    """Users of people and machines; a lease that is on hold is in none either, and is not meant."""
    for user in seen(at.iam).users:
        if not user.groups and not is_leased(user.arn):
            sentence = f"{user.name} is in no group."
            yield Found(kind="user", subject=user.name, arn=user.arn, sentence=sentence)


CHECK = Check(
    id="user-outside-groups",
    title="A user is in no group",
    severity=Severity.LOW,
    why="What it may do is said nowhere but on itself, if it may do anything at all.",
    mend="Put it into a group, or end it: `keylease adopt plan`.",
    cis=cis("1.15", "1.15", "1.14", "2.14", "2.13"),
    parts=("iam",),
    find=find,
)
