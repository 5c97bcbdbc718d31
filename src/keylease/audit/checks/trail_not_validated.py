"""Trails whose files could be changed unseen."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """Each trail that logs without digests."""
    for one in seen(at.trails):
        if one.logging and not one.validated:
            sentence = f"The trail {one.name} writes no digests, so a changed log file looks like any other."
            yield Found(kind="trail", subject=one.name, arn=one.arn, sentence=sentence)


CHECK = Check(
    id="trail-not-validated",
    title="A trail's log files are not validated",
    severity=Severity.MEDIUM,
    why="Whoever gets at the bucket can take out the lines about themselves.",
    mend="`aws cloudtrail update-trail --name NAME --enable-log-file-validation`.",
    cis=cis("3.2", "3.2", "3.2", "4.2", "4.2"),
    parts=("trails",),
    find=find,
)
