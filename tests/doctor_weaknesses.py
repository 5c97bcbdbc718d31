"""Everything that doctor must notice: what is wrong, how it comes about, which check says so, and its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from doctor_facts import (
    ARN,
    FENCE,
    HORIZON,
    ID,
    ISSUER,
    NOW,
    READS,
    REMOVER,
    SET,
    USER,
    fence,
    fences_until,
    group,
    identity,
    launch_role,
    named,
    session_role,
    user,
    without,
)
from keylease.aws.inspector import Caller, Quota, Standing
from keylease.doctor.facts import AccountFacts
from keylease.domain import iam
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.group_policy import LEASED_USERS, group_policy
from keylease.domain.plan import Observed
from keylease.domain.role_policy import session_role_policy, trust_policy
from keylease.errors import AwsCredentials, AwsDenied, AwsUnreachable

Break = Callable[[AccountFacts], AccountFacts]

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ISSUES, REMOVES = issuer_policy(horizon=HORIZON), remover_policy()
DENIED = AwsDenied("AWS does not allow keylease iam:ListGroups.", hint="Ask for it.")


def change(**fields: Any) -> Break:
    return lambda at: replace(at, **fields)


def issuer(**fields: Any) -> Break:
    return lambda at: replace(at, issuer=replace(at.issuer, **fields))


def remover(**fields: Any) -> Break:
    return lambda at: replace(at, remover=replace(at.remover, **fields))


def with_policies(name: str, *documents: dict[str, Any]) -> Break:
    arn = ISSUER if name == "issuer" else REMOVER
    return change(**{name: identity(name, arn, *documents)})


def with_groups(*policies: Any, **fields: Any) -> Break:
    return change(groups={SET.group: group(*(named(one) for one in policies), **fields)})


def standing(kind: Any, arn: str, path: str = "/") -> Standing:
    return Standing(kind=kind, name=arn.rpartition("/")[2], path=path, arn=arn, policies=(named(ISSUES),))


def worn(boundary: str | None) -> Break:
    return change(observed=Observed(users=(replace(user(), boundary=boundary),), fences=(fence(),)))


def only_for_leased(end: datetime | None) -> dict[str, Any]:
    block = {"ArnLike": {"aws:PrincipalArn": LEASED_USERS}} | (iam.before(end) if end else {})
    return iam.policy([{**READS, "Condition": block}])


SHARE_GROUP = change(
    sets=(replace(SET, share=True),), fences_ahead=True, observed=Observed(fences=fences_until(HORIZON))
)

WEAKNESSES: list[tuple[str, Break, str, str, str]] = [
    # what is wrong, how, the check that says so, words of its sentence, words of its remedy
    (
        "no credentials",
        issuer(caller=AwsCredentials("There are none.")),
        "credentials",
        "issuer's credentials",
        "Correct",
    ),
    (
        "a title that promises less than the policies give",
        with_groups(group_policy([READS, {**READS, "Action": "s3:DeleteObject"}], horizon=HORIZON)),
        "words",
        "speaks of reading alone",
        "Say in the title",
    ),
    (
        "refused",
        remover(caller=AwsDenied("No.", hint="Trust it.")),
        "credentials",
        "remover's credentials",
        "Trust it",
    ),
    (
        "elsewhere",
        issuer(caller=Caller(arn="arn:x", account="9" * 12)),
        "credentials",
        f"not in the account {ID}",
        "`id`",
    ),
    ("one for both", remover(standing=standing("role", ISSUER)), "credentials", "the same identity", "--remover"),
    ("root", issuer(standing=standing("root", f"{ARN}:root")), "identity", "root user", "a role instead"),
    ("a user", issuer(standing=standing("user", f"{ARN}:user/broker")), "identity", "IAM user", "a role instead"),
    (
        "under its path",
        issuer(standing=standing("role", ISSUER, "/keylease/")),
        "identity",
        "under /keylease/",
        "another path",
    ),
    ("a fast clock", remover(skew=timedelta(seconds=-61)), "clock", "61 seconds ahead", "NTP"),
    ("a slow clock", remover(skew=timedelta(seconds=61)), "clock", "61 seconds behind", "NTP"),
    ("no permission", with_policies("issuer"), "permissions", "may not iam:CreateUser", "Add this statement"),
    (
        "one missing",
        with_policies("issuer", without(ISSUES, "iam:CreateAccessKey")),
        "permissions",
        "may not iam:CreateAccessKey",
        "Add this statement",
    ),
    (
        "one denied",
        with_policies("remover", REMOVES, iam.policy([iam.deny("iam:DeleteUser")])),
        "permissions",
        "may not iam:DeleteUser",
        "Add this",
    ),
    (
        "a read missing",
        with_policies("remover", without(REMOVES, ["iam:Get*", "iam:List*"])),
        "permissions",
        "iam:GetAccountAuthorizationDetails",
        "Add this statement",
    ),
    (
        "the simulator says no",
        issuer(refused=("iam:CreatePolicy",)),
        "permissions",
        "may not iam:CreatePolicy",
        "organization",
    ),
    (
        "wider",
        with_policies("issuer", ISSUES, iam.policy([READS])),
        "permissions",
        "allows s3:GetObject on *",
        "broker-policy --issuer",
    ),
    (
        "wide open",
        with_policies("remover", iam.policy([ALL])),
        "permissions",
        "allows * on *",
        "broker-policy --remover",
    ),
    (
        "a denial missing",
        with_policies("remover", iam.policy(REMOVES["Statement"][:-1])),
        "permissions",
        "does not deny",
        "broker-policy",
    ),
    (
        "makes fences itself",
        change(fences_ahead=True, observed=Observed(fences=fences_until(HORIZON))),
        "permissions",
        "iam:CreatePolicy",
        "broker-policy",
    ),
    ("no group", change(groups={SET.group: None}), "group", "is not there", "Create it"),
    ("a group elsewhere", with_groups(path="/"), "group", "lies under /,", "aws iam update-group"),
    ("an empty group", with_groups(iam.policy([])), "group", "allows nothing", "Give it a policy"),
    (
        "for anybody",
        with_groups(iam.policy([{**READS, "Condition": iam.before(HORIZON)}])),
        "group",
        "whoever is put",
        "condition",
    ),
    ("for ever", with_groups(only_for_leased(None)), "group", "without a horizon", "condition"),
    (
        "a group without denials",
        with_groups(iam.policy(group_policy([READS], horizon=HORIZON)["Statement"][:1])),
        "group",
        "It does not deny account-access:*",
        "managed policy",
    ),
    (
        "a group that shares",
        with_groups(group_policy([READS], horizon=HORIZON, share=True)),
        "group",
        "It does not deny kms:CreateGrant",
        "managed policy",
    ),
    (
        "another group without denials",
        change(other_groups=(group(named(only_for_leased(HORIZON)), name="b"),)),
        "group",
        "The group b: It does not deny",
        "managed policy",
    ),
    (
        "another group",
        change(other_groups=(group(named(iam.policy([READS])), name="b"),)),
        "group",
        "The group b, policy",
        "condition",
    ),
    (
        "managed by AWS",
        change(
            groups={
                SET.group: group(
                    named(group_policy([READS], horizon=HORIZON)),
                    named(iam.policy([READS]), "ReadOnlyAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
                )
            }
        ),
        "group",
        "ReadOnlyAccess, which AWS manages",
        "copy",
    ),
    (
        "trusts anybody",
        change(roles=(session_role(trust=trust_policy("*")),)),
        "role",
        "does not trust",
        "trust policy",
    ),
    (
        "a role for ever",
        change(
            roles=(session_role(iam.policy([READS, *session_role_policy([], horizon=HORIZON)["Statement"][1:]])),)
        ),
        "role",
        "no horizon",
        "all of these",
    ),
    (
        "a role without the core",
        change(roles=(session_role(iam.policy([READS, iam.end_of_all(HORIZON)])),)),
        "role",
        "does not always deny",
        "all of these",
    ),
    (
        "a role that shares",
        change(roles=(session_role(session_role_policy([READS], horizon=HORIZON, share=True)),)),
        "role",
        "kms:CreateGrant",
        "all of these",
    ),
    (
        "a role without a ceiling",
        change(roles=(session_role(ceiling=None),)),
        "role",
        "cannot be refused",
        "all of these",
    ),
    (
        "a ceiling wider than its role",
        change(roles=(session_role(ceiling=named(session_role_policy([ALL], horizon=HORIZON))),)),
        "role",
        "allows what the role does not",
        "all of these",
    ),
    (
        "no role",
        change(sets=(replace(SET, role="nowhere"),)),
        "role",
        "The role nowhere of the permission set archive is not there",
        "Create it",
    ),
    (
        "sessions that AWS does not give",
        change(sets=(replace(SET, role="archive", session=timedelta(hours=2)),)),
        "role",
        "are to last 2h, and AWS gives none of archive beyond 1h",
        "7200",
    ),
    (
        "a launch role with IAM",
        change(roles=(launch_role("iam:CreateUser"),)),
        "role",
        "may use IAM",
        "Take that from it",
    ),
    (
        "an edited fence",
        change(observed=Observed(fences=(fence(iam.canonical(iam.policy([ALL]))),))),
        "fence",
        FENCE.name,
        "CloudTrail",
    ),
    ("no boundary", worn(None), "user", "no permissions boundary", "Take it away"),
    ("no fence", worn("arn:aws:iam::aws:policy/AdministratorAccess"), "user", "is no fence", "Take it away"),
    (
        "a fence of another account",
        worn(f"arn:aws:iam::{'9' * 12}:policy/keylease/fence/{FENCE.name}"),
        "user",
        "is no fence",
        "Take it away",
    ),
    ("a later fence", change(worn={USER: iam.fence(NOW).name}), "user", "its lease says", "Take it away"),
    (
        "many users",
        change(quotas=(Quota(name="Users", used=4000, limit=5000),)),
        "quotas",
        "4,000 of 5,000",
        "quota",
    ),
    (
        "a near horizon",
        with_groups(group_policy([READS], horizon=NOW + timedelta(days=20))),
        "horizon",
        "is near",
        "horizon move",
    ),
    (
        "a horizon that is over",
        with_groups(group_policy([READS], horizon=NOW)),
        "horizon",
        "allows nothing any more",
        "horizon move",
    ),
    (
        "a role's horizon",
        change(roles=(session_role(session_role_policy([READS], horizon=NOW + timedelta(days=1))),)),
        "horizon",
        "session role archive is near",
        "horizon move",
    ),
    (
        "the issuer's horizon",
        with_policies("issuer", issuer_policy(horizon=NOW - timedelta(days=1))),
        "horizon",
        "the issuer was",
        "horizon move",
    ),
    (
        "an endless issuer",
        with_policies("issuer", iam.policy(ISSUES["Statement"][:-1])),
        "horizon",
        "no horizon",
        "broker-policy",
    ),
    ("no fences ahead", change(fences_ahead=True), "fences-ahead", "no fence for the next day", "fences make"),
    (
        "few fences ahead",
        change(fences_ahead=True, observed=Observed(fences=fences_until(NOW + timedelta(days=20)))),
        "fences-ahead",
        "only until",
        "fences make",
    ),
    ("no sharing fences ahead", SHARE_GROUP, "fences-ahead", "no fence for the next day", "fences make"),
    (
        "away",
        lambda at: issuer(caller=AwsUnreachable("No answer."))(remover(caller=AwsUnreachable("No answer."))(at)),
        "account",
        "cannot be reached",
        "network",
    ),
]
