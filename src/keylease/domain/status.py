"""What people are told a lease is: its status, derived from its state and the time, never stored.

A state says what AWS may hold; a status says what that means for a person now. A lease that is `active` with its
time up is `expired` for everybody who asks, whether or not a pass has removed its access key by then: AWS refuses
the key already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keylease.domain.lease import EndReason, Lease, State

SOON = timedelta(days=3)
"""The last stretch of a lease is called ending soon: this long, or the last fifth where that is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things wait for somebody before they close by themselves."""

    decide_within: timedelta = timedelta(days=7)
    """From the request on; then nobody needs to decide any more."""
    collect_within: timedelta = timedelta(days=7)
    """From the approval on, for a lease of which nothing was ever collected."""


PATIENCE = Patience()


def closes_at(lease: Lease, patience: Patience) -> datetime:
    """When a request, or an approval of which nothing was collected, closes by itself; of others, their end."""
    if lease.state is State.REQUESTED:
        return min(lease.expires_at, lease.requested_at + patience.decide_within)
    if lease.state is State.APPROVED and not lease.collections and lease.decided_at is not None:
        return min(lease.expires_at, lease.decided_at + patience.collect_within)
    return lease.expires_at


class Status(StrEnum):
    """The words that pages, terminal and JSON share."""

    REQUESTED = "requested"
    APPROVED = "approved"
    COLLECTING = "collecting"
    ACTIVE = "active"
    ENDING_SOON = "ending_soon"
    EXPIRED = "expired"
    REVOKED = "revoked"
    STUCK = "stuck"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


TIME_RAN_OUT = frozenset({EndReason.EXPIRED, EndReason.UNDECIDED, EndReason.UNCOLLECTED})
_AS_THEY_ARE = {
    State.REQUESTED: Status.REQUESTED,
    State.STUCK: Status.STUCK,
    State.DENIED: Status.DENIED,
    State.WITHDRAWN: Status.WITHDRAWN,
}
_WHILE_IT_LASTS = {State.APPROVED: Status.APPROVED, State.ISSUING: Status.COLLECTING}


def status_of(lease: Lease, now: datetime) -> Status:
    """What the lease is for a person at `now` (aware UTC)."""
    if lease.state in _AS_THEY_ARE:
        return _AS_THEY_ARE[lease.state]
    if lease.state in {State.REVOKING, State.CLOSED}:
        return Status.EXPIRED if lease.end_reason in TIME_RAN_OUT else Status.REVOKED
    if lease.expires_at <= now:
        return Status.EXPIRED
    if lease.state in _WHILE_IT_LASTS:
        return _WHILE_IT_LASTS[lease.state]
    return Status.ENDING_SOON if ends_at(lease) - now <= _soon(lease) else Status.ACTIVE


def ends_at(lease: Lease) -> datetime:
    """When it ends as things stand: at `expires_at`, or earlier where its renewal was collected."""
    return min(lease.expires_at, lease.retire_at or lease.expires_at)


def time_left(lease: Lease, now: datetime) -> timedelta:
    """How long it still goes on; zero once it is over."""
    return timedelta() if lease.is_over(now) else max(timedelta(), ends_at(lease) - now)


def _soon(lease: Lease) -> timedelta:
    began = lease.decided_at or lease.requested_at
    return min(SOON, (lease.expires_at - began) / 5)
