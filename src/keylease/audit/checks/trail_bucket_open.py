"""The bucket of a trail that others can read."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """Public by its policy, or without a block against becoming so."""
    for one in seen(at.trails):
        if not one.logging:
            continue
        bucket = seen(one.bucket)
        if bucket.public_by_policy:
            sentence = f"The bucket {bucket.name} of the trail {one.name} is public."
        elif not seen(bucket.public_blocked):
            sentence = f"Nothing keeps the bucket {bucket.name} of the trail {one.name} from becoming public."
        else:
            continue
        worse = Severity.CRITICAL if bucket.public_by_policy else None
        arn = f"arn:{at.partition}:s3:::{bucket.name}"
        yield Found(kind="bucket", subject=bucket.name, arn=arn, about=one.name, sentence=sentence, severity=worse)


CHECK = Check(
    id="trail-bucket-open",
    title="A trail's bucket is open",
    severity=Severity.MEDIUM,
    why="The log tells a thief who has which rights, and what nobody watches.",
    mend="`aws s3api put-public-access-block --bucket NAME --public-access-block-configuration "
    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`.",
    parts=("trails",),
    find=find,
)
