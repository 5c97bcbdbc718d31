"""What somebody may ask for: the grants that speak of them, seen by permission set and account.

Several grants may cover the same pair. Then the longest of their times is the limit, and the offer is called
automatic only where every one of them is: nobody is promised less waiting than they may get. The broker decides
on each request all the same; an offer is what a form shows, never a permission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from keylease.app import App
from keylease.domain.access import Grant, PermissionSet, Principal, Who
from keylease.sets import can


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One permission set in one account, for at most `max_ttl`."""

    permission_set: PermissionSet
    account: str
    account_id: str
    max_ttl: timedelta
    automatic: bool
    approvers: tuple[str, ...]
    warnings: tuple[str, ...]
    """What must be said of it to whoever asks."""
    can: tuple[str, ...] = ()
    """What it lets people do, in plain words, made from its policies."""

    @property
    def value(self) -> str:
        """One text that names the pair in a form."""
        return f"{self.account}:{self.permission_set.name}"


def offers(app: App, principal: Principal) -> list[Offer]:
    """All that the principal may ask for, in the configuration's order."""
    pairs = ((one, account) for one in app.catalogue.permission_sets.values() for account in app.clouds)
    found = (_offer(app, principal, permission_set, account) for permission_set, account in pairs)
    return [offer for offer in found if offer is not None]


def _offer(app: App, principal: Principal, permission_set: PermissionSet, account: str) -> Offer | None:
    covering = [
        grant
        for grant in app.catalogue.grants
        if grant.who.includes(principal)
        and permission_set.name in grant.permission_sets
        and account in grant.accounts
    ]
    if not covering:
        return None
    return Offer(
        permission_set=permission_set,
        account=account,
        account_id=app.catalogue.accounts.get(account, ""),
        max_ttl=max(grant.max_ttl for grant in covering),
        automatic=all(grant.automatic for grant in covering),
        approvers=_approvers(app, covering, principal.subject),
        warnings=app.broker.warnings(account, permission_set),
        can=can(app.clouds, account, permission_set, *permission_set.kinds),
    )


def _approvers(app: App, grants: Sequence[Grant], subject: str) -> tuple[str, ...]:
    named = dict.fromkeys(name for grant in grants for name in deciders(app, grant.approvers, subject))
    return tuple(named)


def deciders(app: App, approvers: Who, owner_subject: str) -> tuple[str, ...]:
    """Who may decide on a request of this owner, in words; nobody decides on their own."""
    people = sorted(app.unsafe_people.get(one, one) for one in approvers.subjects - {owner_subject})
    return (*people, *(f"a member of {group}" for group in sorted(approvers.groups)))
