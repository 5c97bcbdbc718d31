"""The policies of roles: for leases of the kind session, and for what a lease may start.

Nothing in IAM can demand that `AssumeRole` comes with a session policy, so a stolen issuer leaves it out. And the
remover may write inline policies of a session role, so as to refuse the sessions of a lease that has ended. A
*session role* (`/keylease/session/`) therefore carries what holds without the one and whatever the other writes:

- trust in the issuer alone, and only with a source identity that begins with `keylease-`, for CloudTrail;
- a *ceiling*: a managed policy under `/keylease/ceiling/` that is the role's permissions boundary. It allows all
  that the role can ever give, denies the fence's core and share, always, everything from the *horizon* on, and
  what gives credentials from twelve hours before that on.
  Attached to the role as well it is all that the role needs, and one document to review.

The session policy adds the lease's own instant. It repeats the few denials that matter most and leaves the rest
to the role, since it has room for little. The last twelve hours are thinner than those of a fence: only what gives
credentials, not what opens a product in a browser.

A *launch role* (`/keylease/launch/`) is passed to what a lease starts and runs on after the lease, so it must hold
no IAM, no STS and no PassRole. Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from keylease.domain import clock
from keylease.domain.iam import (
    before,
    canonical,
    core_denials,
    denies_last_hours,
    deny,
    end_of_all,
    last_hours,
    missing_denials,
    move_last_hours,
    pass_launch_roles_only,
    policy,
    share_denials,
    since,
)
from keylease.domain.outlive import Verdict, denied
from keylease.domain.statement import Statement, allows, conditions, statements

SOURCE_IDENTITY = "keylease-*"
"""What a session's source identity must look like, in the trust policy and in the issuer's own."""

OWN_TAGS: Mapping[str, Any] = {"ForAllValues:StringLike": {"aws:TagKeys": "keylease:*"}}
"""The condition that no tag is set but keylease's own: a tag of another name may open doors elsewhere."""

_ESSENTIAL = ("iam:", "signin:", "sts:")


def trust_policy(issuer_arn: str, *, external_id: str | None = None) -> dict[str, Any]:
    """The trust policy of a session role. Tags are a statement of their own: they know no source identity.

    `external_id`: what the issuer must say as well, where it comes from another account.
    """
    issuer = {"Effect": "Allow", "Principal": {"AWS": issuer_arn}}
    known = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else {}
    named = {"StringLike": {"sts:SourceIdentity": SOURCE_IDENTITY}}
    take = {**issuer, "Action": "sts:AssumeRole", "Condition": {**named, **known}}
    mark = {**issuer, "Action": "sts:SetSourceIdentity", "Condition": named}
    return policy([take, mark, {**issuer, "Action": "sts:TagSession", "Condition": OWN_TAGS}])


def session_role_policy(of: Iterable[Statement], *, horizon: datetime, share: bool = False) -> dict[str, Any]:
    """The ceiling of a session role that gives what these statements give, before `horizon`; also its policy."""
    guards = [end_of_all(horizon), *core_denials(), *([] if share else share_denials()), last_hours(horizon)]
    return policy([*(dict(statement) for statement in of), *guards])


def session_policy(until: datetime) -> str:
    """The policy that goes with each `AssumeRole` of a lease that ends at `until`, as canonical JSON."""
    essential = [pattern for pattern in denied(Verdict.CORE) if pattern.startswith(_ESSENTIAL)]
    return canonical(
        policy(
            [
                {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": before(until)},
                end_of_all(until),
                deny(essential),
                pass_launch_roles_only(),
                deny(denied("session"), since(until - timedelta(hours=12))),
            ]
        )
    )


def horizon_of_role(document: Mapping[str, Any]) -> datetime | None:
    """The instant from which on a session role's policy denies everything; None where it never does."""
    dates = [date for statement in statements(document) if (date := _ends_all(statement)) is not None]
    return min(dates) if dates else None


def move_horizon_of_role(document: Mapping[str, Any], *, horizon: datetime) -> dict[str, Any]:
    """The same policy with another horizon; also for the issuer's. Raises `ValueError` where it has none."""
    if horizon_of_role(document) is None:
        raise ValueError("the policy has no horizon: no statement denies everything from a date on")
    moved = [
        move_last_hours(statement, end=horizon)
        if _ends_all(statement) is None
        else {**statement, **end_of_all(horizon)}
        for statement in statements(document)
    ]
    return {**document, "Statement": moved}


def _ends_all(statement: Statement) -> datetime | None:
    """The date of a statement that is, its Sid aside, the one that ends everything; None for any other."""
    bare = {name: value for name, value in statement.items() if name != "Sid"}
    dates = [date for _, key, values in conditions(statement) if key == "aws:currenttime" for date in values]
    try:
        return next((end for end in map(clock.from_text, dates) if bare == end_of_all(end)), None)
    except ValueError:
        return None


def weaknesses_of_role(
    documents: Iterable[Mapping[str, Any]],
    trust: Mapping[str, Any],
    *,
    issuer_arn: str,
    ceiling: Mapping[str, Any] | None,
    share: bool = False,
    external_id: str | None = None,
) -> list[str]:
    """What keeps a session role from holding against whoever has the broker's identities, one sentence each.

    `documents`: all its policies. `ceiling`: its permissions boundary, where that lies under the ceilings' path.
    `share`: whether its permission set lets data be opened to others.
    """
    found = []
    if statements(trust) != statements(trust_policy(issuer_arn, external_id=external_id)):
        found.append(f"The role does not trust {issuer_arn} alone, with a source identity.")
    if ceiling is None:
        return [*found, "The role has no ceiling, so sessions of a lease that ends early cannot be refused."]
    if horizon_of_role(ceiling) is None:
        found.append("The ceiling has no horizon: it never denies everything.")
    given = [statement for document in documents for statement in statements(document)]
    wider = [one for one in statements(ceiling) if one.get("Effect") != "Deny" and one not in given]
    if wider:
        found.append("The ceiling allows what the role does not: whoever has the remover can give that.")
    return found + _missing(statements(ceiling), horizon_of_role(ceiling), share=share)


def _missing(ceiling: list[Statement], horizon: datetime | None, *, share: bool) -> list[str]:
    found = [f"The ceiling does not always deny {words}." for words in missing_denials(ceiling, share=share)]
    if horizon is not None and not denies_last_hours(ceiling, horizon):
        found.append("The ceiling does not deny what gives credentials in its last twelve hours.")
    return found


def weaknesses_of_launch_role(documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a launch role must not hold, one sentence each; empty where it holds none of it. Reads are harmless."""
    documents = tuple(documents)
    never = [pattern for pattern in denied(Verdict.CORE) if pattern.startswith(("iam:", "sts:"))]
    held = [pattern for pattern in (*never, "iam:PassRole") if allows(documents, pattern)]
    services = sorted(
        {pattern if pattern == "iam:PassRole" else pattern.partition(":")[0].upper() for pattern in held}
    )
    return [f"The launch role may use {name}: what it runs could go on without end." for name in services]
