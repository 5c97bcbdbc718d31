"""Checks of what leases leave in an account: users, fences, quotas in use, and how far everything reaches.

Facts in, rows out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from keylease.aws.inspector import Group
from keylease.doctor.facts import AccountFacts
from keylease.doctor.identities import earliest_horizon
from keylease.doctor.row import Row, fix, many, ok, unknown
from keylease.domain import ahead, iam, spoken
from keylease.domain.plan import ObservedUser
from keylease.errors import KeyleaseError
from keylease.health import NEAR

NEARLY_FULL = 0.8
_MOVE = "`keylease horizon move --to 26w`, with an administrator's credentials."


def fences(at: AccountFacts) -> Iterator[Row]:
    """Each fence is, byte by byte, what its name says."""
    if isinstance(at.observed, KeyleaseError):
        yield unknown("fence", "Fences", at.observed)
        return
    edited = [fence.name for fence in at.observed.fences if not iam.is_genuine(fence.name, fence.document)]
    for name in edited:
        yield fix(
            "fence",
            f"The fence {name} is not what its name says, so it may not end a lease.",
            "Revoke the leases behind it; CloudTrail (CreatePolicyVersion, CreatePolicy) says who wrote it.",
        )
    if not edited:
        yield ok("fence", f"{many(len(at.observed.fences), 'fence')}, each byte by byte what it should be.")


def users(at: AccountFacts) -> Iterator[Row]:
    """Each user under keylease's path wears a fence, and where the ledger knows it, its own."""
    if isinstance(at.observed, KeyleaseError):
        yield unknown("user", f"Users under {iam.USER_PATH}", at.observed)
        return
    found = [row for user in at.observed.users for row in _user(at, user)]
    yield from found
    if not found:
        yield ok("user", f"{many(len(at.observed.users), 'user')} under {iam.USER_PATH}, each behind a fence.")


def _user(at: AccountFacts, user: ObservedUser) -> Iterator[Row]:
    path = f"arn:{at.partition}:iam::{at.id}:policy{iam.FENCE_PATH}"
    worn = (user.boundary or "").removeprefix(path)
    remedy = (
        f"Take it away at once (`keylease revoke`, or delete its groups, access keys and then {user.name} itself); "
        "CloudTrail (CreateUser, PutUserPermissionsBoundary) says who did this."
    )
    if user.boundary is None:
        yield fix("user", f"{user.name} has no permissions boundary, so AWS does not end it.", remedy)
    elif iam.fence_until(worn) is None:
        yield fix("user", f"{user.name} has the boundary {user.boundary}, which is no fence.", remedy)
    elif at.worn.get(user.name, worn) != worn:
        yield fix("user", f"{user.name} wears {worn}, and its lease says {at.worn[user.name]}.", remedy)


def quotas(at: AccountFacts) -> Iterator[Row]:
    """There is room for more leases."""
    if isinstance(at.quotas, KeyleaseError):
        yield unknown("quotas", "Quotas", at.quotas)
        return
    for one in at.quotas:
        used = f"{one.used:,} of {one.limit:,} {one.name.lower()} are in use"
        if one.used >= one.limit * NEARLY_FULL:
            remedy = "Ask AWS for a higher quota (Service Quotas, IAM), or delete what nobody needs."
            yield fix("quotas", f"{used}: soon there is room for no more.", remedy)
        else:
            yield ok("quotas", f"{used}.")


def fences_ahead(at: AccountFacts, now: datetime) -> Iterator[Row]:
    """Where an administrator makes the fences: they reach far enough."""
    if not at.fences_ahead:
        return
    if isinstance(at.observed, KeyleaseError):
        yield unknown("fences-ahead", "Fences ahead", at.observed)
        return
    names = {fence.name for fence in at.observed.fences}
    end = ahead.reach(names, now, share=at.shares)
    remedy = "`keylease fences make --until 26w`, with an administrator's credentials."
    if end is None:
        yield fix("fences-ahead", "There is no fence for the next day, so nobody can collect.", remedy)
    elif end < now + NEAR:
        yield fix("fences-ahead", f"Fences ahead reach only until {spoken.both(end, now)}.", remedy)
    else:
        yield ok("fences-ahead", f"Fences ahead reach until {spoken.both(end, now)}.")


def horizons(at: AccountFacts, now: datetime) -> Iterator[Row]:
    """No horizon is near. That there is none at all is a weakness, which others tell."""
    for one in at.sets:
        group = at.groups[one.group] if one.group else None
        if isinstance(group, Group) and group.horizon is not None:
            yield _horizon(f"the group {group.name}", group.horizon, now)
    for role in at.roles if not isinstance(at.roles, KeyleaseError) else ():
        if role.path.startswith(iam.SESSION_PATH) and role.horizon is not None:
            yield _horizon(f"the session role {role.name}", role.horizon, now)
    yield from _of_issuer(at, now)


def _of_issuer(at: AccountFacts, now: datetime) -> Iterator[Row]:
    standing = at.issuer.standing
    if not at.issuer.is_in(at.id) or isinstance(standing, KeyleaseError) or standing.kind not in {"role", "user"}:
        return
    end = earliest_horizon([policy.document for policy in standing.policies])
    if end is None:
        sentence = "The issuer's policy has no horizon: whoever steals it may go on for ever."
        yield fix("horizon", sentence, f"Use what `keylease broker-policy --issuer --account {at.id}` prints.")
    else:
        yield _horizon("the issuer", end, now)


def _horizon(what: str, end: datetime, now: datetime) -> Row:
    when = spoken.both(end, now)
    if end <= now:
        return fix("horizon", f"The horizon of {what} was {when}: it allows nothing any more.", _MOVE)
    if end < now + NEAR:
        return fix("horizon", f"The horizon of {what} is near: {when}.", _MOVE)
    return ok("horizon", f"The horizon of {what} is {when}.")
