"""A request as its approver sees it: all that is needed to decide, on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keylease.domain.lease import Lease, State
from keylease.ports import LeaseQuery
from keylease.web import show
from keylease.web.visit import Visit
from keylease.web.wire import LeaseOut

DECIDED_FOR = frozenset(State) - {State.REQUESTED, State.DENIED, State.WITHDRAWN}
MOST_EARLIER = 5000
"""Leases of all who ask that are looked at for what they had before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One request, with what its owner had of the same before."""

    lease: LeaseOut
    if_approved: datetime | None
    """When it would end if it were approved now; None where the instant asked for has come meanwhile."""
    earlier: int
    last_ended: datetime | None


def card(visit: Visit, one: Lease) -> Card:
    """One request."""
    return cards(visit, [one])[0]


def cards(visit: Visit, requests: Sequence[Lease]) -> list[Card]:
    """The requests in the order given; the ledger is asked once for all of them."""
    people = frozenset(one.principal_id for one in requests)
    had = LeaseQuery(principal_ids=people, states=DECIDED_FOR, limit=MOST_EARLIER)
    before = visit.app.store.find(had) if people else []
    return [_card(visit, one, [other for other in before if _is_alike(one, other)]) for one in requests]


def _card(visit: Visit, one: Lease, before: Sequence[Lease]) -> Card:
    over = [
        min(other.ended_at or other.expires_at, other.expires_at) for other in before if other.is_over(visit.now)
    ]
    return Card(
        lease=show.in_detail(visit, one),
        if_approved=show.end_if_approved(visit, one),
        earlier=len(before),
        last_ended=max(over, default=None),
    )


def _is_alike(one: Lease, other: Lease) -> bool:
    mine = (one.principal_id, one.account, one.permission_set)
    return other.id != one.id and mine == (other.principal_id, other.account, other.permission_set)
