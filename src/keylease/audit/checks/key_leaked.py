"""AWS itself found a key in public and put its owner under quarantine."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen

QUARANTINE = "AWSCompromisedKeyQuarantine"


def find(at: Snapshot) -> Iterator[Found]:
    """Users that wear one of AWS's quarantine policies."""
    for user in seen(at.iam).users:
        worn = [arn for arn in user.attached if QUARANTINE in arn]
        if worn:
            yield Found(
                kind="user",
                subject=user.name,
                arn=user.arn,
                sentence=f"AWS found an access key of {user.name} in public.",
                evidence=(("quarantine", worn[0].rpartition("/")[2]),),
            )


CHECK = Check(
    id="key-leaked",
    title="AWS has found an access key in public",
    severity=Severity.CRITICAL,
    why="Others have the key. The quarantine denies some calls, not all.",
    mend="Deactivate it now: `aws iam update-access-key --user-name NAME --access-key-id ID --status Inactive`; "
    "then look "
    "into CloudTrail for what it did.",
    parts=("iam",),
    find=find,
)
