"""Instances that give their role's credentials to whoever makes them fetch an address."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, everywhere


def find(at: Snapshot) -> Iterator[Found]:
    """The first version of the metadata service is allowed; worse where there is a role to steal."""
    for region, one in everywhere(at.instances):
        if one.endpoint_on and not one.token_required:
            has_role = one.profile is not None
            yield Found(
                kind="instance",
                subject=one.id,
                arn=one.arn,
                region=region,
                sentence=f"The instance {one.id} answers the first version of the metadata service (IMDSv1).",
                evidence=(("role", one.profile or "none"),),
                severity=None if has_role else Severity.MEDIUM,
            )


CHECK = Check(
    id="metadata-v1",
    title="An instance answers IMDSv1",
    severity=Severity.HIGH,
    why="A web application that can be made to fetch an address hands out the role's credentials.",
    mend="`aws ec2 modify-instance-metadata-options --instance-id ID --http-tokens required`.",
    cis=cis("5.6", "5.7", "5.7", "6.7", "6.7"),
    parts=("instances",),
    find=find,
)
