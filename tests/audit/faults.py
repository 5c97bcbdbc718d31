"""Seeded faults, one list for each check: an account with the fault, and all that an audit may find in it.

`finds` has every finding of every check, so a check that says too much fails as one does that says too little.
`twins` are accounts that look alike and are well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from audit.accounts import (
    ACCOUNT,
    ELSEWHERE,
    EVERYTHING,
    NOW,
    READS,
    REGION,
    ago,
    allow,
    changed,
    clean,
    document,
    group,
    inline,
    instance,
    key,
    managed,
    organization,
    place,
    role,
    root,
    row,
    scps,
    trail,
    user,
)
from keylease.audit.snapshot import Bucket, PasswordPolicy, Policy, ServiceCredential, Snapshot
from keylease.domain import iam as names

ADMIN_ARN = "arn:aws:iam::aws:policy/AdministratorAccess"
KEY_ID, SECRET = "AKIAQ3EGRIQ7SHXFTZ5K", "hL9+vQ2xR7tY4uW1pK8sD3fG6jN0bM5cVzXaEqTo"
OWN_KEYS = "arn:aws:iam::*:user/${aws:username}"


@dataclass(frozen=True)
class Fault:
    """A fault in an account: what a check finds there, as `check subject`."""

    name: str
    at: Callable[[], Snapshot]
    finds: frozenset[str]


FAULTS: dict[str, list[Fault]] = {}
TWINS: dict[str, list[tuple[str, Snapshot]]] = {}


@dataclass
class Of:
    """The faults and twins of one check."""

    check: str
    seen: list[str] = field(default_factory=list)

    def fault(self, name: str, finds: str, *also: str, **changes: Any) -> None:
        found = frozenset({f"{self.check} {finds}", *also})
        FAULTS.setdefault(self.check, []).append(Fault(name, lambda: changed(clean(), **changes), found))

    def twin(self, name: str, **changes: Any) -> None:
        TWINS.setdefault(self.check, []).append((name, changed(clean(), **changes)))


def with_key(name: str, *keys: Any, **more: Any) -> dict[str, Any]:
    """A user with access keys."""
    return {"users": [user(name, **more)], "rows": [row(name, *keys)]}


def lease(**more: Any) -> Any:
    return user("tom-9z8y7x6w", path=names.USER_PATH, tags={}, **({"groups": ("media",)} | more))


one = Of("root-access-key")
one.fault("an active one", "root", rows=[root(key(used=200))])
one.fault("an inactive one", "root", rows=[root(key(active=False, used=None))])
one.fault(
    "one that is newer than the report", "root", summary={"AccountAccessKeysPresent": 1, "AccountMFAEnabled": 1}
)
one.twin("no keys, and the password was used long ago", rows=[root(password_used=ago(31))])

one = Of("root-mfa")
one.fault(
    "none in report nor summary",
    "root",
    "root-in-members root",
    rows=[root(mfa=False)],
    summary={"AccountPasswordPresent": 1},
)
one.twin("a root user without any credentials", rows=[root(mfa=False)], summary={"AccountPasswordPresent": 0})

one = Of("root-mfa-kind")
one.fault(
    "a virtual device",
    "root",
    "root-in-members root",
    virtual_mfa=frozenset({f"arn:aws:iam::{ACCOUNT}:root"}),
    summary={"AccountPasswordPresent": 1},
)
one.twin("a user's virtual device", virtual_mfa=frozenset({f"arn:aws:iam::{ACCOUNT}:user/root"}))

one = Of("root-used")
one.fault("a sign-in yesterday", "root", rows=[root(password_used=ago(1))])
one.fault(
    "its key yesterday, though the password never",
    "root",
    "root-access-key root",
    rows=[root(key(used=1), password_used=None)],
)
one.fault(
    "its key yesterday, and the password long ago",
    "root",
    "root-access-key root",
    rows=[root(key(used=1), password_used=ago(300))],
)
one.twin("never", rows=[root(password_used=None)])

one = Of("root-in-members")
one.fault("a member's password", "root", summary={"AccountPasswordPresent": 1, "AccountMFAEnabled": 1})
one.fault(
    "the management account does not remove them",
    "o-abc123",
    organization=organization(management=ACCOUNT, root_features=frozenset()),
)
one.twin("it does", organization=organization(management=ACCOUNT))

one = Of("key-leaked")
one.fault(
    "the quarantine of this year",
    "bob",
    users=[user("bob", attached=("arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV4",))],
)
one.twin(
    "another policy of AWS by way of a group",
    users=[user("bob", groups=("lookers",))],
    groups=[group("lookers", attached=("arn:aws:iam::aws:policy/ReadOnlyAccess",))],
)

one = Of("key-old")
one.fault("older than 90 days", "bob", **with_key("bob", key(made=91)))
one.fault("the second one", "bob", "key-second bob", **with_key("bob", key(1), key(2, made=91)))
one.twin("an inactive old one", **with_key("bob", key(active=False, made=900)))
one.twin("one of 90 days", **with_key("bob", key(made=90)))

one = Of("key-never-used")
one.fault("made three weeks ago", "bob", **with_key("bob", key(made=21, used=None)))
one.twin("made today", **with_key("bob", key(made=0, used=None)))

one = Of("key-unused")
one.fault("for 46 days", "bob", **with_key("bob", key(made=80, used=46)))
one.twin("inactive ones", **with_key("bob", key(active=False, made=80, used=46)))

one = Of("key-second")
one.fault("both active", "bob", **with_key("bob", key(1), key(2)))
one.twin("one of them inactive", **with_key("bob", key(1), key(2, active=False)))

one = Of("key-without-owner")
one.fault("no tag", "bob", **with_key("bob", key(), tags={}))
one.fault("an empty tag", "bob", **with_key("bob", key(), tags={"owner": ""}))
one.twin("no key and no tag", users=[user("bob", tags={})], rows=[row("bob")])
one.twin("a tag in capitals", **with_key("bob", key(), tags={"OWNER": "x"}))

one = Of("service-credential")
one.fault(
    "a Bedrock key without an end",
    "bob",
    users=[user("bob")],
    service_credentials=(
        ServiceCredential(id="ACCAQ1", user="bob", service="bedrock.amazonaws.com", active=True, created=ago(3)),
    ),
)
one.twin(
    "one that ends soon",
    users=[user("bob")],
    service_credentials=(
        ServiceCredential(
            id="ACCAQ1", user="bob", service="bedrock.amazonaws.com", active=True, created=ago(3), expires=ago(-20)
        ),
    ),
)

one = Of("signing-certificate")
one.fault("a user's", "bob", users=[user("bob")], rows=[row("bob", certificates=1)])
one.fault("root's", "root", rows=[root(certificates=1)])
one.twin("none", rows=[row("bob", certificates=0)])

LISTS_ROLES = group("provisioning", inline=inline(allow("iam:ListRoles")))
one = Of("gallery-user")
one.fault("by its name", "AzureADRoleManager", **with_key("AzureADRoleManager", key()))
one.fault("by what it may do", "sync", **with_key("sync", key(), groups=("provisioning",)), groups=[LISTS_ROLES])
one.twin("without a key", users=[user("AzureADRoleManager")], rows=[row("AzureADRoleManager")])

one = Of("console-without-mfa")
one.fault("a password alone", "bob", users=[user("bob")], rows=[row("bob", password=True, password_used=ago(1))])
one.twin("with a factor", users=[user("bob")], rows=[row("bob", password=True, password_used=ago(1), mfa=True)])

one = Of("password-unused")
one.fault(
    "for 46 days", "bob", users=[user("bob")], rows=[row("bob", password=True, password_used=ago(46), mfa=True)]
)
one.fault("never", "bob", users=[user("bob")], rows=[row("bob", password=True, password_changed=ago(60), mfa=True)])
one.twin("set yesterday", users=[user("bob")], rows=[row("bob", password=True, password_changed=ago(1), mfa=True)])

one = Of("password-length")
one.fault("13 characters", ACCOUNT, password_policy=PasswordPolicy(length=13, reuse=24, is_set=True))
one.fault("AWS's default", ACCOUNT, f"password-reuse {ACCOUNT}", password_policy=PasswordPolicy())
one.twin("20", password_policy=PasswordPolicy(length=20, reuse=24, is_set=True))

one = Of("password-reuse")
one.fault("5 remembered", ACCOUNT, password_policy=PasswordPolicy(length=14, reuse=5, is_set=True))
one.twin("24", password_policy=PasswordPolicy(length=14, reuse=24, is_set=True))

ADMINS = group("admins", attached=(ADMIN_ARN,))
one = Of("administrator")
one.fault("a user by a group", "bob", users=[user("bob", groups=("admins",))], groups=[ADMINS])
one.fault("a role", "ops", roles=[role("ops", attached=(ADMIN_ARN,))])
one.twin("a role of Control Tower's", roles=[role("AWSControlTowerExecution", attached=(ADMIN_ARN,))])
one.twin(
    "within a boundary",
    users=[user("bob", groups=("admins",), boundary=managed("cap").arn)],
    groups=[ADMINS],
    policies=[managed("cap", READS, attached=0)],
)
one.twin(
    "denied by a policy of its own group",
    users=[user("bob", groups=("admins", "stopped"))],
    groups=[ADMINS, group("stopped", inline=inline({"Effect": "Deny", "Action": "*", "Resource": "*"}))],
)
one.twin(
    "up to a date that is over",
    users=[user("bob", groups=("past",))],
    groups=[
        group(
            "past",
            inline=inline(
                {**EVERYTHING, "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-01T00:00:00Z"}}}
            ),
        )
    ],
)

one = Of("star-star")
one.fault("inline on a group that nobody is in", "g", groups=[group("g", inline=inline(EVERYTHING))])
one.fault(
    "a managed policy",
    "wide",
    groups=[group("g", attached=(managed("wide").arn or "",))],
    policies=[managed("wide", allow("*:*"))],
)
one.twin("one that hangs on nothing", policies=[managed("wide", EVERYTHING, attached=0)])
one.twin("everything on one bucket", groups=[group("g", inline=inline(allow("*", on="arn:aws:s3:::b/*")))])

MACHINE = role("machine", service="ec2.amazonaws.com", attached=(ADMIN_ARN,))
KEEPERS = group("keepers", inline=inline(allow("iam:CreateAccessKey")))


def may(*statements: Any, **more: Any) -> dict[str, Any]:
    """A user whose group allows that."""
    groups = [group("g", inline=inline(*statements)), *more.pop("groups", ())]
    return {"users": [user("bob", groups=("g",)), *more.pop("users", ())], "groups": groups, **more}


one = Of("escalation")
one.fault(
    "passing a privileged role",
    "bob",
    "administrator machine",
    **may(allow("iam:PassRole"), allow("ec2:RunInstances"), roles=[MACHINE]),
)
one.fault(
    "the two actions in two groups",
    "bob",
    "administrator machine",
    users=[user("bob", groups=("g", "h"))],
    roles=[MACHINE],
    groups=[group("g", inline=inline(allow("iam:PassRole"))), group("h", inline=inline(allow("ec2:Run*")))],
)
one.fault(
    "a session on a machine with a privileged role",
    "bob",
    "administrator machine",
    **may(allow("ssm:StartSession"), roles=[MACHINE]),
)
one.fault(
    "its own policy's next version",
    "bob",
    users=[user("bob", groups=("g",))],
    groups=[group("g", attached=(managed("wide").arn or "",))],
    policies=[managed("wide", allow("iam:CreatePolicyVersion"))],
)
one.fault("a policy on itself", "bob", **may(allow("iam:PutUserPolicy", on=OWN_KEYS)))
one.fault(
    "a key of an administrator",
    "bob",
    "administrator anna",
    **may(allow("iam:CreateAccessKey"), users=[user("anna", groups=("admins",))], groups=[ADMINS]),
)
one.fault("into the group of the administrators", "bob", **may(allow("iam:AddUserToGroup"), groups=[ADMINS]))
one.fault(
    "the trust of a privileged role",
    "bob",
    "administrator machine",
    **may(allow("iam:UpdateAssumeRolePolicy"), roles=[MACHINE]),
)
one.fault(
    "rights and trust of any role",
    "bob",
    **may(allow("iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", on=f"arn:aws:iam::{ACCOUNT}:role/web")),
)
one.fault(
    "off with its own boundary",
    "bob",
    users=[user("bob", groups=("g",), boundary=managed("cap").arn)],
    groups=[group("g", inline=inline(allow("iam:DeleteUserPermissionsBoundary")))],
    policies=[managed("cap", EVERYTHING, attached=0)],
)
NO_IAM = document({"Effect": "Deny", "Action": "iam:*", "Resource": "*"})
one.fault(
    "an SCP that is not known to hold here",
    "bob",
    **may(allow("iam:PutUserPolicy", on=OWN_KEYS)),
    organization=organization(scps=scps() | {"elsewhere": NO_IAM}),
)
one.twin(
    "an SCP that holds here",
    **may(allow("iam:PutUserPolicy", on=OWN_KEYS)),
    organization=organization(in_force=(NO_IAM,)),
)
one.twin("renewing an own access key", **may(allow("iam:CreateAccessKey", "iam:DeleteAccessKey", on=OWN_KEYS)))
one.twin(
    "passing a role that gives little",
    **may(allow("iam:PassRole", on=f"arn:aws:iam::{ACCOUNT}:role/web"), allow("ec2:RunInstances")),
)
one.twin(
    "passing roles to another service alone",
    **may(
        allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
        allow("ec2:RunInstances"),
        roles=[MACHINE],
    ),
)
one.twin("an action that is denied", **may(allow("iam:*"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}))
one.twin("keys of a user who has nothing", **may(allow("iam:CreateAccessKey"), users=[user("carl")]))

one = Of("policy-on-user")
one.fault("inline", "bob", users=[user("bob", inline=inline(READS))])
one.fault("attached", "bob", users=[user("bob", attached=("arn:aws:iam::aws:policy/ReadOnlyAccess",))])
one.twin("the date of an adoption", users=[user("bob", inline=inline(READS, name="keylease-end"))])

one = Of("user-outside-groups")
one.fault("in none", "bob", users=[user("bob", groups=())])
one.twin("a lease on hold", users=[lease(groups=(), boundary=f"arn:aws:iam::{ACCOUNT}:policy/keylease/fence/gone")])

ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
OF_US = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abc123"}}}
one = Of("trust-everybody")
one.fault("a star", "open", roles=[role("open", trust=ANYBODY)])
one.fault(
    "a star for AWS, and a condition that says nothing",
    "open",
    roles=[
        role(
            "open",
            trust={**ANYBODY, "Principal": {"AWS": "*"}, "Condition": {"StringLike": {"aws:PrincipalOrgID": "*"}}},
        )
    ],
)
one.twin("the organization", roles=[role("ours", trust={**ANYBODY, **OF_US})])

OUTSIDE = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ELSEWHERE}:root"}, "Action": "sts:AssumeRole"}
one = Of("trust-outside")
one.fault("an account by its root", "vendor", roles=[role("vendor", trust=OUTSIDE)])
one.fault(
    "an account by its number", "vendor", roles=[role("vendor", trust={**OUTSIDE, "Principal": {"AWS": ELSEWHERE}})]
)
one.twin(
    "with an external id",
    roles=[role("vendor", trust={**OUTSIDE, "Condition": {"StringEquals": {"sts:ExternalId": "f3b1"}}})],
)
one.twin(
    "an account of the organization",
    roles=[role("vendor", trust=OUTSIDE)],
    organization=organization(accounts=frozenset({ELSEWHERE})),
)

HOST = "token.actions.githubusercontent.com"
HUB = {
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"},
    "Action": "sts:AssumeRoleWithWebIdentity",
}
one = Of("trust-web-identity")
one.fault(
    "no subject",
    "ci",
    roles=[role("ci", trust={**HUB, "Condition": {"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com"}}})],
)
one.fault(
    "any repository",
    "ci",
    roles=[role("ci", trust={**HUB, "Condition": {"StringLike": {f"{HOST}:sub": "repo:*"}}})],
)
one.twin(
    "any branch of one repository",
    roles=[role("ci", trust={**HUB, "Condition": {"StringLike": {f"{HOST}:sub": "repo:example/site:*"}}})],
)

one = Of("trail-off")
one.fault("none", ACCOUNT, trails=())
one.fault("one that was stopped", ACCOUNT, trails=(trail(logging=False),))
one.fault("one of one region", ACCOUNT, trails=(trail(all_regions=False),))
one.fault("one without management events", ACCOUNT, trails=(trail(management_events=False),))
one.twin("a second one that was stopped", trails=(trail(), trail(name="old", logging=False)))

one = Of("trail-not-validated")
one.fault("no digests", "everything", trails=(trail(validated=False),))
one.twin("a stopped one without", trails=(trail(), trail(name="old", logging=False, validated=False)))

one = Of("trail-bucket-open")
one.fault("public", "b", trails=(trail(bucket=Bucket(name="b", public_by_policy=True)),))
one.fault("not blocked", "b", trails=(trail(bucket=Bucket(name="b", public_blocked=False)),))
one.twin("blocked", trails=(trail(bucket=Bucket(name="b")),))

one = Of("trail-bucket-unprotected")
one.fault("no versions", "b", trails=(trail(bucket=Bucket(name="b", versioned=False)),))
one.twin("locked", trails=(trail(bucket=Bucket(name="b", versioned=False, locked=True)),))

one = Of("config-off")
one.fault("no recorder", ACCOUNT, recorders={REGION: ()})
one.fault("a stopped one elsewhere", ACCOUNT, recorders={REGION: (True,), "us-east-1": (False,)})
one.twin("two", recorders={REGION: (True, False)})

NO_REGIONS = {"money": document({"Effect": "Deny", "Action": "savingsplans:*", "Resource": "*"})}
NO_MONEY = {
    "regions": document(
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringNotLike": {"aws:RequestedRegion": ["eu-*"]}},
        }
    )
}
one = Of("scp-regions")
one.fault("none of that kind", "o-abc123", organization=organization(scps=NO_REGIONS))
one.fault("no organization", ACCOUNT, f"scp-expensive {ACCOUNT}", organization=None)
one.twin("by a pattern", organization=organization(scps=NO_REGIONS | NO_MONEY))

one = Of("scp-expensive")
one.fault("none of that kind", "o-abc123", organization=organization(scps=NO_MONEY))
one.twin(
    "by instance type",
    organization=organization(
        scps=NO_MONEY
        | {
            "types": document(
                {
                    "Effect": "Deny",
                    "Action": "ec2:RunInstances",
                    "Resource": "*",
                    "Condition": {"StringNotLike": {"ec2:InstanceType": ["t3.*"]}},
                }
            )
        }
    ),
)

one = Of("budget-missing")
one.fault("none", ACCOUNT, budgets=0)
one.twin("three", budgets=3)

one = Of("instance-without-role")
one.fault("none", "i-0a1b2c3d", instances={REGION: (instance(profile=None),)})
one.twin("no instances", instances={REGION: ()})

one = Of("metadata-v1")
one.fault("with a role", "i-0a1b2c3d", instances={REGION: (instance(token_required=False),)})
one.twin("the service is off", instances={REGION: (instance(token_required=False, endpoint_on=False),)})

WELL = {
    "TOKEN_NAME": "prod/db/password",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-a1b2c3",
    "COMMIT": "0123456789abcdef0123456789abcdef01234567",
    "REF": "{{resolve:secretsmanager:db:SecretString:password}}",
    "ALLOW_EMPTY_PASSWORD": "yes",
    "HASH": "hL9+vQ2xR7tY4uW1pK8sD3fG6jN0bM5cVzXaEqTo",
}
for check, part, kind in (
    ("secret-in-user-data", "user_data", "user data of the instance"),
    ("secret-in-function", "functions", "environment of the Lambda function"),
    ("secret-in-task", "tasks", "task definition"),
    ("secret-in-stack", "stacks", "stack"),
    ("secret-in-parameter", "parameters", "SSM parameter"),
):
    one = Of(check)
    one.fault("an access key", "x", **{part: {REGION: (place(kind, "x", AWS_ACCESS_KEY_ID=KEY_ID),)}})
    one.fault("a secret by its name", "x", **{part: {REGION: (place(kind, "x", AWS_SECRET_ACCESS_KEY=SECRET),)}})
    one.fault(
        "a secret in a script", "x", **{part: {REGION: (place(kind, "x", text=f"aws_secret_access_key={SECRET}"),)}}
    )
    one.fault(
        "both in a script",
        "x",
        **{
            part: {
                REGION: (
                    place(
                        kind,
                        "x",
                        text=f"#!/bin/sh\nexport AWS_ACCESS_KEY_ID={KEY_ID}\nexport "
                        f"AWS_SECRET_ACCESS_KEY={SECRET}\n",
                    ),
                )
            }
        },
    )
    one.fault(
        "a private key", "x", **{part: {REGION: (place(kind, "x", pem="-----BEGIN RSA PRIVATE KEY-----\nMII"),)}}
    )
    one.twin("what only looks like it", **{part: {REGION: (place(kind, "x", **WELL),)}})

OLD_FENCE = f"arn:aws:iam::{ACCOUNT}:policy{names.FENCE_PATH}{names.fence(NOW).name}"
one = Of("keylease-drift")
one.fault("a leased user without a fence", "tom-9z8y7x6w", users=[lease()])
one.fault(
    "a fence that was changed",
    "tom-9z8y7x6w",
    users=[lease(boundary=OLD_FENCE)],
    policies=[Policy(name="f", arn=OLD_FENCE, document=document(EVERYTHING))],
)
one.fault(
    "a group that gives to everybody", "loose", groups=[group("loose", path=names.GROUP_PATH, inline=inline(READS))]
)
one.twin("a lease behind its fence", users=[lease(boundary=f"arn:aws:iam::{ACCOUNT}:policy/keylease/fence/x")])
