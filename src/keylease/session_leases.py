"""What people do with leases that give sessions: take one, and move to another machine.

A session is asked for, recorded, and handed over, in this order. No intent comes first: credentials whose record
was not written are handed to nobody, so nobody can use them. Who takes one while the lease ends gets nothing
either: the record does not fit onto a lease that is ending.

The first session binds the lease to the machine that took it, known by its key pair; nobody else gets another one,
whatever they copied from it. Moving to another machine takes a fresh sign-in. What the machine before has still
runs to its own end, an hour at most as a rule; who wants it cut gives the lease back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keylease.domain import access
from keylease.domain.access import Catalogue, Principal
from keylease.domain.clock import Clock, to_text
from keylease.domain.event import AuditEvent
from keylease.domain.lease import Event, Kind, Lease, State
from keylease.domain.session import source_identity, terms
from keylease.domain.status import ends_at
from keylease.ending import act, retire
from keylease.errors import (
    ChangedMeanwhile,
    Conflict,
    LeaseOver,
    NotApproved,
    NotGranted,
    NotYours,
    OtherKind,
    RateLimited,
    SignInTooOld,
    WrongMachine,
)
from keylease.granted import still_granted
from keylease.ports import Cloud, Credentials, Issuer, Store
from keylease.visibility import Visibility

FRESH = timedelta(minutes=15)
"""How old the sign-in may be that moves a lease to another machine."""
TRIES = 5
"""How often a record is tried that somebody else's act on the same lease came before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The one answer that holds a session. Its expiration is never later than the lease's end."""

    lease: Lease
    credentials: Credentials


class SessionLeases:
    """The use cases, over a ledger and the accounts. `machine` is the thumbprint of a key that was proven."""

    def __init__(self, *, store: Store, clouds: Mapping[str, Cloud], catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._clouds = clouds
        self._catalogue = catalogue
        self._clock = clock
        self._sight = Visibility(store=store, catalogue=catalogue)

    def take(self, principal: Principal, lease_id: str, *, machine: str, wanted: timedelta | None = None) -> Taken:
        """One more session, for the lease's owner on the lease's machine; `wanted` is how long at most.

        Raises `NotYours`, `NotApproved`, `LeaseOver`, `OtherKind`, `WrongMachine`, `RateLimited` for a second one
        within a second, `SignInTooOld` for the first one, `NotGranted`, `SetChanged` and `TooLong` where the
        configuration no longer gives it, `ChainBroken` where the ledger was changed, and what AWS may fail with.
        """
        now = self._clock.now()
        lease = _giving(self._own(principal, lease_id), machine, now)
        if lease.machine is None:
            self._must_be_fresh(principal, lease, now)
        permission_set = still_granted(self._catalogue, lease, principal, lease.expires_at - now)
        self._sight.must_be_as_written(lease)
        if lease.last_session_at is not None and now <= lease.last_session_at:
            raise RateLimited(f"{lease.id} gave a session this very second.")
        given = self._issuer(lease).assume(terms(lease, longest=permission_set.session, wanted=wanted, now=now))
        recorded = self._record(lease, principal, given, machine, now)
        return Taken(
            lease=recorded, credentials=replace(given, expiration=min(given.expiration, ends_at(recorded)))
        )

    def bind(self, principal: Principal, lease_id: str, *, machine: str) -> Lease:
        """Let sessions go to this machine from now on, and to no other. Saying it twice is no error.

        Raises as `take` does, and `SignInTooOld` for a sign-in that is older than `FRESH`.
        """
        now = self._clock.now()
        lease = _giving(self._own(principal, lease_id), None, now)
        signed_in_at = principal.authenticated_at
        if signed_in_at is None or now - signed_in_at > FRESH:
            raise SignInTooOld("To move a lease to another machine, sign in anew.", max_age=FRESH)
        self._must_be_fresh(principal, lease, now)
        still_granted(self._catalogue, lease, principal, lease.expires_at - now)
        self._sight.must_be_as_written(lease)
        if lease.machine == machine:
            return lease
        bound = lease.after(Event.BIND, machine=machine)
        event = act("machine-bound", bound, principal.id, now, machine=machine, before=lease.machine)
        self._store.save(bound, event)
        return bound

    def _record(self, lease: Lease, principal: Principal, given: Credentials, machine: str, now: datetime) -> Lease:
        for _ in range(TRIES):
            after = lease.after(
                Event.ASSUME,
                machine=machine,
                issued_at=lease.issued_at or now,
                last_session_at=now,
                sessions_until=max(given.expiration, lease.sessions_until or given.expiration),
            )
            try:
                self._store.save(after, _issued(after, principal, given, now))
            except ChangedMeanwhile:
                lease = _giving(self._store.get(lease.id), machine, now)
            else:
                with suppress(Conflict):  # the next session does it then
                    retire(self._store, lease.renewal_of, grace=self._catalogue.renewal_grace, now=now)
                return after
        raise ChangedMeanwhile(f"{lease.id} is asked for sessions from several places at once.")

    def _own(self, principal: Principal, lease_id: str) -> Lease:
        lease = self._sight.lease(principal, lease_id)
        if lease.principal_id != principal.id:
            raise NotYours(f"{lease.id} belongs to {lease.principal_name}.")
        return lease

    def _must_be_fresh(self, principal: Principal, lease: Lease, now: datetime) -> None:
        """What the grant demands of who collects, it demands of who binds a machine."""
        grant = self._catalogue.grant(lease.grant)
        decision = access.fresh_enough(principal, grant, now) if grant is not None else None
        if isinstance(decision, access.Deny):
            raise decision.reason

    def _issuer(self, lease: Lease) -> Issuer:
        issuer = self._clouds[lease.account].issuer if lease.account in self._clouds else None
        if issuer is None:
            raise NotGranted(f"This keylease does not issue in {lease.account}.", hint="Ask the server that does.")
        return issuer


def _giving(lease: Lease, machine: str | None, now: datetime) -> Lease:
    """The lease, if it gives sessions now, and to this machine."""
    if lease.kind is not Kind.SESSION:
        raise OtherKind(f"{lease.id} gives an access key, no sessions.")
    if lease.state is State.REQUESTED:
        raise NotApproved(f"Nobody has approved {lease.id} yet.")
    if lease.state is State.DENIED:
        raise NotApproved(f"{lease.approver_name} denied {lease.id}: {lease.decision_reason}")
    if lease.state not in {State.APPROVED, State.ACTIVE} or ends_at(lease) <= now:
        raise LeaseOver(f"{lease.id} has ended.")
    if machine is not None and lease.machine not in (None, machine):
        raise WrongMachine(f"{lease.id} gives its sessions to another machine.")
    return lease


def _issued(lease: Lease, principal: Principal, given: Credentials, now: datetime) -> AuditEvent:
    """What is kept of a session: by what CloudTrail knows it, and its end."""
    return act(
        "session-issued",
        lease,
        principal.id,
        now,
        expiration=to_text(given.expiration),
        source_identity=source_identity(lease),
        access_key_id=given.access_key_id,
        machine=lease.machine,
    )
