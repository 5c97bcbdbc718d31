"""An account in the sandbox's AWS: a bucket, who may use it (a group, a session role), and the broker's roles.

It is built with the root credentials, as an administrator would build it; after that they only assume the roles.
The group's policy is a managed one: it is longer than IAM takes inside a group.

ministack judges IAM's own calls by a name without its path, by the user where AWS goes by the group, and does not
know `iam:PermissionsBoundary`, `sts:SourceIdentity` and an instance's tags. So what policies say of those is left
out (`enforceable`): which actions each identity has, which tags it may write, and until when, is still enforced.
That the full policies allow what they should and no more is for an independent judge to show. Boundaries themselves
it enforces, and the tags and the time of a session, so a session that is refused is refused here too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.domain import iam
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.group_policy import group_policy
from keylease.domain.role_policy import session_role_policy, trust_policy
from keylease.domain.secret import Secret
from keylease.domain.statement import Statement, as_list, statements
from keylease.ports import AccessKey
from keylease.sandbox.ministack import ACCOUNT, REGION, SECRET, Ministack

BROKER_PATH = "/keylease-broker/"
"""Outside `/keylease/`, where the broker itself may act."""

BUCKET = "media-archive"
GROUP = "media-archive"
ROLE = "media-archive"
"""The session role."""
OBJECT = "2026/autumn/interview.mov"

_UNKNOWN = ("aws:ResourceTag/keylease:lease", "iam:PermissionsBoundary", "sts:SourceIdentity")
"""Condition keys that ministack never fills in, so that what asks for them would never hold."""

Document = Mapping[str, Any]


def root(ministack: Ministack, account: str = ACCOUNT) -> Clients:
    """Clients with the root credentials of one of ministack's accounts."""
    return Clients(Account(id=account, region=REGION, endpoint_url=ministack.endpoint), _identity(account))


def build(clients: Clients, *, horizon: datetime, bucket: str = BUCKET) -> Account:
    """Build the account behind root's `clients`, and say how keylease reaches it.

    `horizon` is the date up to which the group allows anything and the issuer does. A bucket's name is taken once
    for all accounts of one ministack.
    """
    at = clients.account
    _bucket(clients, bucket)
    _group(clients, group_policy(gives(bucket), horizon=horizon))
    issuer = _role(clients, "keylease-issuer", issuer_policy(horizon=horizon, account=at.id))
    removes = remover_policy(account=at.id, watches=True, stops=True)
    session_role(clients, ROLE, session_role_policy(gives(bucket), horizon=horizon), issuer_arn=issuer)
    return Account(
        id=at.id,
        region=at.region,
        endpoint_url=at.endpoint_url,
        issuer=_identity(at.id, role_arn=issuer),
        remover=_identity(at.id, role_arn=_role(clients, "keylease-remover", removes)),
    )


def gives(bucket: str) -> list[Statement]:
    """What the group gives: to list the bucket, and to read, add and delete files in it."""
    arn = f"arn:aws:s3:::{bucket}"
    files = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    return [
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": arn},
        {"Effect": "Allow", "Action": files, "Resource": f"{arn}/*"},
    ]


def session_role(clients: Clients, name: str, ceiling: Document, *, issuer_arn: str) -> None:
    """Make a session role: its ceiling is its permissions boundary and its one policy."""
    client = clients.iam()
    text = iam.canonical(ceiling)
    made = ask(client.create_policy, PolicyName=name, Path=iam.CEILING_PATH, PolicyDocument=text)
    arn = made["Policy"]["Arn"]
    ask(
        client.create_role,
        RoleName=name,
        Path=iam.SESSION_PATH,
        AssumeRolePolicyDocument=json.dumps(enforceable(trust_policy(issuer_arn))),
        PermissionsBoundary=arn,
    )
    ask(client.attach_role_policy, RoleName=name, PolicyArn=arn)


def enforceable(document: Document) -> dict[str, Any]:
    """The document as ministack can enforce it on calls of IAM: the same actions, on everything.

    A denial that rests on what ministack does not know would hold always, so it is left out.
    """
    known = (statement for statement in statements(document) if not _is_beyond(statement))
    return {**document, "Statement": [_enforceable(statement) for statement in known]}


def _is_beyond(statement: Statement) -> bool:
    keys = {key for block in statement.get("Condition", {}).values() for key in block}
    return statement["Effect"] == "Deny" and ("NotResource" in statement or not keys.isdisjoint(_UNKNOWN))


def _enforceable(statement: Statement) -> Statement:
    if statement["Effect"] != "Allow":
        return statement
    condition = {
        operator: {key: value for key, value in keys.items() if key not in _UNKNOWN}
        for operator, keys in statement.get("Condition", {}).items()
    }
    holding = {operator: keys for operator, keys in condition.items() if keys}
    own = {name: value for name, value in statement.items() if name != "Condition"}
    if all(action.startswith("iam:") for action in as_list(statement["Action"])):
        own |= {"Resource": "*"}
    return own | ({"Condition": holding} if holding else {})


def _identity(account: str, *, role_arn: str | None = None) -> Identity:
    access_key = AccessKey(access_key_id=account, secret_access_key=Secret(SECRET))
    return Identity(role_arn=role_arn, access_key=access_key)


def _bucket(clients: Clients, name: str) -> None:
    s3 = clients.service("s3", attempts=1)
    ask(s3.create_bucket, Bucket=name)
    ask(s3.put_object, Bucket=name, Key=OBJECT, Body=b"moving pictures")


def _group(clients: Clients, document: Document) -> None:
    client = clients.iam()
    ask(client.create_group, GroupName=GROUP, Path=iam.GROUP_PATH)
    made = ask(client.create_policy, PolicyName=GROUP, Path=iam.GROUP_PATH, PolicyDocument=json.dumps(document))
    ask(client.attach_group_policy, GroupName=GROUP, PolicyArn=made["Policy"]["Arn"])


def _role(clients: Clients, name: str, document: Document) -> str:
    client, text = clients.iam(), json.dumps(enforceable(document))
    owner = {"AWS": f"arn:aws:iam::{clients.account.id}:root"}
    trust = iam.policy([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": owner}])
    made = ask(
        client.create_role,
        RoleName=name,
        Path=BROKER_PATH,
        AssumeRolePolicyDocument=json.dumps(trust),
    )
    ask(client.put_role_policy, RoleName=name, PolicyName="keylease", PolicyDocument=text)
    return made["Role"]["Arn"]
