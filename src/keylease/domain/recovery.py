"""A lease made anew from what AWS holds of it: the tags on its user, its fence, its group and its access key.

For a ledger that was lost. What the tags say was written when the user was made, by the issuer, and nobody who
holds the lease can change it. What they do not say is not guessed: when it was asked for and decided is taken to be
when the user was made, warnings and renewals are gone. The end is what the fence says, since AWS goes by that and
by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from keylease.domain import iam
from keylease.domain.lease import Kind, Lease, State
from keylease.domain.plan import ObservedUser

PREFIX = "keylease:"
BY_RULE = "the grant "
"""How an approver's tag begins where a rule has approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRecovered:
    """A user of which no lease can be made, and why."""

    user_name: str
    why: str


def recover(user: ObservedUser, account: str, now: datetime) -> Lease | NotRecovered:
    """The lease that a user belongs to; active, whatever its time. A pass ends what is over."""
    tags = {name.removeprefix(PREFIX): value for name, value in user.tags.items() if name.startswith(PREFIX)}
    fence = (user.boundary or "").rpartition(iam.FENCE_PATH)[2]
    until = iam.fence_until(fence)
    why = _why_not(user, tags, until)
    if why is not None or until is None:
        return NotRecovered(user_name=user.name, why=why or "")
    made_at, approver = user.made_at or now, tags.get("approver", "")
    return Lease(
        id=tags["lease"],
        kind=Kind.ACCESS_KEY,
        state=State.ACTIVE,
        principal_id=tags["principal"],
        principal_name=tags.get("name", ""),
        account=account,
        permission_set=tags.get("permission-set", ""),
        group=next(iter(user.groups), ""),
        grant=tags.get("grant", ""),
        reason=tags.get("purpose", ""),
        asked=until,
        requested_at=made_at,
        expires_at=until,
        share="-share-" in fence,
        approver_id=None if approver.startswith(BY_RULE) else approver or None,
        approver_name=approver or None,
        decided_at=made_at,
        issued_at=made_at,
        collections=1,
        user_name=user.name,
        access_key_id=next(iter(user.access_key_ids or ())),
        fence=fence,
    )


def _why_not(user: ObservedUser, tags: dict[str, str], until: datetime | None) -> str | None:
    if not tags.get("lease", "").startswith("L-") or not tags.get("principal"):
        return "it carries no lease's tags"
    if until is None:
        return "it wears no fence"
    access_keys = len(user.access_key_ids or ())
    if access_keys != 1:
        return f"it has {access_keys} access keys, and a lease has one"
    if len(user.groups) > 1:
        return "it is in more than one group"
    return None
