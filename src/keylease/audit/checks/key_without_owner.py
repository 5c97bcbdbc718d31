"""Access keys of which nobody can say whose they are."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen
from keylease.audit.wording import ADOPT, active, of_people, owner


def find(at: Snapshot) -> Iterator[Found]:
    """Users with an active access key and without a tag that names an owner."""
    tagged = {user.name: owner(user, at.limits.owner_tags) for user in seen(at.iam).users}
    for row in of_people(at):
        keys = active(row)
        if keys and row.user in tagged and tagged[row.user] is None:
            yield Found(
                kind="user",
                subject=row.user,
                arn=row.arn,
                sentence=f"{row.user} has an access key, and no tag says whose it is.",
                evidence=(
                    ("active access keys", str(len(keys))),
                    ("tags looked for", ", ".join(at.limits.owner_tags)),
                ),
            )


CHECK = Check(
    id="key-without-owner",
    title="An access key has no owner",
    severity=Severity.MEDIUM,
    why="When it leaks there is nobody to ask what it is for, so nobody dares to end it.",
    mend=f"`{ADOPT}` looks for the owner in tags and in CloudTrail, and asks for the rest.",
    parts=("report", "iam"),
    find=find,
)
