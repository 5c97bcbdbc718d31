"""Who sees which lease.

One's own, those one may decide on, and all of them for auditors and administrators. A lease that somebody may
not see does not exist for them: the answer is `NoSuchLease`, whether it is there or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keylease.domain import access
from keylease.domain.access import Allow, Catalogue, Principal
from keylease.domain.event import ChainedEvent
from keylease.domain.lease import Lease, State
from keylease.errors import NoSuchLease, NotAuditor
from keylease.ports import LeaseQuery, Store


class Visibility:
    """What a principal may read of the ledger."""

    def __init__(self, *, store: Store, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    def lease(self, principal: Principal, lease_id: str) -> Lease:
        """One lease. Raises `NoSuchLease`."""
        lease = self._store.get(lease_id)
        if (
            lease.principal_id == principal.id
            or self._approves(principal, lease)
            or self._catalogue.may_audit(principal)
        ):
            return lease
        raise NoSuchLease(f"There is no lease {lease_id}.")

    def mine(self, principal: Principal) -> Sequence[Lease]:
        """One's own leases, newest first."""
        return self._store.find(LeaseQuery(principal_id=principal.id))

    def waiting(self, principal: Principal) -> Sequence[Lease]:
        """The requests that this principal may decide on, oldest first."""
        requested = self._store.find(LeaseQuery(states=frozenset({State.REQUESTED})))
        return [lease for lease in reversed(requested) if self.may_decide(principal, lease)]

    def everybody(self, principal: Principal) -> Sequence[Lease]:
        """All leases, newest first. Raises `NotAuditor`."""
        self._must_audit(principal)
        return self._store.find(LeaseQuery())

    def events(self, principal: Principal) -> Iterator[ChainedEvent]:
        """The whole audit chain. Raises `NotAuditor`."""
        self._must_audit(principal)
        return self._store.events()

    def history(self, principal: Principal, lease_id: str) -> Iterator[ChainedEvent]:
        """What happened to one lease. Raises `NoSuchLease`."""
        return self._store.events(self.lease(principal, lease_id).id)

    def may_decide(self, principal: Principal, lease: Lease) -> bool:
        """Whether this principal may approve or deny the request."""
        decision = access.may_decide(principal, lease.principal_id, self._catalogue.grant(lease.grant))
        return lease.state is State.REQUESTED and isinstance(decision, Allow)

    def may_revoke(self, principal: Principal, lease: Lease) -> bool:
        """Whether this principal may take somebody else's lease away."""
        return self._approves(principal, lease) or self._catalogue.administrators.includes(principal)

    def _approves(self, principal: Principal, lease: Lease) -> bool:
        grant = self._catalogue.grant(lease.grant)
        return grant is not None and grant.approvers.includes(principal)

    def _must_audit(self, principal: Principal) -> None:
        if not self._catalogue.may_audit(principal):
            raise NotAuditor("You are neither an auditor nor an administrator.")
