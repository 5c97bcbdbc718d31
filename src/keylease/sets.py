"""What AWS says of a permission set now, for people who ask for it or decide on it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from keylease.domain.access import PermissionSet
from keylease.domain.lease import Kind
from keylease.errors import GroupMissing, RoleMissing, Unavailable
from keylease.ports import Cloud


def can(
    clouds: Mapping[str, Cloud], account: str, permission_set: PermissionSet | None, *kinds: Kind
) -> tuple[str, ...]:
    """What it lets people do, a line each; nothing where AWS does not tell now."""
    issuer = clouds[account].issuer if account in clouds else None
    if issuer is None or permission_set is None:
        return ()
    said: dict[str, None] = {}
    for kind in kinds:
        with suppress(Unavailable, GroupMissing, RoleMissing):
            facts = (
                issuer.role_facts(permission_set.role or "")
                if kind is Kind.SESSION
                else issuer.group_facts(permission_set.group or "")
            )
            said |= dict.fromkeys(facts.can)
    return tuple(said)
