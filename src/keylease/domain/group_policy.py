"""The policies of the groups that give leases their permissions.

IAM's `AddUserToGroup` names the group alone and cannot see which user goes in behind which fence. So a group
defends itself: every Allow of its policies holds only

- for users under `/keylease/`: whoever else is put in gets nothing, nor does a session that the user makes under
  another ARN (GetFederationToken), nor a user that was moved to another path;
- before a literal date, the *horizon*: behind an endless fence, too, everything ends there. An administrator's run
  moves it forward.

And the group denies what a fence denies always, the core and, unless its permission set shares, the opening of
data: behind a fence that somebody else wrote a user who may do everything would make another one who never ends.
From twelve hours before the horizon on it denies what gives credentials, since those would live on. These denials
hold for leased users alone: whoever can put anybody into the group must not be able to lock an administrator out.

One of the group's policies with them is enough for all. They take some 4,000 characters; an inline policy has room
for 5,120 with all others of its group, a managed policy for 6,144 by itself, so make it a managed policy. Denials
of an administrator's own stay as they are. Policies that AWS manages carry no conditions: copy them, or read what
`weaknesses_of_policy` says of them. Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from keylease.domain import clock
from keylease.domain.iam import (
    USER_PATH,
    denies_last_hours,
    deny,
    end_of_last_hours,
    grants_for_services_only,
    last_hours,
    missing_denials,
    move_last_hours,
    pass_launch_roles_only,
    policy,
)
from keylease.domain.outlive import Verdict, denied
from keylease.domain.statement import Statement, conditions, covers, statements

LEASED_USERS = f"arn:*:iam::*:user{USER_PATH}*"

_PRINCIPAL = "aws:PrincipalArn"
_TIME = "aws:CurrentTime"
_ONLY_LEASED: Mapping[str, Any] = {"ArnLike": {_PRINCIPAL: LEASED_USERS}}
_ARN_OPERATORS = ("ArnLike", "ArnEquals")
"""Both take a pattern and compare segment by segment; `StringLike` does not, and a user's path may hold colons. A
second condition on one key needs an operator of its own: values in one list are alternatives, so adding ours to a
list that is there would widen it."""


def group_policy(of: Iterable[Statement], *, horizon: datetime, share: bool = False) -> dict[str, Any]:
    """The policy of a group that gives what these statements give: to leased users only, before `horizon`.

    `share=True` leaves out what forbids opening the account's data to others. Without statements it is what a
    group's other policies need beside them. Conditions that are there stay and must hold as well; of two dates the
    earlier counts. Raises `ValueError` where a statement leaves no operator for ours, or has a date that cannot be
    read.
    """
    return policy([*_given(of, horizon), *map(_for_leased, denials(horizon, share=share))])


def denials(horizon: datetime, *, share: bool) -> list[dict[str, Any]]:
    """What a group denies whoever is leased, before they are narrowed to those."""
    always = {*denied(Verdict.CORE), *(() if share else denied(Verdict.SHARE))}
    grants = [] if share else [grants_for_services_only()]
    return [deny(sorted(always)), pass_launch_roles_only(), *grants, last_hours(horizon)]


def _given(of: Iterable[Statement], horizon: datetime) -> Iterator[dict[str, Any]]:
    return (_guarded(statement, horizon) if _gives(statement) else dict(statement) for statement in of)


def _for_leased(statement: Statement) -> dict[str, Any]:
    return {**statement, "Condition": {**statement.get("Condition", {}), **_ONLY_LEASED}}


def as_leased(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as leased users meet it: denials for all of them are denials for everybody."""
    return {**document, "Statement": [_without_user(statement) for statement in statements(document)]}


def _without_user(statement: Statement) -> Statement:
    condition = statement.get("Condition")
    if _gives(statement) or not isinstance(condition, Mapping):
        return statement
    condition = dict(condition)
    if condition.pop("ArnLike", None) != _ONLY_LEASED["ArnLike"]:
        return statement
    rest = {name: value for name, value in statement.items() if name != "Condition"}
    return {**rest, "Condition": condition} if condition else rest


def move_horizon(document: Mapping[str, Any], *, horizon: datetime) -> dict[str, Any]:
    """The same policy with another horizon, and with the last hours before that.

    Raises `ValueError` where its Allow statements have not all the same one: dates of their own would be lost.
    """
    if len(set(_all_ends(document))) != 1 or horizon_of(document) is None:
        raise ValueError("the policy has no horizon, or more than one; write it anew from its permission set")
    given = (_without_date(statement) for statement in statements(document))
    return policy(move_last_hours(statement, end=horizon) for statement in _given(given, horizon))


def horizon_of(document: Mapping[str, Any]) -> datetime | None:
    """The instant from which on some of what the policy allows ends; None where some of it has no end.

    Of a policy that allows nothing it is the horizon of the group that it was written for.
    """
    ends = _all_ends(document)
    dates = [end for end in ends if end is not None]
    return min(dates) if dates and len(dates) == len(ends) else None


def _all_ends(document: Mapping[str, Any]) -> list[datetime | None]:
    giving = [_ends(statement) for statement in statements(document) if _gives(statement)]
    return giving or [end for one in statements(document) if (end := end_of_last_hours(one)) is not None]


def weaknesses_of_group(documents: Iterable[Mapping[str, Any]], *, share: bool = False) -> list[str]:
    """What a group does not deny that it must, in a sentence; empty where it denies all of it, or allows nothing.

    `documents`: all its policies that the account's administrators write. `share`: whether its permission set lets
    data be opened to others.
    """
    documents = [as_leased(document) for document in documents]
    ends = [end for document in documents for end in _all_ends(document) if _allows_some(document)]
    if not ends:
        return []
    present = [statement for document in documents for statement in statements(document)]
    missing = missing_denials(present, share=share)
    dates = [end for end in ends if end is not None]
    if dates and not denies_last_hours(present, max(dates)):
        missing.append("what gives credentials, from twelve hours before the horizon on")
    return [f"It does not deny {words}." for words in missing]


def _allows_some(document: Mapping[str, Any]) -> bool:
    return any(map(_gives, statements(document)))


def weaknesses_of_policy(document: Mapping[str, Any]) -> list[str]:
    """What keeps a policy's Allow statements from defending its group, one sentence each; empty where they do."""
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
