"""Names and the fence, as values.

A fence is a policy document that allows everything before an instant and explicitly denies everything from
it on. It also denies what could outlive the access key behind it or undo the fence itself: always, or in the
last hours, block by block as `outlive.toml` lists it. Worn as a boundary it gives nothing; it only takes.

- The end is a Deny, since a resource policy that names the user is not limited by a missing Allow; and a
  literal date, since date conditions take no policy variables.
- A name states the instant and the digest of the document, so one name is one content for ever, and anybody
  can compare what AWS holds with what should be there.
- ARNs leave the partition open (`arn:*:`): one document serves aws, aws-cn and aws-us-gov.

Nothing here calls AWS or knows of leases.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from keylease.domain import clock
from keylease.domain.outlive import GRANT, GRANT_BY_HAND, Verdict, denied
from keylease.domain.statement import Statement, always_denied, as_list, conditions, covers, statements

USER_PATH = "/keylease/"
GROUP_PATH = "/keylease/"
FENCE_PATH = "/keylease/fence/"
SESSION_PATH = "/keylease/session/"
CEILING_PATH = "/keylease/ceiling/"
LAUNCH_PATH = "/keylease/launch/"

FENCE_LIMIT = 6144
"""Characters that AWS allows in a managed policy, white space not counted."""
SESSION_POLICY_LIMIT = 2048
"""Characters that AWS allows in a session policy, white space counted; packed with tags it may be less."""

VERSION = "2012-10-17"
HALF_A_DAY = timedelta(hours=12)
LAST_HOURS = "LastHours"

_NAME = re.compile(r"keylease-fence-([0-9]{8}T[0-9]{6}Z)(-share)?-([0-9a-f]{16})")
_SINCE = "DateGreaterThanEquals"
_STAMP = "%Y%m%dT%H%M%SZ"
_YEARS = range(2000, 9000)
"""Of the instants that a fence can have: hours and weeks before and after them are instants, too."""
_LAUNCH_ROLES = f"arn:*:iam::*:role{LAUNCH_PATH}*"
_NEVER = (
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreatePolicyVersion",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateUser",
    "sts:AssumeRole",
)
"""What the fence of any edition denies always: without these it could be taken off, or left for a role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The boundary policy that denies everything from `until` on. `share`: data may be opened to others."""

    until: datetime
    share: bool
    name: str
    document: str


def canonical(document: Mapping[str, Any]) -> str:
    """A policy document as JSON text with sorted keys and no white space; the order of lists stays."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def size(document: str) -> int:
    """How many characters AWS counts: those of the document without white space between its parts."""
    return len(canonical(json.loads(document)))


def policy(of: Iterable[Statement]) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": VERSION, "Statement": list(of)}


def before(instant: datetime) -> dict[str, Any]:
    """The condition that holds as long as `instant` has not come."""
    return {"DateLessThan": {"aws:CurrentTime": clock.to_text(instant)}}


def since(instant: datetime) -> dict[str, Any]:
    """The condition that holds from `instant` on."""
    return {_SINCE: {"aws:CurrentTime": clock.to_text(instant)}}


def deny(actions: Iterable[str] | str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A statement that denies these actions everywhere, always or while `condition` holds."""
    action = actions if isinstance(actions, str) else list(actions)
    statement: dict[str, Any] = {"Effect": "Deny", "Action": action, "Resource": "*"}
    return statement | ({"Condition": dict(condition)} if condition else {})


def end_of_all(until: datetime) -> dict[str, Any]:
    """The statement that ends everything: deny all actions from `until` on."""
    return deny("*", since(until))


def core_denials() -> list[dict[str, Any]]:
    """What no lease may ever do: gain other credentials, undo its end, pass a role that was not approved."""
    return [deny(denied(Verdict.CORE)), pass_launch_roles_only()]


def pass_launch_roles_only() -> dict[str, Any]:
    """The statement that denies to pass any role but the launch roles."""
    return {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": _LAUNCH_ROLES}


def share_denials() -> list[dict[str, Any]]:
    """What opens the account's data to others."""
    return [deny(denied(Verdict.SHARE)), grants_for_services_only()]


def grants_for_services_only() -> dict[str, Any]:
    """The statement that denies grants on keys, but for those that an AWS service asks for."""
    return deny(GRANT, GRANT_BY_HAND)


def last_hours(end: datetime) -> dict[str, Any]:
    """The statement that denies, from twelve hours before `end` on, what gives credentials of up to that life.

    Its Sid tells it apart from an administrator's own: its date moves with the horizon.
    """
    return {"Sid": LAST_HOURS, **deny(denied("session"), since(end - HALF_A_DAY))}


def end_of_last_hours(statement: Statement) -> datetime | None:
    """The end before which a statement of that kind denies; None for any other, or without a date to be read."""
    if statement.get("Sid") != LAST_HOURS or statement.get("Effect") != "Deny":
        return None
    dates = [value for operator, _, values in conditions(statement) for value in values if operator == _SINCE]
    try:
        return min(map(clock.from_text, dates)) + HALF_A_DAY if dates else None
    except ValueError:
        return None


def move_last_hours(statement: Statement, *, end: datetime) -> Statement:
    """The statement with the date that belongs to another end; any other statement as it is."""
    if end_of_last_hours(statement) is None:
        return statement
    return {**statement, "Condition": {**statement["Condition"], **since(end - HALF_A_DAY)}}


def missing_denials(present: Iterable[Statement], *, share: bool) -> list[str]:
    """What these statements do not deny of the core and, unless `share`, of sharing: in words, at most three."""
    present = list(present)
    always = list(always_denied(present))
    wanted = (*denied(Verdict.CORE), *(() if share else denied(Verdict.SHARE)))
    open_ = [pattern for pattern in wanted if not any(covers(mine, pattern) for mine in always)]
    listed = ", ".join(open_[:5]) + (" and more" if len(open_) > 5 else "")
    exact = [pass_launch_roles_only(), *([] if share else [grants_for_services_only()])]
    absent = [statement["Action"] for statement in exact if statement not in present]
    return [words for words in (listed, *absent) if words]


def denies_last_hours(present: Iterable[Statement], end: datetime) -> bool:
    """Whether one of these statements denies what gives credentials, from twelve hours before `end` on at least."""
    return any(
        own <= end
        and statement == {**last_hours(own), "Action": statement["Action"]}
        and all(any(covers(mine, action) for mine in as_list(statement["Action"])) for action in denied("session"))
        for statement in present
        if (own := end_of_last_hours(statement)) is not None
    )


def fence(until: datetime, *, share: bool = False) -> Fence:
    """The fence that ends at `until` (aware; a fraction of a second is dropped, never added).

    `share=True` leaves out what forbids opening the account's data to others.
    """
    until = clock.utc(until)
    document = canonical(policy(_fence_statements(until, share=share)))
    stamp = until.strftime(_STAMP) + ("-share" if share else "")
    name = f"keylease-fence-{stamp}-{_digest(document)}"
    return Fence(until=until, share=share, name=name, document=document)


def _fence_statements(until: datetime, *, share: bool) -> list[dict[str, Any]]:
    return [
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": before(until)},
        end_of_all(until),
        *core_denials(),
        *([] if share else share_denials()),
        deny(denied(Verdict.LAST_12), since(until - HALF_A_DAY)),
        deny(denied(Verdict.LAST_1), since(until - timedelta(hours=1))),
    ]


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def fence_until(name: str) -> datetime | None:
    """The instant that a fence's name states; None for any other name, and for an instant that no fence has."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        until = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return until if until.year in _YEARS else None


def is_genuine(name: str, document: str) -> bool:
    """Whether a policy under the fence path is what its name promises, white space and key order aside.

    A fence of this edition must be what `fence` renders. One of another edition (`outlive.toml` has changed
    since) must have the digest that its name states, the very statement that ends everything at that instant,
    and an unconditional denial of what could undo it.

    It raises nothing: names and documents are whatever somebody has put there, and what cannot be compared
    (half characters, a nesting without end) is not genuine.
    """
    try:
        return _is_genuine(name, document)
    except (ValueError, ArithmeticError, RecursionError):
        return False


def _is_genuine(name: str, document: str) -> bool:
    match, until = _NAME.fullmatch(name), fence_until(name)
    parsed = json.loads(document, object_pairs_hook=_without_repeats)
    if match is None or until is None or not isinstance(parsed, dict):
        return False
    expected = fence(until, share=match[2] is not None)
    if name == expected.name:
        return canonical(parsed) == expected.document
    return match[3] == _digest(canonical(parsed)) and _holds(parsed, until)


def _holds(document: Mapping[str, Any], until: datetime) -> bool:
    always = list(always_denied(statements(document)))
    ends = end_of_all(until) in statements(document)
    return ends and all(any(covers(pattern, action) for pattern in always) for action in _NEVER)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is there twice")
    return table
