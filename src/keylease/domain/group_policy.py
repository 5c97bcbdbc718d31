"""The policies of the groups that give leases their permissions.

IAM's `AddUserToGroup` names the group alone and cannot see which user goes in behind which fence. So a group
defends itself: every Allow of its policies holds only

- for users under `/keylease/`: whoever else is put in gets nothing, nor does a session that the user makes under
  another ARN (GetFederationToken), nor a user that was moved to another path;
- before a literal date, the *horizon*: behind an endless fence, too, everything ends there. An administrator's run
  moves it forward.

Denials stay as they are. Policies that AWS manages carry no conditions: copy them, or read what
`weaknesses_of_group` says of them. Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from keylease.domain import clock
from keylease.domain.iam import USER_PATH, policy
from keylease.domain.statement import Statement, conditions, covers, statements

LEASED_USERS = f"arn:*:iam::*:user{USER_PATH}*"

_PRINCIPAL = "aws:PrincipalArn"
_TIME = "aws:CurrentTime"
_ARN_OPERATORS = ("ArnLike", "ArnEquals")
"""Both take a pattern and compare segment by segment; `StringLike` does not, and a user's path may hold colons. A
second condition on one key needs an operator of its own: values in one list are alternatives, so adding ours to a
list that is there would widen it."""


def group_policy(of: Iterable[Statement], *, horizon: datetime) -> dict[str, Any]:
    """The policy of a group that gives what these statements give: to leased users only, before `horizon`.

    Conditions that are there stay and must hold as well; of two dates the earlier counts. Raises `ValueError`
    where a statement leaves no operator for ours, or has a date that cannot be read.
    """
    return policy(_guarded(statement, horizon) if _gives(statement) else dict(statement) for statement in of)


def move_horizon(document: Mapping[str, Any], *, horizon: datetime) -> dict[str, Any]:
    """The same policy with another horizon.

    Raises `ValueError` where its Allow statements have not all the same one: dates of their own would be lost.
    """
    dates = {_ends(statement) for statement in statements(document) if _gives(statement)}
    if len(dates) != 1 or None in dates:
        raise ValueError("the policy has no horizon, or more than one; write it anew from its permission set")
    without = (_without_date(statement) for statement in statements(document))
    return group_policy(without, horizon=horizon)


def horizon_of(document: Mapping[str, Any]) -> datetime | None:
    """The instant from which on some of what the policy allows ends; None where some of it has no end."""
    ends = [_ends(statement) for statement in statements(document) if _gives(statement)]
    dates = [end for end in ends if end is not None]
    return min(dates) if dates and len(dates) == len(ends) else None


def weaknesses_of_group(document: Mapping[str, Any]) -> list[str]:
    """What keeps a policy from defending its group, one sentence each; empty where it does."""
    found = []
    for number, statement in enumerate(statements(document), start=1):
        if not _gives(statement):
            continue
        name = statement.get("Sid", number)
        if not _for_leased_users(statement):
            found.append(f"Statement {name} allows for whoever is put into the group, not for leased users alone.")
        if _ends(statement) is None:
            found.append(f"Statement {name} allows without a horizon: behind an endless fence it never ends.")
    return found


def _gives(statement: Statement) -> bool:
    return statement.get("Effect") != "Deny"


def _guarded(statement: Statement, horizon: datetime) -> dict[str, Any]:
    block: dict[str, dict[str, Any]] = {}
    for operator, keys in (statement.get("Condition") or {}).items():
        block[operator] = dict(keys)
    if not _for_leased_users(statement):
        block.setdefault(_free_operator(statement), {})[_PRINCIPAL] = LEASED_USERS
    kept = {key: value for key, value in block.get("DateLessThan", {}).items() if key.lower() != _TIME.lower()}
    block["DateLessThan"] = kept | {_TIME: clock.to_text(_earlier(statement, clock.utc(horizon)))}
    return {**statement, "Condition": block}


def _earlier(statement: Statement, horizon: datetime) -> datetime:
    own = _ends(statement)
    if own is None and any(_is_end(operator, key) for operator, key, _ in conditions(statement)):
        raise ValueError("a statement has a date on aws:CurrentTime that cannot be read")
    return min(own, horizon) if own else horizon


def _free_operator(statement: Statement) -> str:
    taken = {operator for operator, key, _ in conditions(statement) if key == _PRINCIPAL.lower()}
    free = [operator for operator in _ARN_OPERATORS if operator not in taken]
    if not free:
        raise ValueError("a statement has a condition on aws:PrincipalArn under every operator")
    return free[0]


def _for_leased_users(statement: Statement) -> bool:
    return any(
        operator in _ARN_OPERATORS and key == _PRINCIPAL.lower() and values and all(map(_is_leased, values))
        for operator, key, values in conditions(statement)
    )


def _is_leased(pattern: str) -> bool:
    """Whether an ARN, or a pattern of ARNs, lies under the users' path, segment by segment as IAM compares it."""
    segments = pattern.split(":", 5)
    return len(segments) == 6 and segments[2] == "iam" and covers(LEASED_USERS, pattern)


def _ends(statement: Statement) -> datetime | None:
    """The instant from which on a statement holds no more; None without one that can be read."""
    dates = (_latest(values) for operator, key, values in conditions(statement) if _is_end(operator, key))
    return next(dates, None)


def _is_end(operator: str, key: str) -> bool:
    return operator == "DateLessThan" and key == _TIME.lower()


def _latest(values: list[str]) -> datetime | None:
    """Of alternatives the last counts."""
    try:
        return max((clock.from_text(value) for value in values), default=None)
    except ValueError:
        return None


def _without_date(statement: Statement) -> dict[str, Any]:
    block = {
        operator: {key: value for key, value in keys.items() if not _is_end(operator, key.lower())}
        for operator, keys in (statement.get("Condition") or {}).items()
    }
    kept = {operator: keys for operator, keys in block.items() if keys}
    return {**statement, **({"Condition": kept} if "Condition" in statement else {})}
