"""Credentials for one service that last: Bedrock API keys, CodeCommit passwords, Keyspaces."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen
from keylease.audit.wording import age, day


def find(at: Snapshot) -> Iterator[Found]:
    """Each active one that has no end, or an end beyond the age that an access key may have."""
    for one in seen(at.service_credentials):
        if not one.active or (one.expires and one.expires - at.at <= at.limits.key_age):
            continue
        end = f"ends on {day(one.expires)}" if one.expires else "never ends"
        yield Found(
            kind="user",
            subject=one.user,
            arn=f"arn:{at.partition}:iam::{at.account}:user/{one.user}",
            about=one.id,
            sentence=f"{one.user} has a credential for {one.service} that {end}.",
            evidence=(("id", one.id), ("made", f"{day(one.created)} ({age(one.created, at.at)} ago)")),
        )


CHECK = Check(
    id="service-credential",
    title="A service-specific credential lasts",
    severity=Severity.HIGH,
    why="It is a key like any other, and no credential report, no key rotation and few scanners show it.",
    mend="Delete it: `aws iam delete-service-specific-credential --user-name NAME "
    "--service-specific-credential-id ID`.",
    parts=("service_credentials",),
    find=find,
)
