"""Who sees which lease.

One's own, those one may decide on, and all of them for auditors and administrators. A lease that somebody may
not see does not exist for them: the answer is `NoSuchLease`, whether it is there or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keylease.domain import access
from keylease.domain.access import Allow, Catalogue, Principal
from keylease.domain.event import DIGEST, ChainedEvent, verify
from keylease.domain.lease import Lease, State, digest
from keylease.errors import ChainBroken, NoSuchLease, NotAuditor
from keylease.ports import LeaseQuery, Store


class Visibility:
    """What a principal may read of the ledger."""

    def __init__(self, *, store: Store, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    def lease(self, principal: Principal, lease_id: str) -> Lease:
        """One lease. Raises `NoSuchLease`."""
        lease = self._store.get(lease_id)
        if self._sees(principal, lease):
            return lease
        raise NoSuchLease(f"There is no lease {lease_id}.")

    def mine(self, principal: Principal) -> Sequence[Lease]:
        """One's own leases, newest first."""
        return self._store.find(LeaseQuery(principal_id=principal.id))

    def waiting(self, principal: Principal) -> Sequence[Lease]:
        """The requests that this principal may decide on, oldest first."""
        requested = self._store.find(LeaseQuery(states=frozenset({State.REQUESTED})))
        return [lease for lease in reversed(requested) if self.may_decide(principal, lease)]

    def seen(self, principal: Principal) -> Sequence[Lease]:
        """All leases that this principal may see, newest first."""
        return [lease for lease in self._store.find(LeaseQuery()) if self._sees(principal, lease)]

    def everybody(self, principal: Principal) -> Sequence[Lease]:
        """All leases, newest first. Raises `NotAuditor`."""
        self.must_audit(principal)
        return self._store.find(LeaseQuery())

    def events(self, principal: Principal, *, after: int = 0, limit: int | None = None) -> Iterator[ChainedEvent]:
        """The whole audit chain, or no more than `limit` records after one of them. Raises `NotAuditor`."""
        self.must_audit(principal)
        return self._store.events(after=after, limit=limit)

    def verified(self, principal: Principal) -> ChainedEvent | None:
        """Follow the chain from its start, and hold every lease against its last record. Returns the last link.

        Raises `NotAuditor` and `ChainBroken`.
        """
        self.must_audit(principal)
        written: dict[str, str] = {}

        def noted() -> Iterator[ChainedEvent]:
            for link in self._store.events():
                note(link, written)
                yield link

        last = verify(noted())
        for lease in self._store.find(LeaseQuery(limit=10_000_000)):
            _compare(lease, written.get(lease.id))
        return last

    def must_be_as_written(self, lease: Lease) -> None:
        """Hold one lease against its last record. Raises `ChainBroken`."""
        written: dict[str, str] = {}
        for link in self._store.events(lease.id):
            note(link, written)
        _compare(lease, written.get(lease.id))

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

    def _sees(self, principal: Principal, lease: Lease) -> bool:
        mine = lease.principal_id == principal.id
        return mine or self._approves(principal, lease) or self._catalogue.may_audit(principal)

    def _approves(self, principal: Principal, lease: Lease) -> bool:
        grant = self._catalogue.grant(lease.grant)
        return grant is not None and grant.approvers.includes(principal)

    def must_audit(self, principal: Principal) -> None:
        """Refuse who may not read everybody's leases. Raises `NotAuditor`."""
        if not self._catalogue.may_audit(principal):
            raise NotAuditor("You are neither an auditor nor an administrator.")


def note(link: ChainedEvent, written: dict[str, str]) -> None:
    """Remember what the record says of its lease."""
    digest_then = link.event.details.get(DIGEST)
    if link.event.lease_id is not None and isinstance(digest_then, str):
        written[link.event.lease_id] = digest_then


def _compare(lease: Lease, written: str | None) -> None:
    if written != digest(lease):
        raise ChainBroken(f"The lease {lease.id} is not what its last record says: the ledger was changed by hand.")
