"""A clean account as a snapshot, and the words with which a test puts faults into it.

clean()                                   every fact is known, and no check finds anything
changed(clean(), users=[user("bob")])     the same with a user more
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from keylease.audit.snapshot import (
    Bearer,
    Bucket,
    Credentials,
    Iam,
    Instance,
    Organization,
    PasswordPolicy,
    PlainText,
    Policy,
    ReportedKey,
    Snapshot,
    Trail,
)
from keylease.domain import iam as names
from keylease.domain.group_policy import group_policy

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACCOUNT, MANAGEMENT, ELSEWHERE = "111122223333", "999988887777", "555544443333"
REGION = "eu-central-1"
FENCE = names.fence(NOW + timedelta(days=9))
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
READS = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def inline(*statements: Mapping[str, Any], name: str = "own") -> tuple[Policy, ...]:
    return (Policy(name=name, arn=None, document=document(*statements)),)


def managed(name: str, *statements: Mapping[str, Any], attached: int = 1) -> Policy:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    return Policy(name=name, arn=arn, document=document(*statements), attached=attached)


def user(name: str, *, path: str = "/", tags: Mapping[str, str] | None = None, **more: Any) -> Bearer:
    groups = more.pop("groups", ("readers",))
    owned = {"Owner": "priya@example.com"} if tags is None else tags
    arn = f"arn:aws:iam::{ACCOUNT}:user{path}{name}"
    return Bearer(kind="user", name=name, arn=arn, path=path, groups=groups, tags=owned, created=ago(400), **more)


def group(name: str, *, path: str = "/", **more: Any) -> Bearer:
    return Bearer(kind="group", name=name, arn=f"arn:aws:iam::{ACCOUNT}:group{path}{name}", path=path, **more)


def role(name: str, *, service: str = "", trust: Any = None, path: str = "/", **more: Any) -> Bearer:
    principal = {"Service": service} if service else {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trusting = trust or {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    arn = f"arn:aws:iam::{ACCOUNT}:role{path}{name}"
    return Bearer(kind="role", name=name, arn=arn, path=path, trust=document(trusting), **more)


def key(slot: int = 1, *, active: bool = True, made: float = 30, used: float | None = 1) -> ReportedKey:
    return ReportedKey(
        slot=slot,
        active=active,
        made=ago(made),
        used=None if used is None else ago(used),
        used_region=REGION,
        used_service="s3",
    )


def row(name: str, *keys: ReportedKey, path: str = "/", **more: Any) -> Credentials:
    arn = f"arn:aws:iam::{ACCOUNT}:user{path}{name}"
    return Credentials(user=name, arn=arn, created=ago(400), keys=keys, **more)


def root(*keys: ReportedKey, **more: Any) -> Credentials:
    settled = {"password": None, "password_used": ago(300), "mfa": True} | more
    return Credentials(user="<root_account>", arn=ROOT_ARN, created=ago(900), keys=keys, **settled)


def trail(**more: Any) -> Trail:
    settled: dict[str, Any] = {
        "name": "everything",
        "arn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/everything",
        "home": REGION,
        "logging": True,
        "all_regions": True,
        "management_events": True,
        "validated": True,
        "bucket": Bucket(name="trail-archive"),
    }
    return Trail(**(settled | more))


def instance(**more: Any) -> Instance:
    settled: dict[str, Any] = {
        "id": "i-0a1b2c3d",
        "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0a1b2c3d",
        "profile": "web",
        "token_required": True,
    }
    return Instance(**(settled | more))


def place(kind: str, name: str, **texts: str) -> PlainText:
    return PlainText(kind=kind, name=name, arn=f"arn:aws:x:{REGION}:{ACCOUNT}:{name}", texts=texts)


def scps() -> dict[str, Any]:
    regions = {
        "Effect": "Deny",
        "NotAction": ["iam:*", "sts:*"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": [REGION]}},
    }
    buying = {"Effect": "Deny", "Action": "ec2:PurchaseReservedInstancesOffering", "Resource": "*"}
    return {"guardrails": document(regions, buying)}


def organization(**more: Any) -> Organization:
    settled: dict[str, Any] = {
        "id": "o-abc123",
        "management": MANAGEMENT,
        "scps": scps(),
        "accounts": frozenset({ACCOUNT, MANAGEMENT}),
        "root_features": frozenset({"RootCredentialsManagement"}),
    }
    return Organization(**(settled | more))


def clean() -> Snapshot:
    """People with keys, console users, leases, roles, trails: everything that there may be, and all of it well."""
    readers = group("readers", inline=inline(READS))
    leased = group("media", path=names.GROUP_PATH, attached=(_media().arn or "",))
    lease = user("mara-4k7m9q2x", path=names.USER_PATH, groups=("media",), boundary=_fence().arn, tags={})
    users = (user("priya"), user("jonas"), lease)
    roles = (
        role("web", service="ec2.amazonaws.com", inline=inline(READS)),
        role("deploy", trust=_github(), inline=inline(READS)),
        role("AWSServiceRoleForSupport", service="support.amazonaws.com", path="/aws-service-role/support/"),
    )
    rows = (
        root(),
        row("priya", key(), password=True, password_used=ago(2), mfa=True),
        row("jonas", key(active=False, made=300, used=200)),
        row("mara-4k7m9q2x", key(made=8), path=names.USER_PATH),
    )
    policies = {one.arn or "": one for one in (_media(), _fence())}
    return Snapshot(
        account=ACCOUNT,
        at=NOW,
        summary={"AccountPasswordPresent": 0, "AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0},
        report=rows,
        iam=Iam(users=users, groups=(readers, leased), roles=roles, policies=policies),
        keys=(),
        virtual_mfa=frozenset({f"arn:aws:iam::{ACCOUNT}:user/priya"}),
        service_credentials=(),
        password_policy=PasswordPolicy(length=14, reuse=24, is_set=True),
        trails=(trail(),),
        organization=organization(),
        budgets=1,
        recorders={REGION: (True,)},
        instances={REGION: (instance(),)},
        user_data={REGION: (place("user data of the instance", "i-0a1b2c3d", text="#!/bin/sh\necho hello"),)},
        functions={REGION: (place("environment of the Lambda function", "thumb", TABLE="media"),)},
        tasks={REGION: ()},
        stacks={REGION: (place("stack", "site", **{"parameter Domain": "example.com"}),)},
        parameters={REGION: ()},
    )


def _media() -> Policy:
    guarded = group_policy([READS], horizon=NOW + timedelta(days=90))
    return Policy(name="media", arn=f"arn:aws:iam::{ACCOUNT}:policy/media", document=guarded, attached=1)


def _fence() -> Policy:
    import json

    arn = f"arn:aws:iam::{ACCOUNT}:policy{names.FENCE_PATH}{FENCE.name}"
    return Policy(name=FENCE.name, arn=arn, document=json.loads(FENCE.document))


def _github() -> dict[str, Any]:
    host = "token.actions.githubusercontent.com"
    return {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {f"{host}:sub": "repo:example/site:ref:refs/heads/main"}},
    }


def changed(
    at: Snapshot,
    *,
    users: Sequence[Bearer] = (),
    groups: Iterable[Bearer] = (),
    roles: Iterable[Bearer] = (),
    policies: Iterable[Policy] = (),
    rows: Sequence[Credentials] = (),
    **facts: Any,
) -> Snapshot:
    """The account with more in it, and with other facts. A root row in `rows` takes the place of the one there."""
    iam: Any = at.iam
    more = Iam(
        users=(*iam.users, *users),
        groups=(*iam.groups, *groups),
        roles=(*iam.roles, *roles),
        policies=iam.policies | {one.arn or "": one for one in policies},
    )
    known = {one.user for one in rows}
    given = (*rows, *(row(one.name, path=one.path) for one in users if one.name not in known))
    before: Any = at.report
    kept = tuple(one for one in before if not (one.is_root and any(new.is_root for new in given)))
    return replace(at, **({"iam": more, "report": (*given, *kept)} | facts))
