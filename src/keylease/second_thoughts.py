"""What people take back: an approval that nobody has collected, and an access key that was lost.

An approval is taken back by whoever may decide on the request, as long as nothing was collected; the request then
waits for a decision again. A lost access key goes first, with its user and all it holds; only then is a new one
made, of the same lease and with the same end. Where the process dies between, the lease is one that can be
collected, and the next pass takes away what is left of the old access key.
"""

from __future__ import annotations

from collections.abc import Mapping

from keylease.broker import Broker
from keylease.domain import access, until
from keylease.domain.access import Catalogue, Principal
from keylease.domain.clock import Clock
from keylease.domain.lease import Event, Kind, Lease, State
from keylease.ending import Ending, act
from keylease.errors import (
    InThePast,
    LeaseOver,
    NothingToReplace,
    NotYours,
    OtherKind,
    TooLate,
    TooShort,
)
from keylease.granted import still_granted
from keylease.issuing import Collected
from keylease.ports import Cloud, Store
from keylease.visibility import Visibility


class SecondThoughts:
    """The use cases, over a ledger and the accounts."""

    def __init__(
        self,
        *,
        broker: Broker,
        store: Store,
        clouds: Mapping[str, Cloud],
        catalogue: Catalogue,
        clock: Clock,
        keep_fences: bool = False,
    ) -> None:
        self._broker = broker
        self._store = store
        self._clouds = clouds
        self._catalogue = catalogue
        self._clock = clock
        self._keep_fences = keep_fences
        self._sight = Visibility(store=store, catalogue=catalogue)

    def may_undo(self, approver: Principal, lease: Lease) -> bool:
        """Whether there is an approval that this person could take back now."""
        grant = self._catalogue.grant(lease.grant)
        decision = access.may_decide(approver, lease.principal_id, grant)
        by_somebody = lease.state is State.APPROVED and not lease.collections and lease.approver_id is not None
        return by_somebody and isinstance(decision, access.Allow)

    def undo(self, approver: Principal, lease_id: str) -> Lease:
        """Take an approval back; the request waits for a decision again.

        Raises `OwnRequest`, `NotApprover`, `TooLate` once it was collected, `LeaseOver`.
        """
        now = self._clock.now()
        lease = self._sight.lease(approver, lease_id)
        decision = access.may_decide(approver, lease.principal_id, self._catalogue.grant(lease.grant))
        if isinstance(decision, access.Deny):
            raise decision.reason
        if not self.may_undo(approver, lease):
            raise TooLate(f"There is no approval of {lease.id} that could be taken back.")
        try:
            ends = until.slot_end(lease.asked, now, slots=self._catalogue.slots)
        except (InThePast, TooShort):
            raise LeaseOver("The end that was asked for has come meanwhile.") from None
        undone = lease.after(Event.UNDO, expires_at=ends, approver_id=None, approver_name=None, decided_at=None)
        self._store.save(undone, act("undone", undone, approver.id, now))
        return undone

    def replace(self, principal: Principal, lease_id: str) -> Collected:
        """Take the access key of one's lease away, and make a new one with the same end.

        Raises `NotYours`, `OtherKind`, `NothingToReplace`, and what `collect` may fail with.
        """
        lease = self._sight.lease(principal, lease_id)
        if lease.principal_id != principal.id:
            raise NotYours(f"{lease.id} belongs to {lease.principal_name}.")
        if lease.kind is not Kind.ACCESS_KEY:
            raise OtherKind(f"{lease.id} gives sessions; there is no access key to lose.")
        if lease.state not in {State.ACTIVE, State.ISSUING} or lease.is_over(self._clock.now()):
            raise NothingToReplace(f"{lease.id} has no access key that could be replaced.")
        self._must_be_collectable(principal, lease)
        self._ending(lease).abandon(lease, actor=principal.id)
        return self._broker.collect(principal, lease_id)

    def _must_be_collectable(self, principal: Principal, lease: Lease) -> None:
        """Before the old one goes: whether a new one could be had."""
        now, grant = self._clock.now(), self._catalogue.grant(lease.grant)
        fresh = access.fresh_enough(principal, grant, now) if grant else None
        if isinstance(fresh, access.Deny):
            raise fresh.reason
        still_granted(self._catalogue, lease, principal, lease.expires_at - now)
        self._sight.must_be_as_written(lease)

    def _ending(self, lease: Lease) -> Ending:
        remover = self._clouds[lease.account].remover if lease.account in self._clouds else None
        return Ending(store=self._store, remover=remover, clock=self._clock, keep_fences=self._keep_fences)
