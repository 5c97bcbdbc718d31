"""How a lease leaves AWS: intent, act, record.

The broker (early return) and the reconciler (everything else) both end leases, by these few steps. The order in
AWS is groups, access keys, user; the fence goes last and only when no other lease needs it. A crash between any
two steps leaves a lease that is `revoking`, or a fence that nobody wears, and the next pass goes on from there.

That AWS is away or throttles is nobody's failure: it is raised, and the lease stays due. A failure of the lease's
own is counted and retried with growing pauses, for ever; `stuck` only calls for a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from keylease.domain.clock import Clock
from keylease.domain.event import AuditEvent
from keylease.domain.lease import IN_AWS, EndReason, Event, Lease, State
from keylease.errors import AwsDenied, AwsFailed, KeyleaseError
from keylease.ports import LeaseQuery, Remover, Store

KEYLEASE = "keylease"
"""The actor of what nobody asked for by hand."""
LONGEST_PAUSE = timedelta(minutes=10)


class Ending:
    """Ends leases in one account."""

    def __init__(self, *, store: Store, remover: Remover, clock: Clock, keep_fences: bool = False) -> None:
        self._store = store
        self._remover = remover
        self._clock = clock
        self._keep_fences = keep_fences

    def end(self, lease: Lease, reason: EndReason, actor: str) -> Lease:
        """Write the intent and carry it out. Raises what the remover raises when AWS is away."""
        now = self._clock.now()
        revoking = lease.after(Event.END, end_reason=reason, retry_at=None)
        self._store.save(revoking, act("ending", revoking, actor, now, reason=str(reason)))
        return self.remove(revoking)

    def remove(self, lease: Lease) -> Lease:
        """Carry out a removal whose intent is written, and close the lease."""
        try:
            self._take_away(lease)
        except (AwsFailed, AwsDenied) as failure:
            return self._count(lease, failure)
        now = self._clock.now()
        closed = lease.after(Event.CLOSE, ended_at=now, retry_at=None)
        self._store.save(closed, act("closed", closed, KEYLEASE, now, reason=str(closed.end_reason)))
        self._drop_fence(closed)
        return closed

    def abandon(self, lease: Lease) -> Lease:
        """Take away all that a collection has made, so that the lease can be collected anew.

        The intent comes first: from it on the key cannot be acknowledged.
        """
        now = self._clock.now()
        recalled = lease.after(Event.RECALL)
        self._store.save(recalled, act("recalled", recalled, KEYLEASE, now, access_key_id=lease.access_key_id))
        self._take_away(lease)
        approved = recalled.after(Event.ABANDON)
        self._store.save(approved, act("abandoned", approved, KEYLEASE, self._clock.now(), user=lease.user_name))
        self._drop_fence(approved)
        return approved

    def forget(self, user_name: str) -> None:
        """Take away a user that belongs to no lease any more."""
        self._remover.remove_user(user_name)

    def _take_away(self, lease: Lease) -> None:
        if lease.user_name is not None:
            self._remover.remove_user(lease.user_name, group=lease.group, access_key_id=lease.access_key_id)

    def _count(self, lease: Lease, failure: KeyleaseError) -> Lease:
        now, failures = self._clock.now(), lease.failures + 1
        pause = min(timedelta(seconds=15 * 2 ** min(failures, 10)), LONGEST_PAUSE)
        failed = lease.after(Event.FAIL, failures=failures, retry_at=now + pause)
        self._store.save(failed, act("removal-failed", failed, KEYLEASE, now, code=failure.code, failures=failures))
        return failed

    def _drop_fence(self, lease: Lease) -> None:
        """Delete the lease's fence if this was its last; a failure is left to the next pass."""
        others = LeaseQuery(account=lease.account, fence=lease.fence, states=IN_AWS, limit=1)
        if lease.fence is None or self._keep_fences or self._store.find(others):
            return
        try:
            self._remover.delete_fence(lease.fence)
        except KeyleaseError:
            return


def act(action: str, lease: Lease, actor: str, now: datetime, **details: str | int | bool | None) -> AuditEvent:
    """The audit event of an act on a lease."""
    return AuditEvent(at=now, action=action, actor=actor, lease_id=lease.id, details=details)


def close(store: Store, lease: Lease, reason: EndReason, *, actor: str, now: datetime) -> Lease:
    """Close a lease of which AWS holds nothing."""
    if lease.state not in {State.REQUESTED, State.APPROVED}:
        raise ValueError(f"AWS may hold something of {lease.id}")
    closed = lease.after(Event.CLOSE, ended_at=now, end_reason=reason)
    store.save(closed, act("closed", closed, actor, now, reason=str(reason)))
    return closed
