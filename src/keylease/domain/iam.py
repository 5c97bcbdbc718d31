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
from keylease.domain.outlive import GRANT, Verdict, denied
from keylease.domain.statement import Statement, always_denied, covers, statements

USER_PATH = "/keylease/"
GROUP_PATH = "/keylease/"
FENCE_PATH = "/keylease/fence/"
SESSION_PATH = "/keylease/session/"
LAUNCH_PATH = "/keylease/launch/"

FENCE_LIMIT = 6144
"""Characters that AWS allows in a managed policy, white space not counted."""
SESSION_POLICY_LIMIT = 2048
"""Characters that AWS allows in a session policy, white space counted; packed with tags it may be less."""

VERSION = "2012-10-17"

_NAME = re.compile(r"keylease-fence-(\d{8}T\d{6}Z)(-share)?-([0-9a-f]{16})")
_STAMP = "%Y%m%dT%H%M%SZ"
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
    return {"DateGreaterThanEquals": {"aws:CurrentTime": clock.to_text(instant)}}


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
    return deny(GRANT, {"BoolIfExists": {"kms:GrantIsForAWSResource": "false"}})


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
        deny(denied(Verdict.LAST_12), since(until - timedelta(hours=12))),
        deny(denied(Verdict.LAST_1), since(until - timedelta(hours=1))),
    ]


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def fence_until(name: str) -> datetime | None:
    """The instant that a fence's name states; None for any other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_genuine(name: str, document: str) -> bool:
    """Whether a policy under the fence path is what its name promises, white space and key order aside.

    A fence of this edition must be what `fence` renders. One of another edition (`outlive.toml` has changed
    since) must have the digest that its name states, the very statement that ends everything at that instant,
    and an unconditional denial of what could undo it. What cannot be read or written is no fence either.
    """
    try:
        return _is_as_promised(name, document)
    except (ValueError, OverflowError, RecursionError):
        return False


def _is_as_promised(name: str, document: str) -> bool:
    match, until = _NAME.fullmatch(name), fence_until(name)
    parsed = _parse(document)
    if match is None or until is None or parsed is None:
        return False
    expected = fence(until, share=match[2] is not None)
    if name == expected.name:
        return canonical(parsed) == expected.document
    return match[3] == _digest(canonical(parsed)) and _holds(parsed, until)


def _holds(document: Mapping[str, Any], until: datetime) -> bool:
    always = list(always_denied(statements(document)))
    ends = end_of_all(until) in statements(document)
    return ends and all(any(covers(pattern, action) for pattern in always) for action in _NEVER)


def _parse(document: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(document, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is there twice")
    return table
