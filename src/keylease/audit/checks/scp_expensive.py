"""No policy of the organization forbids what ruins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keylease.audit.checks.scp_regions import any_denies_by
from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Document, Snapshot, seen
from keylease.domain.statement import as_list, conditions, overlap, statements

PURCHASES = (
    "ec2:PurchaseReservedInstancesOffering",
    "ec2:PurchaseHostReservation",
    "ec2:PurchaseCapacityBlock",
    "savingsplans:CreateSavingsPlan",
    "shield:CreateSubscription",
    "bedrock:CreateProvisionedModelThroughput",
)


def find(at: Snapshot) -> Iterator[Found]:
    """No SCP denies instance types, nor any of the large purchases."""
    organization = seen(at.organization)
    if organization is None:
        sentence = "The account is in no organization, so nothing above it forbids expensive services."
        yield Found(kind="account", subject=at.account, sentence=sentence)
        return
    scps = seen(organization.scps)
    if not any_denies_by(scps, "ec2:instancetype") and not _forbids_purchases(scps):
        sentence = "No service control policy forbids expensive instance types or purchases."
        yield Found(kind="organization", subject=organization.id, sentence=sentence)


def _forbids_purchases(scps: Mapping[str, Document]) -> bool:
    return any(
        one.get("Effect") == "Deny"
        and not any(key == "aws:requestedregion" for _, key, _ in conditions(one))
        and any(overlap(str(action), purchase) for action in as_list(one.get("Action")) for purchase in PURCHASES)
        for document in scps.values()
        for one in statements(document)
    )


CHECK = Check(
    id="scp-expensive",
    title="Nothing forbids expensive services",
    severity=Severity.LOW,
    why="One stolen key can buy graphics machines, or three years of reserved capacity, in one call.",
    mend="`keylease baseline plan` has the policy.",
    parts=("organization",),
    find=find,
)
