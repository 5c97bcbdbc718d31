"""The policies of roles: for leases of the kind session, and for what a lease may start.

Nothing in IAM can demand that `AssumeRole` comes with a session policy, so a stolen issuer leaves it out. A
*session role* (`/keylease/session/`) therefore carries what holds without one:

- trust in the issuer alone, and only with a source identity that begins with `keylease-`, for CloudTrail;
- the fence's core and share denials, always; and everything denied from the *horizon* on.

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
    deny,
    end_of_all,
    grants_for_services_only,
    pass_launch_roles_only,
    policy,
    share_denials,
    since,
)
from keylease.domain.outlive import Verdict, denied
from keylease.domain.statement import Statement, allows, always_denied, conditions, covers, statements

SOURCE_IDENTITY = "keylease-*"
"""What a session's source identity must look like, in the trust policy and in the issuer's own."""

_TAKE = ["sts:AssumeRole", "sts:SetSourceIdentity"]
_ESSENTIAL = ("iam:", "signin:", "sts:")


def trust_policy(issuer_arn: str) -> dict[str, Any]:
    """The trust policy of a session role. Tags are a statement of their own: they know no source identity."""
    issuer = {"Effect": "Allow", "Principal": {"AWS": issuer_arn}}
    named = {"StringLike": {"sts:SourceIdentity": SOURCE_IDENTITY}}
    return policy([{**issuer, "Action": _TAKE, "Condition": named}, {**issuer, "Action": "sts:TagSession"}])


def session_role_policy(of: Iterable[Statement], *, horizon: datetime, share: bool = False) -> dict[str, Any]:
    """The policy of a session role that gives what these statements give, before `horizon`."""
    guards = [end_of_all(horizon), *core_denials(), *([] if share else share_denials())]
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
        statement if _ends_all(statement) is None else {**statement, **end_of_all(horizon)}
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
    documents: Iterable[Mapping[str, Any]], trust: Mapping[str, Any], *, issuer_arn: str, share: bool = False
) -> list[str]:
    """What keeps a session role from holding without a session policy, one sentence each; empty where nothing does.

    `documents`: all its policies. `share`: whether its permission set lets data be opened to others.
    """
    documents = tuple(documents)
    found = []
    if statements(trust) != statements(trust_policy(issuer_arn)):
        found.append(f"The role does not trust {issuer_arn} alone, with a source identity.")
    if not any(horizon_of_role(document) for document in documents):
        found.append("The role has no horizon: it never denies everything.")
    present = [statement for document in documents for statement in statements(document)]
    return found + _missing(present, share=share)


def _missing(present: list[Statement], *, share: bool) -> list[str]:
    always = list(always_denied(present))
    wanted = (*denied(Verdict.CORE), *(() if share else denied(Verdict.SHARE)))
    open_ = [pattern for pattern in wanted if not any(covers(mine, pattern) for mine in always)]
    listed = ", ".join(open_[:5]) + (" and more" if len(open_) > 5 else "")
    exact = [pass_launch_roles_only(), *([] if share else [grants_for_services_only()])]
    absent = [statement["Action"] for statement in exact if statement not in present]
    return [f"The role does not always deny {words}." for words in (listed, *absent) if words]


def weaknesses_of_launch_role(documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a launch role must not hold, one sentence each; empty where it holds none of it. Reads are harmless."""
    documents = tuple(documents)
    never = [pattern for pattern in denied(Verdict.CORE) if pattern.startswith(("iam:", "sts:"))]
    held = [pattern for pattern in (*never, "iam:PassRole") if allows(documents, pattern)]
    services = sorted(
        {pattern if pattern == "iam:PassRole" else pattern.partition(":")[0].upper() for pattern in held}
    )
    return [f"The launch role may use {name}: what it runs could go on without end." for name in services]
