"""Who sees which lease.

One's own, those one may decide on, and all of them for auditors and administrators. A lease that somebody may
not see does not exist for them: the answer is `NoSuchLease`, whether it is there or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from keylease.domain import access
from keylease.domain.access import Allow, Catalogue, Principal
from keylease.domain.event import DIGEST, ChainedEvent, verify
from keylease.domain.lease import Lease, State, digest
from keylease.errors import ChainBroken, ChangedMeanwhile, NoSuchLease, NotAuditor
from keylease.ports import LeaseQuery, Store

TRIES = 5
"""How often a lease is read again that changes while it is looked at. Each time it was as written just before."""


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
        last = verify(noted(self._store.events(), written))
        for lease in self._store.find(LeaseQuery(limit=10_000_000)):
            if written.get(lease.id) != digest(lease):
                self._look_again(lease.id)
        return last

    def must_be_as_written(self, lease: Lease) -> None:
        """Hold one lease against its last record. Raises `ChainBroken`; `ChangedMeanwhile` for an old version."""
        written: dict[str, str] = {}
        for link in self._store.events(lease.id):
            note(link, written)
        if written.get(lease.id) == digest(lease):
            return
        if self._store.get(lease.id).version != lease.version:
            raise ChangedMeanwhile(f"{lease.id} was changed meanwhile.")
        raise _broken(lease)

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

    def _look_again(self, lease_id: str) -> None:
        """Somebody may act on a lease while it is read; one that was changed by hand goes on being different."""
        for _ in range(TRIES):
            try:
                self.must_be_as_written(self._store.get(lease_id))
            except ChangedMeanwhile:
                continue
            return

    def must_audit(self, principal: Principal) -> None:
        """Refuse who may not read everybody's leases. Raises `NotAuditor`."""
        if not self._catalogue.may_audit(principal):
            raise NotAuditor("You are neither an auditor nor an administrator.")


def hold(links: Iterable[ChainedEvent], leases: Iterable[Lease]) -> ChainedEvent | None:
    """Follow a whole ledger's chain, then hold every lease against its last record. Returns the last link.

    For a ledger that nobody writes to meanwhile. Raises `ChainBroken`.
    """
    written: dict[str, str] = {}
    last = verify(noted(links, written))
    for lease in leases:
        if written.get(lease.id) != digest(lease):
            raise _broken(lease)
    return last


def noted(links: Iterable[ChainedEvent], written: dict[str, str]) -> Iterator[ChainedEvent]:
    """The same links, each noted as it passes."""
    for link in links:
        note(link, written)
        yield link


def note(link: ChainedEvent, written: dict[str, str]) -> None:
    """Remember what the record says of its lease."""
    digest_then = link.event.details.get(DIGEST)
    if link.event.lease_id is not None and isinstance(digest_then, str):
        written[link.event.lease_id] = digest_then


def _broken(lease: Lease) -> ChainBroken:
    return ChainBroken(f"The lease {lease.id} is not what its last record says: the ledger was changed by hand.")
