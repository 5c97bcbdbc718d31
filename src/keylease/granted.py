"""Whether a lease is still what the configuration gives: asked whenever something is handed out on it.

A lease rests on a grant and a permission set by their names. Who takes a grant away, or lets a permission set rest
on something else, means it for the leases that are there, too: they hand out nothing more.
"""

from __future__ import annotations

from datetime import timedelta

from keylease.domain import until
from keylease.domain.access import Catalogue, PermissionSet, Principal, Request
from keylease.domain.lease import Kind, Lease
from keylease.errors import NotGranted, SetChanged, TooLong


def still_granted(catalogue: Catalogue, lease: Lease, owner: Principal | None, ttl: timedelta) -> PermissionSet:
    """What the configuration says now counts, for the rest of the time; of the owner too, where present."""
    permission_set = catalogue.permission_sets.get(lease.permission_set)
    grant = catalogue.grant(lease.grant)
    request = Request(account=lease.account, permission_set=lease.permission_set, ttl=ttl)
    granted = grant is not None and (grant.covers(owner, request) if owner else grant.gives(request))
    if permission_set is None or grant is None or not granted:
        raise NotGranted(f"The configuration no longer grants {lease.permission_set} in {lease.account}.")
    if ttl > grant.max_ttl:
        raise TooLong(f"At most {until.write(grant.max_ttl)} is possible for {lease.permission_set} by now.")
    access_key = lease.kind is Kind.ACCESS_KEY
    given = (permission_set.group if access_key else permission_set.role, permission_set.share)
    if given != (lease.group if access_key else lease.role, lease.share):
        raise SetChanged(f"The permission set {lease.permission_set} was changed since {lease.id} was asked for.")
    return permission_set
