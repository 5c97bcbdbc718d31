"""Nobody writes down what happens in the account."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """No trail that logs the management events of all regions; what there is instead is said."""
    trails = seen(at.trails)
    if any(one.logging and one.all_regions and one.management_events for one in trails):
        return
    if not trails:
        sentence = "There is no CloudTrail trail."
    elif not any(one.logging for one in trails):
        sentence = "No CloudTrail trail is logging."
    elif not any(one.logging and one.all_regions for one in trails):
        sentence = "No CloudTrail trail covers all regions."
    else:
        sentence = "No CloudTrail trail that covers all regions writes down management events."
    evidence = (("trails", ", ".join(sorted(one.name for one in trails)) or "none"),)
    yield Found(kind="account", subject=at.account, sentence=sentence, evidence=evidence)


CHECK = Check(
    id="trail-off",
    title="CloudTrail does not log all regions",
    severity=Severity.HIGH,
    why="Without it nobody can say who did what with which key after 90 days, nor what data was read.",
    mend="`aws cloudtrail create-trail --name all --s3-bucket-name NAME --is-multi-region-trail`, then "
    "`start-logging`.",
    cis=cis("3.1", "3.1", "3.1", "4.1", "4.1"),
    parts=("trails",),
    find=find,
)
