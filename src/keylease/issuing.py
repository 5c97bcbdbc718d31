"""How a lease gets into AWS: intent, act, record.

The order in AWS is fence, user (born behind the fence), group, access key: no key exists for an instant without
its end. The intent is in the ledger before the first call; after any failure all of it is taken away again, at
once where AWS answers, else by the next pass, and the lease can be collected anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from keylease.domain import iam
from keylease.domain.access import Principal, Probe
from keylease.domain.clock import Clock, to_text
from keylease.domain.lease import Event, Lease, State, user_name
from keylease.ending import KEYLEASE, Ending, act
from keylease.errors import AwsUnreachable, Conflict, KeyleaseError, Unavailable
from keylease.ports import AccessKey, Issuer, LeaseQuery, Store

FENCE_PAUSES = (0.25, 0.5, 1, 2, 4, 8, 16, 32)
"""Seconds. A fence that was just made may take some to be seen by CreateUser; the pauses add up to more than 60."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The one answer that holds an access key. `ready`: AWS accepted it before the stated limit ran out."""

    lease: Lease
    access_key: AccessKey
    ready: bool


class Issuing:
    """Makes access keys in one account."""

    def __init__(self, *, store: Store, issuer: Issuer, ending: Ending, clock: Clock) -> None:
        self._store = store
        self._issuer = issuer
        self._ending = ending
        self._clock = clock

    def collect(self, lease: Lease, principal: Principal, probe: Probe | None) -> Collected:
        """Make the lease's user and access key. Raises what the issuer and the ledger may fail with."""
        fence = iam.fence(lease.expires_at, share=lease.share)
        issuing = self._begin(lease, fence, principal)
        try:
            access_key = self._make(issuing, fence)
            made = issuing.after(Event.MAKE, access_key_id=access_key.access_key_id)
            event = act("key-made", made, KEYLEASE, self._clock.now(), access_key_id=made.access_key_id)
            self._store.save(made, event)
            ready = self._issuer.confirm(access_key, probe)
        except KeyleaseError:
            self._undo(issuing)
            raise
        return Collected(lease=made, access_key=access_key, ready=ready)

    def _begin(self, lease: Lease, fence: iam.Fence, principal: Principal) -> Lease:
        now, collection = self._clock.now(), lease.collections + 1
        name = user_name(lease, collection)
        issuing = lease.after(
            Event.COLLECT, issued_at=now, collections=collection, user_name=name, fence=fence.name
        )
        self._store.save(issuing, act("collecting", issuing, principal.id, now, user=name, fence=fence.name))
        return issuing

    def _make(self, lease: Lease, fence: iam.Fence) -> AccessKey:
        name = lease.user_name or ""
        if not self._is_worn(lease):
            self._issuer.create_fence(fence)
        for pause in (*FENCE_PAUSES, None):
            if self._issuer.create_user(name, fence, tags(lease)):
                break
            if pause is None:
                raise AwsUnreachable("AWS did not show the new fence in time.")
            self._issuer.create_fence(fence)
            self._clock.sleep(pause)
        self._issuer.join_group(name, lease.group)
        return self._issuer.create_access_key(name)

    def _is_worn(self, lease: Lease) -> bool:
        """Whether an active lease wears the same fence, which then need not be made."""
        wearing = LeaseQuery(account=lease.account, fence=lease.fence, states=frozenset({State.ACTIVE}), limit=1)
        return bool(self._store.find(wearing))

    def _undo(self, issuing: Lease) -> None:
        """Take away what this collection has made, and nothing else; what does not work now, a pass does later."""
        try:
            now = self._store.get(issuing.id)
            if now.collections != issuing.collections:
                self._ending.forget(issuing.user_name or "")
            elif now.state is State.ISSUING:
                self._ending.abandon(now)
        except (Unavailable, Conflict):
            return


def tags(lease: Lease) -> dict[str, str]:
    """What is written on the IAM user, so that the ledger could be made anew from AWS alone."""
    return {
        "keylease:lease": lease.id,
        "keylease:principal": lease.principal_id,
        "keylease:name": lease.principal_name,
        "keylease:approver": lease.approver_id or lease.approver_name or "",
        "keylease:permission-set": lease.permission_set,
        "keylease:grant": lease.grant,
        "keylease:expires-at": to_text(lease.expires_at),
        "keylease:purpose": lease.reason,
    }
