"""Rows about sessions: those that are refused, what a ceiling holds, what the remover may do to session roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from keylease.domain import iam
from keylease.domain.role_policy import session_role_policy
from oracle.rows import (
    ACCOUNT,
    ALWAYS_NO,
    ANNA,
    CEILING,
    EVERYTHING,
    HORIZON,
    HOUR,
    LEASE,
    OBJECT,
    REMOVER,
    SESSION_ROLE,
    UNTIL_END,
    UNTIL_HORIZON,
    Policies,
    Row,
    Who,
    _at,
    _issuing,
    in_session,
    naming,
)

SOURCE, TAG, ISSUED = "aws:SourceIdentity", "aws:PrincipalTag/keylease:lease", "aws:TokenIssueTime"
BEFORE_CUT, AT_CUT = "2026-12-08T16:34:59Z", "2026-12-08T16:35:00Z"
"""Five minutes after the last session of the leases in the long list, and a second less."""


def rows_of_sessions(policies: Policies) -> Iterator[Row]:
    """All of them."""
    yield from _refused(policies)
    yield from _refused_by_time(policies)
    yield from _under_ceiling(policies)
    yield from _roles_of_remover(policies)


def _refusing(policies: Policies, document: str) -> Who:
    session = in_session(policies)
    return replace(session, uses=(document,), identity=(*session.identity, getattr(policies, document)))


def _refused(policies: Policies) -> Iterator[Row]:
    """By either mark, whoever else names the session; and nobody but those who are meant."""
    whole = {SOURCE: f"keylease-{LEASE}", TAG: LEASE}
    for marks in (whole, {SOURCE: whole[SOURCE]}, {TAG: LEASE}, {**whole, SOURCE: "keylease-L-other"}):
        who = replace(_refusing(policies, "ended"), name="a session that is refused", context=marks)
        yield from _at(who, "s3:GetObject", ALWAYS_NO, resource=OBJECT)
        named = naming(who.principal)
        yield from _at(who, "s3:GetObject", ALWAYS_NO, resource=OBJECT, resource_policy=named, explicit=True)
    others: tuple[Mapping[str, Any], ...] = ({SOURCE: "keylease-L-other", TAG: "L-other"}, {SOURCE: LEASE}, {})
    for marks in others:
        who = replace(_refusing(policies, "ended"), name="a session of another lease", context=marks)
        yield from _at(who, "s3:GetObject", UNTIL_END, resource=OBJECT)


def _refused_by_time(policies: Policies) -> Iterator[Row]:
    """Where the list is too long: whoever had a session by then."""
    for issued, answers in ((BEFORE_CUT, ALWAYS_NO), (AT_CUT, UNTIL_END)):
        context = {SOURCE: "keylease-L-other", TAG: "L-other", ISSUED: issued}
        who = replace(_refusing(policies, "ended_all"), name=f"a session of {issued}", context=context)
        yield from _at(who, "s3:GetObject", answers, resource=OBJECT)


def _under_ceiling(policies: Policies) -> Iterator[Row]:
    """A role's inline policy says whatever a stolen remover wrote; the issuer is stolen too, so no more limits."""
    free = replace(in_session(policies), name="a session of a role that somebody opened", session=None)
    files = session_role_policy([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}], horizon=HORIZON)
    free = replace(free, uses=(), identity=(iam.policy(EVERYTHING),), boundary=files)
    yield from _at(free, "s3:GetObject", UNTIL_HORIZON, resource=OBJECT)
    yield from _at(free, "ec2:RunInstances", ALWAYS_NO, resource=f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/*")
    yield from _at(free, "iam:CreateUser", ALWAYS_NO, resource=ANNA)
    yield from _at(free, "sts:AssumeRole", ALWAYS_NO, resource=SESSION_ROLE)
    yield from _at(free, "s3:PutBucketPolicy", ALWAYS_NO, resource="arn:aws:s3:::reports")
    by_role = {"resource": OBJECT, "resource_policy": naming(SESSION_ROLE)}
    yield from _at(free, "s3:GetObject", UNTIL_HORIZON, **by_role)
    broad = replace(
        free, name="a session of a role with a ceiling of everything", boundary=policies.role, uses=("role",)
    )
    key = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/k"
    own = naming(f"arn:aws:iam::{ACCOUNT}:root", "kms:*", "*")
    yield from _at(broad, "ec2:DescribeInstances", UNTIL_HORIZON)
    yield from _at(broad, "iam:PassRole", ALWAYS_NO, resource=f"arn:aws:iam::{ACCOUNT}:role/admin")
    yield from _at(broad, "kms:CreateGrant", ALWAYS_NO, resource=key, resource_policy=own)


def _roles_of_remover(policies: Policies) -> Iterator[Row]:
    """It writes policies of session roles with a ceiling, and of no other; by what it has and by its denials."""
    remover = replace(_issuing(policies, "remover"), principal_arn=REMOVER, name="the remover")
    given = [one for one in policies.remover["Statement"] if one["Effect"] == "Allow"]
    bare = replace(remover, name="the remover without its denials", identity=(iam.policy(given),))
    admin = replace(remover, name="the remover with all", identity=(*remover.identity, iam.policy(EVERYTHING)))
    worn = {"iam:PermissionsBoundary": CEILING}
    other = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/keylease/other"}
    for who in (remover, bare, admin):
        for action in ("iam:PutRolePolicy", "iam:DeleteRolePolicy"):
            yield from _at(who, action, {0: True, 300 * HOUR: True}, resource=SESSION_ROLE, context=worn)
            for context in ({}, other):
                yield from _at(who, action, {0: False}, resource=SESSION_ROLE, context=context)
            for role in ("admin", "keylease/launch/worker", "keylease-remover"):
                resource = f"arn:aws:iam::{ACCOUNT}:role/{role}"
                yield from _at(who, action, {0: False}, resource=resource, context=worn)
    for action in ("iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"):
        yield from _at(admin, action, {0: False}, resource=SESSION_ROLE, context=worn)
    for action, resource in (
        ("iam:PutUserPolicy", ANNA),
        ("iam:PutGroupPolicy", f"arn:aws:iam::{ACCOUNT}:group/keylease/admin"),
        ("iam:UpdateAssumeRolePolicy", SESSION_ROLE),
        ("iam:CreatePolicyVersion", CEILING),
    ):
        yield from _at(admin, action, {0: False}, resource=resource)
    yield from _instances(remover)


def _instances(remover: Who) -> Iterator[Row]:
    """It lists instances, and stops those that carry a lease's tag; it ends none."""
    instance = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/i-0aaa"
    leased = {"aws:ResourceTag/keylease:lease": LEASE}
    yield from _at(remover, "ec2:DescribeInstances", {0: True})
    yield from _at(remover, "ec2:StopInstances", {0: True}, resource=instance, context=leased)
    elsewhere = instance.replace("arn:aws:", "arn:aws-cn:")
    yield from _at(remover, "ec2:StopInstances", {0: False}, resource=elsewhere, context=leased)
    for context in ({}, {"aws:ResourceTag/keylease:lease": "no lease"}, {"aws:ResourceTag/Name": "L-4k7m9q2x"}):
        yield from _at(remover, "ec2:StopInstances", {0: False}, resource=instance, context=context)
    for action in ("ec2:TerminateInstances", "ec2:StartInstances", "ec2:RunInstances"):
        yield from _at(remover, action, {0: False}, resource=instance, context=leased)
