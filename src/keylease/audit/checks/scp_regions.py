"""No policy of the organization keeps its accounts to their regions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Document, Snapshot, seen
from keylease.domain.statement import conditions, statements


def find(at: Snapshot) -> Iterator[Found]:
    """No SCP denies by `aws:RequestedRegion`. An account without an organization has none to have."""
    organization = seen(at.organization)
    if organization is None:
        sentence = "The account is in no organization, so nothing above it can keep it to its regions."
        yield Found(kind="account", subject=at.account, sentence=sentence)
    elif not any_denies_by(seen(organization.scps), "aws:requestedregion"):
        sentence = "No service control policy keeps accounts to their regions."
        yield Found(kind="organization", subject=organization.id, sentence=sentence)


def any_denies_by(scps: Mapping[str, Document], key: str) -> bool:
    """Whether some SCP denies something by a condition key, whatever the operator."""
    return any(
        one.get("Effect") == "Deny" and any(name == key for _, name, _ in conditions(one))
        for document in scps.values()
        for one in statements(document)
    )


CHECK = Check(
    id="scp-regions",
    title="Nothing keeps accounts to their regions",
    severity=Severity.LOW,
    why="Thieves work where nobody looks: in regions that the company never uses.",
    mend="`keylease baseline plan` has the policy, with the services that answer from elsewhere left out.",
    parts=("organization",),
    find=find,
)
