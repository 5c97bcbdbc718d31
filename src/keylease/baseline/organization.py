"""Guardrails for the organization: denials for its member accounts, put in force where the company says so."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.baseline.wanted import Wanted
from keylease.domain.guardrail import Phase, Resource
from keylease.domain.iam import canonical
from keylease.domain.organization_policy import LIMIT, Denials, service_control_policies
from keylease.errors import BadGuardrail

REASONS = {
    "keylease-regions": "Nothing runs in a region that nobody looks at.",
    "keylease-expensive": "Nobody starts what costs a month's budget in an hour, or binds the company for a year.",
    "keylease-protect": "Nobody uses the root user, leaves, or touches what records and guards the account.",
}


def denials(wanted: Wanted) -> Denials:
    """The denials that the configuration asks for."""
    rules = wanted.settings.baseline.organization
    return Denials(
        regions=rules.regions,
        types=rules.instance_types,
        exempt=rules.exempt,
        expensive=rules.expensive,
        root=rules.root,
        leaving=rules.leaving,
        tampering=rules.tampering,
        keylease=rules.keylease,
        keys=rules.keys,
    )


def organization(wanted: Wanted) -> Iterator[Resource]:
    """Service control policies and where they hold. Raises `BadGuardrail` for one that is too long."""
    targets = wanted.settings.baseline.organization.targets
    yield Resource(
        kind="policy-type",
        name="SERVICE_CONTROL_POLICY",
        guardrail="organization",
        reason="Without this switch no policy of the organization holds.",
        properties={},
        phase=Phase.SETTLE,
    )
    for name, document in service_control_policies(denials(wanted)).items():
        if len(canonical(document)) > LIMIT:
            raise BadGuardrail(f"The policy {name} is longer than AWS takes: exempt fewer, or by pattern.")
        yield Resource(
            kind="scp",
            name=name,
            guardrail=f"organization.{name.removeprefix('keylease-')}",
            reason=REASONS[name],
            properties={"document": document, "targets": sorted(targets)},
            phase=Phase.DENY,
        )
