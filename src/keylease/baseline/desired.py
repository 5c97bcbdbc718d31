"""Everything that the configuration wants in one account, part by part, in the order in which it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from keylease.baseline.federation import federation
from keylease.baseline.organization import organization
from keylease.baseline.people import ec2, people, settled
from keylease.baseline.sets import broker, launch, sets
from keylease.baseline.trace import cost, trace
from keylease.baseline.wanted import Wanted
from keylease.domain.guardrail import Resource

PARTS: dict[str, Callable[[Wanted], Iterator[Resource]]] = {
    "trace": trace,
    "cost": cost,
    "people": people,
    "broker": broker,
    "sets": sets,
    "launch": launch,
    "settled": settled,
    "ec2": ec2,
    "federation": federation,
    "organization": organization,
}


def resources(wanted: Wanted) -> list[Resource]:
    """All resources of the parts that the configuration looks at. Raises `BadGuardrail`."""
    parts = wanted.settings.baseline.parts
    return [one for name, part in PARTS.items() if name in parts for one in part(wanted)]
