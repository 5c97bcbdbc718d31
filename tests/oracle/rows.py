"""The table that keylease's policies are judged by: who asks what, when, and whether AWS must allow it.

`rows(policies)` lays the very same table over any set of policies, so that a test can take one statement or one
condition away and see that a row notices. Times are seconds from a lease's end; the horizon lies four weeks later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from keylease.domain import broker_policy, clock, group_policy, iam, role_policy
from keylease.domain.ended_policy import ended_policy
from keylease.domain.launch_policy import Launch, launch_statements
from keylease.domain.lease import Kind, Lease, State
from oracle.judge import EXPLICITLY_DENIED, Verdict

END = datetime(2026, 12, 8, 17, tzinfo=UTC)
HORIZON = END + timedelta(weeks=4)
HOUR, DAY = 3600, 86400
TO_HORIZON = int((HORIZON - END).total_seconds())
EVERYTHING = ({"Effect": "Allow", "Action": "*", "Resource": "*"},)

ACCOUNT = "123456789012"
ANNA = f"arn:aws:iam::{ACCOUNT}:user/keylease/anna-4k7m9q2x"
GROUP = f"arn:aws:iam::{ACCOUNT}:group/keylease/admin"
FENCE = f"arn:aws:iam::{ACCOUNT}:policy/keylease/fence/keylease-fence-20261208T170000Z-0123456789abcdef"
SESSION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/keylease/session/admin"
CEILING = f"arn:aws:iam::{ACCOUNT}:policy/keylease/ceiling/admin"
ISSUER = f"arn:aws:iam::{ACCOUNT}:role/keylease-issuer"
REMOVER = f"arn:aws:iam::{ACCOUNT}:role/keylease-remover"
OBJECT = "arn:aws:s3:::reports/2026.csv"
LEASE = "L-4k7m9q2x"
MANY = tuple(f"L-{number:08d}" for number in range(400))
"""More leases than the policy that refuses their sessions has room for."""
LAUNCHES = Launch(
    account=ACCOUNT,
    regions=("eu-central-1", "eu-west-1"),
    types=("t3.micro", "m6i.large"),
    subnets=("subnet-0aaa",),
    security_groups=("sg-0bbb",),
)

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Policies:
    """Every kind of document that keylease writes, as the domain renders it."""

    fence: Document = field(default_factory=lambda: _parsed(iam.fence(END).document))
    open_fence: Document = field(default_factory=lambda: _parsed(iam.fence(END, share=True).document))
    group: Document = field(default_factory=lambda: group_policy.group_policy(EVERYTHING, horizon=HORIZON))
    open_group: Document = field(
        default_factory=lambda: group_policy.group_policy(EVERYTHING, horizon=HORIZON, share=True)
    )
    role: Document = field(default_factory=lambda: role_policy.session_role_policy(EVERYTHING, horizon=HORIZON))
    trust: Document = field(default_factory=lambda: role_policy.trust_policy(ISSUER))
    session: Document = field(default_factory=lambda: _parsed(role_policy.session_policy(END)))
    issuer: Document = field(default_factory=lambda: broker_policy.issuer_policy(horizon=HORIZON))
    ahead: Document = field(
        default_factory=lambda: broker_policy.issuer_policy(horizon=HORIZON, account=ACCOUNT, fences_ahead=True)
    )
    remover: Document = field(default_factory=lambda: broker_policy.remover_policy(watches=True, stops=True))
    ended: Document = field(default_factory=lambda: _parsed(ended_policy([leased_session(LEASE)]) or ""))
    ended_all: Document = field(default_factory=lambda: _parsed(ended_policy(map(leased_session, MANY)) or ""))
    launch: Document = field(default_factory=lambda: iam.policy(launch_statements(LAUNCHES)))


def leased_session(lease_id: str) -> Lease:
    """A lease that gave its last session half an hour before its end, and has ended early."""
    return Lease(
        id=lease_id,
        kind=Kind.SESSION,
        state=State.REVOKING,
        principal_id="dir#anna",
        principal_name="Anna",
        account="main",
        permission_set="admin",
        group="",
        role="admin",
        grant="admins",
        reason="Winter masters",
        asked=timedelta(weeks=2),
        requested_at=END - timedelta(weeks=2),
        expires_at=END,
        last_session_at=END - timedelta(minutes=30),
    )


def _parsed(text: str) -> Document:
    document: Document = json.loads(text)
    return document


@dataclass(frozen=True, kw_only=True)
class Who:
    """Somebody who asks, with the policies that apply; `uses` names them as `Policies` does."""

    name: str
    principal: str
    principal_arn: str | None = None
    uses: tuple[str, ...] = ()
    identity: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: Document | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request and whether it must be allowed.

    `explicit`: a refusal must come from a Deny. AWS lets a resource policy that names a session override a missing
    Allow in its session policy; the judge does not, so the table asks for more than the judge's no.
    """

    who: Who
    action: str
    at: int
    allowed: bool
    resource: str | None = None
    resource_policy: Document | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    explicit: bool = False

    def holds(self, verdict: Verdict) -> bool:
        """Whether the judge says what the row says."""
        if self.explicit and not self.allowed:
            return verdict.result == EXPLICITLY_DENIED
        return verdict.allowed == self.allowed

    def __str__(self) -> str:
        when = clock.to_text(END + timedelta(seconds=self.at))
        named = " named by a resource policy" if self.resource_policy else ""
        resource = self.resource or "something"
        return f"{self.who.name}{named}: {self.action} on {resource} at {when} {dict(self.context)}"

    def request(self) -> dict[str, Any]:
        """The row as the judge reads it."""
        context = {
            "aws:CurrentTime": clock.to_text(END + timedelta(seconds=self.at)),
            "aws:PrincipalArn": self.who.principal_arn or self.who.principal,
            **self.who.context,
            **self.context,
        }
        request = {
            "action": self.action,
            "principal": self.who.principal,
            "identity": list(self.who.identity),
            "context": context,
            "boundary": self.who.boundary,
            "session": self.who.session,
            "resource": self.resource,
            "resourcePolicy": self.resource_policy,
        }
        return {key: value for key, value in request.items() if value is not None}


def naming(principal: str, action: str = "s3:GetObject", resource: str = OBJECT) -> Document:
    """A resource policy that names a principal."""
    allow = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": resource}
    return iam.policy([allow])


def leased(policies: Policies) -> Who:
    """The user of a lease, in a group that allows everything."""
    uses = ("fence", "group")
    return Who(name="Anna", principal=ANNA, uses=uses, identity=(policies.group,), boundary=policies.fence)


def in_session(policies: Policies) -> Who:
    """The session of a lease of the kind session."""
    return Who(
        name="Anna's session",
        principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/anna",
        principal_arn=SESSION_ROLE,
        uses=("role", "session"),
        identity=(policies.role,),
        boundary=policies.role,
        session=policies.session,
    )


def rows(policies: Policies) -> list[Row]:
    """The table, but for what further modules add (table.py has all)."""
    parts = (_users, _sessions_of_users, _strangers, _endless, _role_sessions, _trust, _issuer, _remover)
    return [row for part in parts for row in part(policies)]


def _at(who: Who, action: str, allowed: Mapping[int, bool], **more: Any) -> Iterator[Row]:
    for at, answer in allowed.items():
        yield Row(who=who, action=action, at=at, allowed=answer, **more)


ALWAYS_NO = dict.fromkeys((-2 * DAY, -12 * HOUR, -1, 0, 1, 30 * HOUR, 30 * DAY), False)
UNTIL_END = {
    **dict.fromkeys((-2 * DAY, -12 * HOUR - 1, -12 * HOUR, -HOUR, -1), True),
    **dict.fromkeys((0, 1, HOUR, 30 * HOUR, TO_HORIZON, 300 * DAY), False),
}
UNTIL_12 = {-2 * DAY: True, -12 * HOUR - 1: True, -12 * HOUR: False, -HOUR: False, -1: False, 0: False, DAY: False}
UNTIL_1 = {-2 * DAY: True, -12 * HOUR: True, -HOUR - 1: True, -HOUR: False, -1: False, 0: False, DAY: False}
KEYED: Mapping[str, Any] = {
    "resource": f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/k",
    "resource_policy": naming(f"arn:aws:iam::{ACCOUNT}:root", "kms:*", "*"),
}
"""A key whose own policy leaves its use to IAM, as is usual; without one nobody may use a key."""
LAUNCH = f"arn:aws:iam::{ACCOUNT}:role/keylease/launch/worker"
ASKED_BY_AWS = {"kms:GrantIsForAWSResource": "true"}
ASKED_BY_HAND = {"kms:GrantIsForAWSResource": "false"}


def _alone(policies: Policies, fence: str) -> Who:
    """The user of a lease in a group that denies nothing: what a fence must hold by itself."""
    who = replace(leased(policies), name=f"Anna behind a {fence} alone", boundary=getattr(policies, fence))
    return replace(who, identity=(iam.policy(EVERYTHING),), uses=(fence,))


def _users(policies: Policies) -> Iterator[Row]:
    yield from _in_both(leased(policies))
    anna = _alone(policies, "fence")
    yield from _at(anna, "s3:GetObject", UNTIL_END, resource=OBJECT)
    yield from _at(anna, "ec2:RunInstances", UNTIL_END, resource=f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/*")
    yield from _at(anna, "iam:GetUser", UNTIL_END, resource=ANNA)
    yield from _at(anna, "iam:CreateAccessKey", ALWAYS_NO, resource=ANNA)
    yield from _at(anna, "iam:DeleteUserPermissionsBoundary", ALWAYS_NO, resource=ANNA)
    yield from _at(anna, "sts:AssumeRole", ALWAYS_NO, resource=f"arn:aws:iam::{ACCOUNT}:role/other")
    yield from _at(anna, "iam:PassRole", UNTIL_END, resource=LAUNCH)
    yield from _at(anna, "iam:PassRole", ALWAYS_NO, resource=f"arn:aws:iam::{ACCOUNT}:role/admin")
    yield from _at(anna, "s3:PutBucketPolicy", ALWAYS_NO, resource="arn:aws:s3:::reports")
    yield from _at(anna, "kms:CreateGrant", UNTIL_END, context=ASKED_BY_AWS, **KEYED)
    yield from _at(anna, "kms:CreateGrant", ALWAYS_NO, context=ASKED_BY_HAND, **KEYED)
    yield from _at(anna, "kms:CreateGrant", ALWAYS_NO, **KEYED)
    yield from _at(anna, "ecr:GetAuthorizationToken", UNTIL_12)
    yield from _at(anna, "s3:GetDataAccess", UNTIL_12)
    database = f"arn:aws:redshift:eu-central-1:{ACCOUNT}:dbuser:c/u"
    yield from _at(anna, "redshift:GetClusterCredentials", UNTIL_1, resource=database)
    yield from _named(anna)
    yield from _sharing(policies)


def _in_both(anna: Who) -> Iterator[Row]:
    """Behind a fence and in a group as both are: what a lease gives is not less than with the fence alone."""
    yield from _at(anna, "s3:GetObject", UNTIL_END, resource=OBJECT)
    yield from _at(anna, "iam:PassRole", UNTIL_END, resource=LAUNCH)
    yield from _at(anna, "kms:CreateGrant", UNTIL_END, context=ASKED_BY_AWS, **KEYED)
    yield from _at(anna, "ecr:GetAuthorizationToken", UNTIL_12)
    yield from _at(anna, "iam:CreateAccessKey", ALWAYS_NO, resource=ANNA)


def _named(anna: Who) -> Iterator[Row]:
    alone = replace(anna, identity=(), uses=("fence",))
    yield from _at(alone, "s3:GetObject", ALWAYS_NO, resource=OBJECT)
    yield from _at(alone, "s3:GetObject", UNTIL_END, resource=OBJECT, resource_policy=naming(ANNA))
    bucket = "arn:aws:s3:::reports"
    more = {"resource": bucket, "resource_policy": naming(ANNA, "s3:PutBucketPolicy", bucket)}
    yield from _at(alone, "s3:PutBucketPolicy", ALWAYS_NO, **more)
    yield from _at(anna, "s3:GetObject", UNTIL_END, resource=OBJECT, resource_policy=naming(ANNA))


def _sharing(policies: Policies) -> Iterator[Row]:
    sharer = _alone(policies, "open_fence")
    both = replace(sharer, name="Anna, who may share", uses=("open_fence", "open_group"))
    both = replace(both, identity=(policies.open_group,))
    yield from _at(both, "s3:PutBucketPolicy", UNTIL_END, resource="arn:aws:s3:::reports")
    yield from _at(both, "kms:CreateGrant", UNTIL_END, context=ASKED_BY_HAND, **KEYED)
    yield from _at(sharer, "s3:GetObject", UNTIL_END, resource=OBJECT)
    yield from _at(sharer, "s3:GetObject", UNTIL_END, resource=OBJECT, resource_policy=naming(ANNA))
    yield from _at(sharer, "s3:PutBucketPolicy", UNTIL_END, resource="arn:aws:s3:::reports")
    yield from _at(sharer, "kms:CreateGrant", UNTIL_END, context=ASKED_BY_HAND, **KEYED)
    yield from _at(sharer, "iam:CreateAccessKey", ALWAYS_NO, resource=ANNA)
    yield from _at(sharer, "iam:PassRole", UNTIL_END, resource=LAUNCH)
    yield from _at(sharer, "iam:PassRole", ALWAYS_NO, resource=f"arn:aws:iam::{ACCOUNT}:role/admin")
    yield from _at(sharer, "ecr:GetAuthorizationToken", UNTIL_12)
    database = f"arn:aws:redshift:eu-central-1:{ACCOUNT}:dbuser:c/u"
    yield from _at(sharer, "redshift:GetClusterCredentials", UNTIL_1, resource=database)


def _sessions_of_users(policies: Policies) -> Iterator[Row]:
    token = replace(
        leased(policies), name="Anna by GetSessionToken", context={"aws:TokenIssueTime": "2026-12-08T16:59:00Z"}
    )
    yield from _at(token, "s3:GetObject", UNTIL_END, resource=OBJECT)
    yield from _at(token, "s3:GetObject", UNTIL_END, resource=OBJECT, resource_policy=naming(ANNA))
    yield from _at(token, "iam:CreateAccessKey", ALWAYS_NO, resource=ANNA)
    yield from _at(token, "sts:GetFederationToken", ALWAYS_NO)
    federated = f"arn:aws:sts::{ACCOUNT}:federated-user/anna"
    by_token = replace(leased(policies), name="Anna by GetFederationToken", principal=federated)
    by_token = replace(by_token, session=iam.policy(EVERYTHING))
    yield from _at(by_token, "s3:GetObject", ALWAYS_NO, resource=OBJECT)
    yield from _at(by_token, "s3:GetObject", UNTIL_END, resource=OBJECT, resource_policy=naming(federated))


def _strangers(policies: Policies) -> Iterator[Row]:
    """Users that AddUserToGroup can put into a group although no lease is theirs."""
    anna = leased(policies)
    for arn in (
        "user/bob",
        "user/other/anna",
        "user/x/user/keylease/bob",
        "user/keyleases/bob",
        "role/keylease/bob",
    ):
        bob = replace(anna, principal=f"arn:aws:iam::{ACCOUNT}:{arn}", name=f"the outsider {arn}", uses=("group",))
        yield from _at(replace(bob, boundary=None), "s3:GetObject", ALWAYS_NO, resource=OBJECT)
    moved = replace(anna, principal=f"arn:aws:iam::{ACCOUNT}:user/free/anna", name="Anna, moved to another path")
    yield from _at(moved, "s3:GetObject", ALWAYS_NO, resource=OBJECT)
    for partition in ("aws-cn", "aws-us-gov"):
        there = replace(anna, principal=ANNA.replace(":aws:", f":{partition}:"), name=f"Anna in {partition}")
        yield from _at(there, "s3:GetObject", UNTIL_END, resource=OBJECT.replace(":aws:", f":{partition}:"))
        role = LAUNCH.replace(":aws:", f":{partition}:")
        yield from _at(there, "iam:PassRole", UNTIL_END, resource=role)


UNTIL_HORIZON = {
    **dict.fromkeys((-DAY, 0, HOUR, TO_HORIZON - 1), True),
    **dict.fromkeys((TO_HORIZON, TO_HORIZON + 1, TO_HORIZON + 300 * DAY), False),
}


UNTIL_LAST_HOURS = {
    **dict.fromkeys((-DAY, 0, TO_HORIZON - 12 * HOUR - 1), True),
    **dict.fromkeys((TO_HORIZON - 12 * HOUR, TO_HORIZON - 1, TO_HORIZON, TO_HORIZON + DAY), False),
}
NEVER = dict.fromkeys(UNTIL_HORIZON, False)


def _endless(policies: Policies) -> Iterator[Row]:
    """What a stolen issuer makes: a boundary that allows everything, for ever."""
    thief = replace(leased(policies), name="a thief behind an endless fence", boundary=iam.policy(EVERYTHING))
    for document in ("group", "open_group"):
        thief = replace(thief, uses=(document,), identity=(getattr(policies, document),))
        yield from _of_thief(thief)
        bucket = {"resource": "arn:aws:s3:::reports"}
        answers = UNTIL_HORIZON if document == "open_group" else NEVER
        yield from _at(thief, "s3:PutBucketPolicy", answers, **bucket)
        yield from _at(thief, "kms:CreateGrant", answers, context=ASKED_BY_HAND, **KEYED)
        yield from _at(thief, "kms:CreateGrant", answers, **KEYED)
        yield from _at(thief, "kms:CreateGrant", UNTIL_HORIZON, context=ASKED_BY_AWS, **KEYED)
        outsider = replace(thief, boundary=None, name="an outsider", principal=f"arn:aws:iam::{ACCOUNT}:user/bob")
        yield from _at(outsider, "s3:GetObject", NEVER, resource=OBJECT)
        yield from _administrator(outsider)


def _of_thief(thief: Who) -> Iterator[Row]:
    yield from _at(thief, "s3:GetObject", UNTIL_HORIZON, resource=OBJECT)
    for action, resource in (
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/backdoor"),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/backdoor"),
        ("iam:CreateAccessKey", ANNA),
        ("iam:DeleteUserPermissionsBoundary", ANNA),
        ("iam:PutGroupPolicy", GROUP),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("sts:GetFederationToken", None),
    ):
        yield from _at(thief, action, NEVER, resource=resource)
    yield from _at(thief, "iam:PassRole", UNTIL_HORIZON, resource=LAUNCH)
    yield from _at(thief, "ecr:GetAuthorizationToken", UNTIL_LAST_HOURS)


def _administrator(admin: Who) -> Iterator[Row]:
    """Somebody whom no lease made, put into a group so as to be locked out: keeps all that is theirs."""
    of_all, theirs = f"arn:aws:iam::{ACCOUNT}:user/root-of-all", (*admin.identity, iam.policy(EVERYTHING))
    admin = replace(admin, name="an administrator in the group", principal=of_all, identity=theirs)
    always = dict.fromkeys(UNTIL_LAST_HOURS, True)
    for action, resource in (
        ("iam:RemoveUserFromGroup", GROUP),
        ("s3:PutBucketPolicy", "arn:aws:s3:::reports"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("ecr:GetAuthorizationToken", None),
    ):
        yield from _at(admin, action, always, resource=resource)
    yield from _at(admin, "kms:CreateGrant", always, context=ASKED_BY_HAND, **KEYED)


def _role_sessions(policies: Policies) -> Iterator[Row]:
    session = in_session(policies)
    bare = replace(session, name="a session without its session policy", session=None, uses=("role",))
    yield from _at(session, "s3:GetObject", UNTIL_END, resource=OBJECT)
    yield from _at(bare, "s3:GetObject", UNTIL_HORIZON, resource=OBJECT)
    by_role = {"resource": OBJECT, "resource_policy": naming(SESSION_ROLE)}
    yield from _at(session, "s3:GetObject", UNTIL_END, **by_role)
    yield from _at(bare, "s3:GetObject", UNTIL_HORIZON, **by_role)
    by_session = {"resource": OBJECT, "resource_policy": naming(session.principal), "explicit": True}
    yield from _at(session, "s3:GetObject", UNTIL_END, **by_session)
    for who in (session, bare):
        until = UNTIL_END if who is session else UNTIL_HORIZON
        yield from _at(who, "iam:CreateAccessKey", ALWAYS_NO, resource=ANNA)
        yield from _at(who, "sts:AssumeRole", ALWAYS_NO, resource=SESSION_ROLE)
        yield from _at(who, "s3:PutBucketPolicy", ALWAYS_NO, resource="arn:aws:s3:::reports")
        yield from _at(who, "iam:PassRole", until, resource=LAUNCH)
        yield from _at(who, "iam:PassRole", ALWAYS_NO, resource=f"arn:aws:iam::{ACCOUNT}:role/admin")
        yield from _at(who, "kms:CreateGrant", ALWAYS_NO, context=ASKED_BY_HAND, **KEYED)
        yield from _at(who, "kms:CreateGrant", ALWAYS_NO, **KEYED)
        yield from _at(who, "kms:CreateGrant", until, context=ASKED_BY_AWS, **KEYED)
    yield from _at(bare, "ecr:GetAuthorizationToken", UNTIL_LAST_HOURS)
    yield from _at(session, "s3:GetDataAccess", UNTIL_12)
    yield from _at(session, "ecr:GetAuthorizationToken", UNTIL_12)
    open_role = replace(session, name="a session of a role without denials", identity=(iam.policy(EVERYTHING),))
    open_role = replace(open_role, uses=("session",), boundary=None)
    yield from _at(open_role, "iam:CreateUser", ALWAYS_NO, resource=f"arn:aws:iam::{ACCOUNT}:user/thief")
    yield from _at(open_role, "sts:AssumeRole", ALWAYS_NO, resource=SESSION_ROLE)
    yield from _at(open_role, "iam:PassRole", ALWAYS_NO, resource=f"arn:aws:iam::{ACCOUNT}:role/admin")


def _issuing(policies: Policies, document: str = "issuer") -> Who:
    return Who(
        name=f"the {document}",
        principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/keylease-issuer/keylease",
        principal_arn=ISSUER,
        uses=(document,),
        identity=(getattr(policies, document),),
    )


NAMED = {"sts:SourceIdentity": f"keylease-{LEASE}"}
OWN_TAGS = {"aws:TagKeys": ["keylease:lease", "keylease:principal"]}
FOREIGN_TAGS = {"aws:TagKeys": ["keylease:lease", "team"]}


def _trust(policies: Policies) -> Iterator[Row]:
    """Who may assume a session role; `identity` allows everything, so the trust policy alone decides."""
    issuer = replace(_issuing(policies), identity=(iam.policy(EVERYTHING),), uses=("trust",))
    other = replace(issuer, name="somebody else", principal=f"arn:aws:iam::{ACCOUNT}:user/bob")
    other = replace(other, principal_arn=None)
    trust = {"resource": SESSION_ROLE, "resource_policy": policies.trust}
    for who, allowed in ((issuer, True), (other, False)):
        for action in ("sts:AssumeRole", "sts:SetSourceIdentity"):
            yield Row(who=who, action=action, at=0, allowed=allowed, context=NAMED, **trust)
        for context in OWN_TAGS, {}:
            yield Row(who=who, action="sts:TagSession", at=0, allowed=allowed, context=context, **trust)
        yield Row(who=who, action="sts:TagSession", at=0, allowed=False, context=FOREIGN_TAGS, **trust)
    for context in ({}, {"sts:SourceIdentity": "thief"}):
        for action in ("sts:AssumeRole", "sts:SetSourceIdentity"):
            yield Row(who=issuer, action=action, at=0, allowed=False, context=context, **trust)


FENCED = {"iam:PermissionsBoundary": FENCE, "aws:TagKeys": ["keylease:lease", "keylease:owner"]}


def _issuer(policies: Policies) -> Iterator[Row]:
    for document in ("issuer", "ahead"):
        who = _issuing(policies, document)
        for action, resource, context in _may_issue():
            may = action != "iam:CreatePolicy" or document == "issuer"
            answers = UNTIL_HORIZON if may else dict.fromkeys(UNTIL_HORIZON, False)
            yield from _at(who, action, answers, resource=resource, context=context)
        for action, resource, context in _may_not_issue():
            yield from _at(who, action, {-DAY: False, TO_HORIZON: False}, resource=resource, context=context)
        admin = replace(who, name=f"{who.name} that somebody made an administrator")
        admin = replace(admin, identity=(*who.identity, iam.policy(EVERYTHING)))
        yield from _at(admin, "s3:GetObject", UNTIL_HORIZON, resource=OBJECT)
        for action in ("iam:DeleteUserPermissionsBoundary", "iam:UpdateAccessKey", "iam:UpdateUser"):
            yield from _at(admin, action, {-DAY: False, TO_HORIZON: False}, resource=ANNA)


def _may_issue() -> Iterable[tuple[str, str | None, Mapping[str, Any]]]:
    return (
        ("iam:CreateUser", ANNA, FENCED),
        ("iam:CreateUser", ANNA, {"iam:PermissionsBoundary": FENCE}),
        ("iam:TagUser", ANNA, {"aws:TagKeys": ["keylease:lease"]}),
        ("iam:AddUserToGroup", GROUP, {}),
        ("iam:CreateAccessKey", ANNA, {}),
        ("iam:CreatePolicy", FENCE, {}),
        ("iam:GetPolicy", FENCE, {}),
        ("iam:GetPolicyVersion", FENCE, {}),
        ("iam:GetUser", ANNA, {}),
        ("iam:ListPolicies", None, {}),
        ("sts:AssumeRole", SESSION_ROLE, NAMED),
        ("sts:SetSourceIdentity", SESSION_ROLE, NAMED),
        ("sts:TagSession", SESSION_ROLE, OWN_TAGS),
        ("iam:GetRole", SESSION_ROLE, {}),
        ("iam:GetRolePolicy", SESSION_ROLE, {}),
    )


def _may_not_issue() -> Iterable[tuple[str, str | None, Mapping[str, Any]]]:
    outside, iam_ = f"arn:aws:iam::{ACCOUNT}:user/bob", f"arn:aws:iam::{ACCOUNT}"
    other_boundary = {"iam:PermissionsBoundary": f"{iam_}:policy/AdministratorAccess"}
    return (
        ("iam:CreateUser", ANNA, {}),
        ("iam:CreateUser", ANNA, other_boundary),
        ("iam:CreateUser", outside, FENCED),
        ("iam:CreateUser", ANNA, {**FENCED, "aws:TagKeys": ["keylease:lease", "team"]}),
        ("iam:TagUser", ANNA, {"aws:TagKeys": ["team"]}),
        ("iam:TagUser", outside, {"aws:TagKeys": ["keylease:lease"]}),
        ("iam:AddUserToGroup", f"{iam_}:group/admins", {}),
        ("iam:CreateAccessKey", outside, {}),
        ("iam:UpdateAccessKey", ANNA, {}),
        ("iam:DeleteAccessKey", ANNA, {}),
        ("iam:CreatePolicy", f"{iam_}:policy/other", {}),
        ("iam:CreatePolicy", f"{iam_}:policy/keylease/other", {}),
        ("iam:CreatePolicyVersion", FENCE, {}),
        ("iam:DeletePolicy", FENCE, {}),
        ("iam:DeleteUserPermissionsBoundary", ANNA, {}),
        ("iam:PutUserPermissionsBoundary", ANNA, {"iam:PermissionsBoundary": FENCE}),
        ("iam:AttachUserPolicy", ANNA, {}),
        ("iam:PutGroupPolicy", GROUP, {}),
        ("iam:PassRole", LAUNCH, {}),
        ("sts:AssumeRole", SESSION_ROLE, {}),
        ("sts:AssumeRole", SESSION_ROLE, {"sts:SourceIdentity": "thief"}),
        ("sts:AssumeRole", LAUNCH, NAMED),
        ("sts:AssumeRole", f"{iam_}:role/admin", NAMED),
        ("sts:TagSession", LAUNCH, OWN_TAGS),
        ("sts:TagSession", SESSION_ROLE, FOREIGN_TAGS),
        ("iam:PutRolePolicy", SESSION_ROLE, {"iam:PermissionsBoundary": CEILING}),
        ("s3:GetObject", OBJECT, {}),
    )


def _remover(policies: Policies) -> Iterator[Row]:
    remover = replace(_issuing(policies, "remover"), principal_arn=REMOVER)
    remover = replace(remover, principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/keylease-remover/keylease")
    for action in broker_policy.remover_policy()["Statement"][1]["Action"]:
        yield from _at(remover, action, {0: True, TO_HORIZON + DAY: True}, resource=ANNA)
        yield from _at(remover, action, {0: False}, resource=f"arn:aws:iam::{ACCOUNT}:user/bob")
    mfa = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
    for action, resource, allowed in (
        ("iam:RemoveUserFromGroup", GROUP, True),
        ("iam:RemoveUserFromGroup", f"arn:aws:iam::{ACCOUNT}:group/admins", False),
        ("iam:DeleteVirtualMFADevice", mfa, True),
        ("iam:DeleteVirtualMFADevice", mfa.replace(":mfa/", ":sms-mfa/"), False),
        ("iam:DeletePolicy", FENCE, True),
        ("iam:DeletePolicyVersion", FENCE, True),
        ("iam:DeletePolicy", f"arn:aws:iam::{ACCOUNT}:policy/keylease/other", False),
        ("iam:DeletePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/other", False),
        ("iam:GetUser", ANNA, True),
        ("iam:ListUsers", None, True),
        ("iam:GetAccountAuthorizationDetails", None, True),
        *((action, ANNA, False) for action in _may_not_remove()),
        ("iam:AddUserToGroup", GROUP, False),
        ("iam:CreatePolicy", FENCE, False),
        ("iam:SetDefaultPolicyVersion", FENCE, False),
        ("sts:AssumeRole", SESSION_ROLE, False),
        ("s3:GetObject", OBJECT, False),
    ):
        yield Row(who=remover, action=action, at=0, allowed=allowed, resource=resource)
    admin = replace(remover, name="the remover that somebody made an administrator")
    admin = replace(admin, identity=(*remover.identity, iam.policy(EVERYTHING)))
    yield from _at(admin, "s3:GetObject", {0: True}, resource=OBJECT)
    yield from _at(admin, "iam:DeleteUserPermissionsBoundary", {0: False}, resource=ANNA)


def _may_not_remove() -> Iterable[str]:
    return (
        "iam:CreateUser",
        "iam:CreateAccessKey",
        "iam:UpdateAccessKey",
        "iam:DeleteUserPermissionsBoundary",
        "iam:PutUserPermissionsBoundary",
        "iam:UpdateUser",
        "iam:TagUser",
        "iam:CreateLoginProfile",
        "iam:AttachUserPolicy",
    )
