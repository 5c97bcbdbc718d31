"""An account in which nothing is to be fixed, as doctor knows it, and ways to break it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from keylease.aws.inspector import Caller, Group, NamedPolicy, Quota, Role, Standing
from keylease.doctor.facts import AccountFacts, Facts, IdentityFacts, LedgerFacts, MachineFacts, SignInFacts
from keylease.domain import ahead, iam
from keylease.domain.access import Catalogue, PermissionSet, Who
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.group_policy import group_policy
from keylease.domain.plan import Observed, ObservedFence, ObservedUser
from keylease.domain.role_policy import session_role_policy, trust_policy

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HORIZON = NOW + timedelta(weeks=26)
ID = "123456789012"
ARN = f"arn:aws:iam::{ID}"
ISSUER = f"{ARN}:role/keylease-broker/keylease-issuer"
REMOVER = f"{ARN}:role/keylease-broker/keylease-remover"
READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
SET = PermissionSet(name="archive", title="Read the archive", group="archive-readers")
FENCE = iam.fence(NOW + timedelta(weeks=2))
USER = "mara-4k7m9q2x"


def named(document: Mapping[str, Any], name: str = "keylease", arn: str | None = None) -> NamedPolicy:
    """A policy of some name, inline if nothing else is said."""
    return NamedPolicy(name=name, arn=arn, document=document)


def identity(name: str, arn: str, *documents: Mapping[str, Any]) -> IdentityFacts:
    """A role that the broker uses, with these policies."""
    role = arn.rpartition("/")[2]
    path = arn.partition(":role")[2].removesuffix(role)
    return IdentityFacts(
        name=name,
        origin="the environment's variables",
        caller=Caller(arn=f"arn:aws:sts::{ID}:assumed-role/{role}/keylease", account=ID),
        skew=timedelta(seconds=1),
        standing=Standing(kind="role", name=role, path=path, arn=arn, policies=tuple(map(named, documents))),
    )


def group(*policies: NamedPolicy, name: str = SET.group, path: str = "/keylease/") -> Group:
    """A group with these policies."""
    return Group(name=name, path=path, policies=policies or (named(group_policy([READS], horizon=HORIZON)),))


def session_role(*documents: Mapping[str, Any], trust: Mapping[str, Any] | None = None, **changes: Any) -> Role:
    """A session role, sound unless said otherwise; the first document is its ceiling, too."""
    policies = tuple(map(named, documents or (session_role_policy([READS], horizon=HORIZON),)))
    role = Role(
        name="archive",
        path="/keylease/session/",
        arn=f"{ARN}:role/keylease/session/archive",
        trust=trust or trust_policy(ISSUER),
        policies=policies,
        ceiling=policies[0],
    )
    return replace(role, **changes)


def launch_role(*actions: str) -> Role:
    """A launch role that may do this."""
    allow = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return Role(
        name="starter",
        path="/keylease/launch/",
        arn=f"{ARN}:role/keylease/launch/starter",
        trust={},
        policies=(named(iam.policy([allow])),),
    )


def user(name: str = USER, fence: str = FENCE.name) -> ObservedUser:
    """A leased user behind a fence."""
    return ObservedUser(
        name=name,
        boundary=f"{ARN}:policy/keylease/fence/{fence}",
        groups=frozenset({SET.group}),
        tags={},
        access_key_ids=frozenset({"AKIAIOSFODNN7EXAMPLE"}),
    )


def fence(document: str = FENCE.document) -> ObservedFence:
    """The user's fence."""
    return ObservedFence(name=FENCE.name, document=document, worn=True)


def fences_until(end: datetime, *, share: bool = False) -> tuple[ObservedFence, ...]:
    """Fences made ahead, one for each day."""
    made = ahead.fences(NOW, end, share=share)
    return tuple(ObservedFence(name=one.name, document=one.document, worn=False) for one in made)


def account() -> AccountFacts:
    """An account in order."""
    return AccountFacts(
        name="media",
        id=ID,
        partition="aws",
        issuer=identity("issuer", ISSUER, issuer_policy(horizon=HORIZON, account=ID)),
        remover=identity("remover", REMOVER, remover_policy()),
        sets=(SET,),
        groups={SET.group: group()},
        other_groups=(group(name="others"),),
        roles=(session_role(), launch_role("s3:GetObject", "iam:GetUser")),
        quotas=(Quota(name="Users", used=3999, limit=5000), Quota(name="Policies", used=12, limit=1500)),
        observed=Observed(users=(user(),), fences=(fence(),)),
        worn={USER: FENCE.name},
    )


def machine(**changes: Any) -> MachineFacts:
    """A machine in order, but for these changes."""
    sound = MachineFacts(
        configuration="keylease.toml",
        accounts=1,
        permission_sets=1,
        grants=1,
        unsafe_people=0,
        allow_unsafe_people=False,
        listen="127.0.0.1:8465",
        ledger=LedgerFacts(place="keylease.db", records=7),
    )
    return replace(sound, **changes)


def directory(**changes: Any) -> SignInFacts:
    """A directory in order, but for these changes."""
    sound = SignInFacts(
        entra=True,
        issuer="https://login.microsoftonline.com/7f3b1c9e-0a4d-4c1b-9e57-2f6f0c3d8a11/v2.0",
        redirect_address="https://keylease.example/sign-in/callback",
        signs_with=frozenset({"RS256"}),
        keys=2,
        skew=timedelta(seconds=1),
        graph="",
        algorithms=frozenset({"RS256"}),
        mfa_context=None,
        device_code=False,
        catalogue=Catalogue(administrators=Who(subjects=frozenset({"aaaaaaaa-0000-4000-8000-000000000001"}))),
    )
    return replace(sound, **changes)


def facts(at: AccountFacts | None = None, of: MachineFacts | None = None) -> Facts:
    """One account on one machine, at `NOW`."""
    return Facts(now=NOW, machine=of or machine(), sign_in=directory(), accounts=(at or account(),))


def without(document: Mapping[str, Any], action: str) -> dict[str, Any]:
    """The document without the statement of one action."""
    kept = [one for one in document["Statement"] if one.get("Action") != action]
    assert len(kept) == len(document["Statement"]) - 1
    return {**json.loads(json.dumps(document)), "Statement": kept}
