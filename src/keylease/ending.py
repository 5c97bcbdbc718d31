"""How a lease leaves AWS: intent, act, record.

The broker (early return) and the reconciler (everything else) both end leases, by these few steps. The order in
AWS is groups, access keys, user; the fence goes last and only when no other lease needs it. A crash between any
two steps leaves a lease that is `revoking`, or a fence that nobody wears, and the next pass goes on from there.

Of a lease that gives sessions AWS holds nothing that could be taken away. Where it ends early its role is told to
refuse them, and the lease stays `revoking` until the last of them would have run out. Where its time is up there is
nothing to do.

That AWS is away or throttles is nobody's failure: it is raised, and the lease stays due. A failure of the lease's
own is counted and retried with growing pauses, for ever; `stuck` only calls for a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from keylease.domain.clock import Clock, to_text
from keylease.domain.ended_policy import ended_policy
from keylease.domain.event import DIGEST, AuditEvent
from keylease.domain.lease import IN_AWS, EndReason, Event, Lease, State, digest
from keylease.domain.plan import refused
from keylease.domain.session import may_run
from keylease.errors import AwsDenied, AwsFailed, AwsUnreachable, KeyleaseError
from keylease.ports import LeaseQuery, Remover, Store

KEYLEASE = "keylease"
"""The actor of what nobody asked for by hand."""
LONGEST_PAUSE = timedelta(minutes=10)


class Ending:
    """Ends leases in one account. Without a remover it writes the intent, and passes elsewhere act on it."""

    def __init__(self, *, store: Store, remover: Remover | None, clock: Clock, keep_fences: bool = False) -> None:
        self._store = store
        self._remover = remover
        self._clock = clock
        self._keep_fences = keep_fences

    @property
    def _hands(self) -> Remover:
        if self._remover is None:
            raise AwsUnreachable("The remover runs elsewhere; its next pass takes away what must go.")
        return self._remover

    def end(self, lease: Lease, reason: EndReason, actor: str) -> Lease:
        """Write the intent and carry it out. Raises what the remover raises when AWS is away."""
        now = self._clock.now()
        revoking = lease.after(Event.END, end_reason=reason, retry_at=None)
        self._store.save(revoking, act("ending", revoking, actor, now, reason=str(reason)))
        return self.remove(revoking)

    def remove(self, lease: Lease) -> Lease:
        """Carry out a removal whose intent is written, and close the lease if AWS holds nothing of it any more."""
        try:
            self._take_away(lease)
        except (AwsFailed, AwsDenied) as failure:
            return self._count(lease, failure)
        now = self._clock.now()
        if may_run(lease, now):
            self._store.append(act("sessions-refused", lease, KEYLEASE, now, role=lease.role))
            return lease
        closed = lease.after(Event.CLOSE, ended_at=now, retry_at=None)
        self._store.save(closed, act("closed", closed, KEYLEASE, now, reason=str(closed.end_reason)))
        self._drop_fence(closed)
        return closed

    def abandon(self, lease: Lease, *, actor: str = KEYLEASE) -> Lease:
        """Take away all that a collection has made, so that the lease can be collected anew.

        The intent comes first: from it on the key cannot be acknowledged. An actor is somebody who has lost it.
        """
        now = self._clock.now()
        recalled = lease.after(Event.RECALL)
        action = "recalled" if actor == KEYLEASE else "lost"
        self._store.save(recalled, act(action, recalled, actor, now, access_key_id=lease.access_key_id))
        self._take_away(lease)
        approved = recalled.after(Event.ABANDON)
        self._store.save(approved, act("abandoned", approved, KEYLEASE, self._clock.now(), user=lease.user_name))
        self._drop_fence(approved)
        return approved

    def forget(self, user_name: str) -> None:
        """Take away a user that belongs to no lease any more."""
        self._hands.remove_user(user_name)

    def refuse_sessions(self, account: str, role: str) -> None:
        """Tell a role whose sessions to refuse, as the ledger says.

        Somebody else may do the same at the same time. The ledger is read again after AWS was told, so whoever
        comes last has told all of it.
        """
        wanted = self._refusal(account, role)
        while True:
            self._hands.refuse_sessions(role, wanted)
            told, wanted = wanted, self._refusal(account, role)
            if told == wanted:
                return

    def _refusal(self, account: str, role: str) -> str | None:
        ending = LeaseQuery(account=account, states=frozenset({State.REVOKING, State.STUCK}), limit=1_000_000)
        return ended_policy(refused(self._store.find(ending), role, self._clock.now()))

    def _take_away(self, lease: Lease) -> None:
        if lease.role is not None and may_run(lease, self._clock.now()):
            self.refuse_sessions(lease.account, lease.role)
        if lease.user_name is not None:
            self._hands.remove_user(lease.user_name, group=lease.group, access_key_id=lease.access_key_id)

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
            self._hands.delete_fence(lease.fence)
        except KeyleaseError:
            return


def act(action: str, lease: Lease, actor: str, now: datetime, **details: str | int | bool | None) -> AuditEvent:
    """The audit event of an act on a lease; it carries the digest of all that the ledger then says of it."""
    return AuditEvent(
        at=now, action=action, actor=actor, lease_id=lease.id, details={**details, DIGEST: digest(lease)}
    )


def retire(store: Store, lease_id: str | None, *, grace: timedelta, now: datetime) -> None:
    """Let a lease whose renewal is in its owner's hands go after a grace period, if it would go on for longer.

    Saying it twice is no error: the first grace period counts.
    """
    if lease_id is None:
        return
    old, retire_at = store.get(lease_id), now + grace
    if old.state is State.ACTIVE and old.retire_at is None and retire_at < old.expires_at:
        retiring = old.after(Event.RETIRE, retire_at=retire_at)
        store.save(retiring, act("retiring", retiring, KEYLEASE, now, retire_at=to_text(retire_at)))


def close(store: Store, lease: Lease, reason: EndReason, *, actor: str, now: datetime) -> Lease:
    """Close a lease of which AWS holds nothing."""
    if lease.state not in {State.REQUESTED, State.APPROVED}:
        raise ValueError(f"AWS may hold something of {lease.id}")
    closed = lease.after(Event.CLOSE, ended_at=now, end_reason=reason)
    store.save(closed, act("closed", closed, actor, now, reason=str(reason)))
    return closed
