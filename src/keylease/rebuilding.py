"""A ledger made anew from AWS alone, account by account.

Every user of which a lease can be made comes back as that lease, on record as `rebuilt`. What the ledger knows
already is not touched, so it may be done again, and on a ledger from a backup too. Nothing in AWS is changed.

What cannot come back: the audit trail before, requests and approvals that nobody collected, leases that give
sessions (AWS holds nothing of them but sessions that end by themselves), sign-ins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keylease.domain.clock import Clock
from keylease.domain.recovery import NotRecovered, recover
from keylease.ending import KEYLEASE, act
from keylease.errors import KeyleaseError, NoSuchLease, Unavailable
from keylease.ports import Cloud, Remover, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What came back in one account, and what did not. `failure`: the account could not be asked."""

    account: str
    leases: tuple[str, ...] = ()
    known: int = 0
    lost: tuple[NotRecovered, ...] = ()
    failure: KeyleaseError | None = None


def rebuild(store: Store, clouds: Mapping[str, Cloud], clock: Clock) -> list[Rebuilt]:
    """Make the ledger anew. Raises what the ledger may fail with."""
    here = {name: cloud.remover for name, cloud in clouds.items() if cloud.remover is not None}
    return [_account(store, name, remover, clock) for name, remover in here.items()]


def _account(store: Store, account: str, remover: Remover, clock: Clock) -> Rebuilt:
    try:
        users = remover.observe(thorough=True).users
    except Unavailable as failure:
        return Rebuilt(account=account, failure=failure)
    leases, lost, known = list[str](), list[NotRecovered](), 0
    for user in users:
        made = recover(user, account, clock.now())
        if isinstance(made, NotRecovered):
            lost.append(made)
        elif _is_known(store, made.id):
            known += 1
        else:
            store.add(made, act("rebuilt", made, KEYLEASE, clock.now(), user=user.name))
            leases.append(made.id)
    return Rebuilt(account=account, leases=tuple(leases), known=known, lost=tuple(lost))


def _is_known(store: Store, lease_id: str) -> bool:
    try:
        store.get(lease_id)
    except NoSuchLease:
        return False
    return True
