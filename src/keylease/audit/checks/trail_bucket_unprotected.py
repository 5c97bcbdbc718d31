"""The bucket of a trail from which files can be taken away for good."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """Neither versions nor an object lock."""
    for one in seen(at.trails):
        if not one.logging:
            continue
        bucket = seen(one.bucket)
        if not bucket.versioned and not bucket.locked:
            sentence = (
                f"The bucket {bucket.name} of the trail {one.name} keeps no versions: what is deleted is gone."
            )
            arn = f"arn:{at.partition}:s3:::{bucket.name}"
            yield Found(kind="bucket", subject=bucket.name, arn=arn, about=one.name, sentence=sentence)


CHECK = Check(
    id="trail-bucket-unprotected",
    title="A trail's bucket is unprotected",
    severity=Severity.LOW,
    why="The first thing that a careful thief does is to delete the log.",
    mend="Keep the log in an account of its own, with versions and an object lock: "
    "`aws s3api put-bucket-versioning --bucket NAME --versioning-configuration Status=Enabled`.",
    parts=("trails",),
    find=find,
)
