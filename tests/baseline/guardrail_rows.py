"""Requests that the baseline's documents must allow and deny: a table for each document.

A row is judged with the document in the place where AWS would have it: beside a policy that allows everything, as a
boundary, as a service control policy, on a bucket, or as a role's trust.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from keylease.domain import cost_policy, federation_policy, iam, people_policy, ready_sets, trail_policy
from keylease.domain.organization_policy import Denials, for_boundary, service_control_policies

Document = Mapping[str, Any]
Place = Literal["identity", "beside", "boundary", "scp", "resource"]

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}:"
ANNA = f"{IAM}user/anna"
LEASED = f"{IAM}user/keylease/anna-4k7m9q2x"
DEV, OWN = "role/dev", "role/keylease-broker/keylease-issuer"
GLASS = "role/keylease-baseline/keylease-break-glass"
ROOT = f"{IAM}root"
BUCKET = f"keylease-trail-{ACCOUNT}"
TRAIL = f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/keylease-trail"
SAML = f"{IAM}saml-provider/entra"
ISSUER = "accounts.google.com"
"""The judge knows the keys of a few issuers by name; the policy is made in the same way for every one."""
OIDC = f"{IAM}oidc-provider/{ISSUER}"
FULL = iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
DENIALS = Denials(regions=("eu-central-1", "eu-west-1"))
SCPS = service_control_policies(DENIALS)

MFA = {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "60"}
NO_MFA = {"aws:MultiFactorAuthPresent": "false"}
KEY: dict[str, str] = {}
"""An access key says nothing of MFA."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request: who, what, on what, with which context, and whether it must be allowed."""

    who: str
    action: str
    allowed: bool
    resource: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def request(self, document: Document, place: Place) -> dict[str, Any]:
        """As the judge reads it."""
        principal, arn = _principal(self.who)
        context = {"aws:PrincipalArn": arn} if arn else {}
        asked = {"action": self.action, "principal": principal, "context": {**context, **self.context}}
        if self.resource is not None:
            asked["resource"] = self.resource
        found = asked | _PLACES[place](document)
        return found | {"identity": [FULL]} if place == "resource" and self.who.startswith("role/") else found


def _principal(who: str) -> tuple[str, str | None]:
    """What the judge is told, and what `aws:PrincipalArn` is: a role's session has the role's."""
    if who.startswith("role/"):
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{who.rpartition('/')[2]}/anna", IAM + who
    return who, who if who.startswith("arn:") and "-provider/" not in who else None


_PLACES: dict[Place, Callable[[Document], dict[str, Any]]] = {
    "identity": lambda document: {"identity": [document]},
    "beside": lambda document: {"identity": [FULL, document]},
    "boundary": lambda document: {"identity": [FULL], "boundary": document},
    "scp": lambda document: {"identity": [FULL], "scps": [document]},
    "resource": lambda document: {"identity": [], "resourcePolicy": document},
}


def _row(who: str, action: str, allowed: int, resource: str | None = None, **context: Any) -> Row:
    named = {name.replace("__", ":").replace("SLASH", "/"): value for name, value in context.items()}
    return Row(who=who, action=action, allowed=bool(allowed), resource=resource, context=named)


def _with(who: str, action: str, allowed: int, context: Mapping[str, Any], resource: str | None = None) -> Row:
    return Row(who=who, action=action, allowed=bool(allowed), resource=resource, context=context)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A document, where it stands, and its rows. `idle` are mutations that rightly change nothing."""

    name: str
    document: Document
    place: Place
    rows: tuple[Row, ...]
    idle: tuple[str, ...] = ()


def _mfa(form: people_policy.Mfa) -> tuple[Row, ...]:
    key = int(form == "spares-keys")
    out = "s3:ListAllMyBuckets"
    return (
        _with(ANNA, out, 1, MFA),
        _with(ANNA, out, 0, NO_MFA | {"aws:ViaAWSService": "false"}),
        _with(ANNA, out, key, KEY | {"aws:ViaAWSService": "false"}),
        _with(ANNA, out, key, NO_MFA | {"aws:ViaAWSService": "true"}),
        _with(LEASED, out, 1, NO_MFA | {"aws:ViaAWSService": "false"}),
        _with(LEASED, out, 1, KEY),
        _with(ANNA, "iam:DeactivateMFADevice", 0, NO_MFA | {"aws:ViaAWSService": "false"}, ANNA),
        _with(ANNA, "iam:DeleteVirtualMFADevice", 0, NO_MFA | {"aws:ViaAWSService": "false"}, f"{IAM}mfa/anna"),
        _with(ANNA, "iam:CreateAccessKey", 0, NO_MFA | {"aws:ViaAWSService": "false"}, ANNA),
        _with(ANNA, "iam:EnableMFADevice", 1, NO_MFA, ANNA),
        _with(ANNA, "sts:GetSessionToken", 1, NO_MFA),
    )


def _mfa_alone() -> tuple[Row, ...]:
    """What the policy gives by itself: one's own MFA and nothing else."""
    named = {"aws:username": "anna", **MFA}
    under, other = f"{IAM}user/people/anna", f"{IAM}user/bert"
    return (
        _with(ANNA, "iam:ListVirtualMFADevices", 1, named),
        _with(ANNA, "iam:GetAccountPasswordPolicy", 1, named),
        _with(ANNA, "iam:CreateVirtualMFADevice", 1, named, f"{IAM}mfa/anna"),
        _with(ANNA, "iam:EnableMFADevice", 1, named, ANNA),
        _with(under, "iam:ChangePassword", 1, named, under),
        _with(ANNA, "iam:EnableMFADevice", 0, named, other),
        _with(ANNA, "iam:ChangePassword", 0, named, other),
        _with(ANNA, "iam:DeactivateMFADevice", 0, named, ANNA),
        _with(ANNA, "iam:CreateVirtualMFADevice", 0, named, ANNA),
        _with(ANNA, "s3:ListAllMyBuckets", 0, named),
    )


def _people() -> Iterator[Table]:
    yield Table(
        name="administrators",
        document=people_policy.administrator_policy(),
        place="identity",
        rows=(
            _with(ANNA, "billing:GetBillingData", 1, MFA),
            _with(ANNA, "iam:CreateUser", 1, MFA),
            _with(ANNA, "iam:CreateUser", 0, NO_MFA),
            _with(ANNA, "iam:CreateUser", 0, KEY),
        ),
    )
    strict, spares = (people_policy.mfa_policy(form=form) for form in ("strict", "spares-keys"))
    denial = lambda document: iam.policy(document["Statement"][-1:])  # noqa: E731 - a name for one expression
    gives = lambda document: iam.policy(document["Statement"][:-1])  # noqa: E731 - the same
    yield Table(name="mfa strict", document=denial(strict), place="beside", rows=_mfa("strict"))
    yield Table(name="mfa spares keys", document=denial(spares), place="beside", rows=_mfa("spares-keys"))
    yield Table(name="mfa gives", document=gives(spares), place="identity", rows=_mfa_alone())
    yield Table(
        name="break-glass trust",
        document=people_policy.break_glass_trust([ANNA]),
        place="resource",
        rows=(
            _with(ANNA, "sts:AssumeRole", 1, MFA, IAM + GLASS),
            _with(ANNA, "sts:AssumeRole", 0, MFA | {"aws:MultiFactorAuthAge": "7200"}, IAM + GLASS),
            _with(ANNA, "sts:AssumeRole", 0, NO_MFA | {"aws:MultiFactorAuthAge": "60"}, IAM + GLASS),
            _with(ANNA, "sts:AssumeRole", 0, KEY, IAM + GLASS),
            _with(f"{IAM}user/bert", "sts:AssumeRole", 0, MFA, IAM + GLASS),
        ),
    )
    yield Table(
        name="broker trust",
        document=people_policy.broker_trust([ANNA], external_id="long"),
        place="resource",
        rows=(
            _row(ANNA, "sts:AssumeRole", 1, IAM + OWN, sts__ExternalId="long"),
            _row(ANNA, "sts:AssumeRole", 0, IAM + OWN, sts__ExternalId="other"),
            _row(ANNA, "sts:AssumeRole", 0, IAM + OWN),
            _row(f"{IAM}user/bert", "sts:AssumeRole", 0, IAM + OWN, sts__ExternalId="long"),
        ),
    )


HERE, AWAY = {"aws:RequestedRegion": "eu-central-1"}, {"aws:RequestedRegion": "us-east-1"}
INSTANCE = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/*"
OTHER_FILE, TRAIL_FILE = "arn:aws:s3:::media/one", f"arn:aws:s3:::{BUCKET}/AWSLogs/one"


def _regions(*, spares: bool) -> tuple[Row, ...]:
    return (
        _with(DEV, "ec2:DescribeInstances", 1, HERE),
        _with(DEV, "ec2:DescribeInstances", 0, AWAY),
        _with(DEV, "iam:ListRoles", 1, AWAY),
        _with(DEV, "sts:GetCallerIdentity", 1, AWAY),
        _with(OWN, "ec2:DescribeInstances", int(spares), AWAY),
        _with(GLASS, "ec2:DescribeInstances", int(spares), AWAY),
    )


def _expensive(*, spares: bool, only: bool = False) -> tuple[Row, ...]:
    spared = int(spares)
    change = "ec2:Attribute/InstanceType"
    big, small = {"ec2:InstanceType": "p5.48xlarge"}, {"ec2:InstanceType": "t3.micro"}
    instances = (
        _with(DEV, "ec2:RunInstances", 0, HERE | big, INSTANCE),
        _with(DEV, "ec2:RunInstances", 1, HERE | small, INSTANCE),
        _with(DEV, "ec2:RunInstances", int(not only), HERE | {"ec2:InstanceType": "m6i.2xlarge"}, INSTANCE),
        _with(DEV, "ec2:RunInstances", 0, HERE | {"ec2:InstanceType": "c6i.metal"}, INSTANCE),
        _with(DEV, "ec2:RunInstances", 0, HERE | {"ec2:InstanceType": "m6i.24xlarge"}, INSTANCE),
        _with(OWN, "ec2:RunInstances", spared, HERE | big, INSTANCE),
        _with(DEV, "ec2:ModifyInstanceAttribute", 0, HERE | {change: "p5.48xlarge"}, INSTANCE),
        _with(DEV, "ec2:ModifyInstanceAttribute", 1, HERE | {change: "t3.micro"}, INSTANCE),
        _with(DEV, "ec2:ModifyInstanceAttribute", 1, HERE, INSTANCE),
        _with(OWN, "ec2:ModifyInstanceAttribute", spared, HERE | {change: "p5.48xlarge"}, INSTANCE),
    )
    db = f"arn:aws:rds:eu-central-1:{ACCOUNT}:db:one"
    models = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:endpoint-config/one"
    big_db, small_db = {"rds:DatabaseClass": "db.r6g.16xlarge"}, {"rds:DatabaseClass": "db.t4g.small"}
    big_model, small_model = ({"sagemaker:InstanceTypes": [one]} for one in ("ml.p4d.24xlarge", "ml.t3.medium"))
    return (
        *instances,
        _with(DEV, "rds:CreateDBInstance", 0, HERE | big_db, db),
        _with(DEV, "rds:CreateDBInstance", 1, HERE | small_db, db),
        _with(OWN, "rds:CreateDBInstance", spared, HERE | big_db, db),
        _with(DEV, "sagemaker:CreateEndpointConfig", 0, HERE | big_model, models),
        _with(DEV, "sagemaker:CreateEndpointConfig", 1, HERE | small_model, models),
        _with(OWN, "sagemaker:CreateEndpointConfig", spared, HERE | big_model, models),
        _with(DEV, "savingsplans:CreateSavingsPlan", 0, HERE),
        _with(DEV, "redshift:CreateCluster", 0, HERE),
        _with(DEV, "route53domains:RegisterDomain", 0, HERE),
        _with(OWN, "savingsplans:CreateSavingsPlan", spared, HERE),
        _with(DEV, "savingsplans:DescribeSavingsPlans", 1, HERE),
    )


def _guards(*, spares: bool) -> tuple[Row, ...]:
    spared = int(spares)
    group, policy = f"{IAM}group/keylease/media", f"{IAM}policy/keylease/baseline/keylease-media"
    return (
        _with(DEV, "cloudtrail:StopLogging", 0, HERE),
        _with(DEV, "cloudtrail:DescribeTrails", 1, HERE),
        _with(GLASS, "cloudtrail:StopLogging", spared, HERE),
        _with(DEV, "guardduty:DeleteDetector", 0, HERE),
        _with(DEV, "s3:DeleteObject", 0, HERE, TRAIL_FILE),
        _with(DEV, "s3:DeleteObject", 1, HERE, OTHER_FILE),
        _with(DEV, "s3:PutBucketPolicy", 0, HERE, f"arn:aws:s3:::{BUCKET}"),
        _with(DEV, "s3:GetObject", 1, HERE, TRAIL_FILE),
        _with(GLASS, "s3:DeleteObject", spared, HERE, TRAIL_FILE),
        _with(DEV, "iam:PutGroupPolicy", 0, HERE, group),
        _with(DEV, "iam:PutGroupPolicy", 1, HERE, f"{IAM}group/developers"),
        _with(DEV, "iam:CreatePolicyVersion", 0, HERE, policy),
        _with(DEV, "iam:UpdateAssumeRolePolicy", 0, HERE, IAM + OWN),
        _with(DEV, "iam:GetGroup", 1, HERE, group),
        _with(OWN, "iam:PutGroupPolicy", spared, HERE, group),
        _with(DEV, "iam:CreateUser", 0, HERE, f"{IAM}user/bob"),
        _with(DEV, "iam:CreateAccessKey", 0, HERE, f"{IAM}user/bob"),
        _with(DEV, "iam:CreateRole", 1, HERE, f"{IAM}role/service"),
        _with(OWN, "iam:CreateUser", spared, HERE, f"{IAM}user/keylease/bob"),
    )


def _organization() -> Iterator[Table]:
    yield Table(name="regions", document=SCPS["keylease-regions"], place="scp", rows=_regions(spares=True))
    yield Table(name="expensive", document=SCPS["keylease-expensive"], place="scp", rows=_expensive(spares=True))
    only = service_control_policies(Denials(types=("t3.*", "t4g.*")))["keylease-expensive"]
    yield Table(name="only these types", document=only, place="scp", rows=_expensive(spares=True, only=True))
    root = (
        _with(ROOT, "s3:ListAllMyBuckets", 0, HERE),
        _with(ROOT, "s3:ListAllMyBuckets", 1, HERE | {"aws:AssumedRoot": "true"}),
        _with(DEV, "s3:ListAllMyBuckets", 1, HERE),
        _with(DEV, "organizations:LeaveOrganization", 0, HERE),
        _with(GLASS, "organizations:LeaveOrganization", 0, HERE),
        _with(DEV, "organizations:DescribeOrganization", 1, HERE),
    )
    yield Table(name="protect", document=SCPS["keylease-protect"], place="scp", rows=(*root, *_guards(spares=True)))
    alone = (*_regions(spares=False), *_expensive(spares=False), *_guards(spares=False))
    document = people_policy.boundary_policy(for_boundary(DENIALS))
    yield Table(name="boundary", document=document, place="boundary", rows=alone)


def _resources() -> Iterator[Table]:
    file = f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/CloudTrail/one.json.gz"
    config = f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/Config/one.json.gz"
    owned, trail = {"s3:x-amz-acl": "bucket-owner-full-control"}, {"aws:SourceArn": TRAIL}
    mine = {"aws:SourceAccount": ACCOUNT}
    tls = {"aws:SecureTransport": "true"}
    ct, cf, bucket = "cloudtrail.amazonaws.com", "config.amazonaws.com", f"arn:aws:s3:::{BUCKET}"
    rows = (
        _with(ct, "s3:GetBucketAcl", 1, tls | trail, bucket),
        _with(ct, "s3:GetBucketAcl", 0, tls | {"aws:SourceArn": f"{TRAIL}-other"}, bucket),
        _with(ct, "s3:PutObject", 1, tls | owned | trail, file),
        _with(ct, "s3:PutObject", 0, tls | trail, file),
        _with(ct, "s3:PutObject", 0, tls | owned | {"aws:SourceArn": f"{TRAIL}-other"}, file),
        _with(ct, "s3:PutObject", 0, owned | trail | {"aws:SecureTransport": "false"}, file),
        _with(ct, "s3:PutObject", 0, tls | owned | trail, f"arn:aws:s3:::{BUCKET}/AWSLogs/999999999999/one"),
        _with(cf, "s3:GetBucketAcl", 1, tls | mine, bucket),
        _with(cf, "s3:GetBucketAcl", 0, tls | {"aws:SourceAccount": "999999999999"}, bucket),
        _with(cf, "s3:PutObject", 1, tls | owned | mine, config),
        _with(cf, "s3:PutObject", 0, tls | mine, config),
        _with(cf, "s3:PutObject", 0, tls | owned | {"aws:SourceAccount": "999999999999"}, config),
        _with(cf, "s3:PutObject", 0, tls | owned | mine, file),
    )
    rows += (
        _with(DEV, "s3:GetObject", 1, tls, file),
        _with(DEV, "s3:GetObject", 0, {"aws:SecureTransport": "false"}, file),
        _with(DEV, "s3:DeleteObjectVersion", 0, tls, file),
        _with(DEV, "s3:DeleteObject", 1, tls, file),
    )
    document = trail_policy.bucket_policy(BUCKET, account=ACCOUNT, trail=TRAIL)
    yield Table(
        name="trail bucket",
        document=document,
        place="resource",
        rows=rows,
        idle=("statement 1 allows", "statement 3 allows"),
    )
    role = IAM + "role/keylease-baseline/reader"
    aud = {"SAML:aud": "https://signin.aws.amazon.com/saml"}
    own, other = {"aws:TagKeys": ["keylease:team"]}, {"aws:TagKeys": ["team"]}
    yield Table(
        name="saml trust",
        document=federation_policy.saml_trust(SAML),
        place="resource",
        rows=(
            _with(SAML, "sts:AssumeRoleWithSAML", 1, aud, role),
            _with(SAML, "sts:AssumeRoleWithSAML", 0, {"SAML:aud": "https://example.com"}, role),
            _with(f"{SAML}-other", "sts:AssumeRoleWithSAML", 0, aud, role),
            _with(SAML, "sts:SetSourceIdentity", 1, {"sts:SourceIdentity": "anna@example.com"}, role),
            _with(SAML, "sts:TagSession", 1, own, role),
            _with(SAML, "sts:TagSession", 0, other, role),
        ),
    )
    meant = {f"{ISSUER}:aud": "app", f"{ISSUER}:sub": "pairwise-anna"}
    yield Table(
        name="oidc trust",
        document=federation_policy.oidc_trust(OIDC, client_ids=["app"], subjects=["pairwise-anna"]),
        place="resource",
        rows=(
            _with(OIDC, "sts:AssumeRoleWithWebIdentity", 1, meant, role),
            _with(OIDC, "sts:AssumeRoleWithWebIdentity", 0, meant | {f"{ISSUER}:aud": "other"}, role),
            _with(OIDC, "sts:AssumeRoleWithWebIdentity", 0, meant | {f"{ISSUER}:sub": "pairwise-bert"}, role),
            _with(f"{OIDC}x", "sts:AssumeRoleWithWebIdentity", 0, meant, role),
        ),
    )


def _cost() -> Iterator[Table]:
    starts = ("ec2:RunInstances", "ec2:StartInstances", "rds:CreateDBInstance", "sagemaker:CreateEndpoint")
    goes_on = ("ec2:StopInstances", "ec2:DescribeInstances", "rds:DeleteDBInstance", "s3:PutObject")
    yield Table(
        name="over budget",
        document=cost_policy.over_budget(),
        place="beside",
        rows=(*(_row(ANNA, one, 0) for one in starts), *(_row(ANNA, one, 1) for one in goes_on)),
    )
    brake, group = f"{IAM}policy/keylease-baseline/cost/keylease-over-budget", f"{IAM}group/keylease/baseline/media"
    this, other = {"iam:PolicyARN": brake}, {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}
    yield Table(
        name="braking",
        document=cost_policy.braking(brake, groups=f"{IAM}group/keylease/baseline/*"),
        place="identity",
        rows=(
            _with(DEV, "iam:AttachGroupPolicy", 1, this, group),
            _with(DEV, "iam:DetachGroupPolicy", 1, this, group),
            _with(DEV, "iam:AttachGroupPolicy", 0, other, group),
            _with(DEV, "iam:AttachGroupPolicy", 0, this, f"{IAM}group/keylease-baseline/keylease-administrators"),
            _with(DEV, "iam:AttachRolePolicy", 0, this, f"{IAM}role/dev"),
        ),
    )
    budgets, role = "budgets.amazonaws.com", f"{IAM}role/keylease-baseline/cost/keylease-budgets"
    yield Table(
        name="budgets trust",
        document=cost_policy.budgets_trust(ACCOUNT),
        place="resource",
        rows=(
            _with(budgets, "sts:AssumeRole", 1, {"aws:SourceAccount": ACCOUNT}, role),
            _with(budgets, "sts:AssumeRole", 0, {"aws:SourceAccount": "999999999999"}, role),
            _with("ec2.amazonaws.com", "sts:AssumeRole", 0, {"aws:SourceAccount": ACCOUNT}, role),
        ),
    )


def _sets() -> Iterator[Table]:
    media = "arn:aws:s3:::media"
    below = ready_sets.buckets(["media"], prefix="2026/")
    inside, outside = f"{media}/2026/one.mov", f"{media}/2025/one.mov"
    yield _set(
        "buckets",
        below,
        _row(ANNA, "s3:ListAllMyBuckets", 1),
        _row(ANNA, "s3:GetBucketLocation", 1, media),
        _row(ANNA, "s3:GetBucketLocation", 0, f"{media}-other"),
        _row(ANNA, "s3:ListBucket", 1, media, s3__prefix="2026/autumn"),
        _row(ANNA, "s3:ListBucket", 0, media, s3__prefix="2025/"),
        _row(ANNA, "s3:ListBucket", 0, f"{media}-other", s3__prefix="2026/autumn"),
        _row(ANNA, "s3:GetObject", 1, inside),
        _row(ANNA, "s3:PutObject", 1, inside),
        _row(ANNA, "s3:GetObject", 0, outside),
        _row(ANNA, "s3:PutBucketPolicy", 0, media),
    )
    yield _set(
        "buckets to read",
        ready_sets.buckets(["media"], write=False),
        _row(ANNA, "s3:ListAllMyBuckets", 1),
        _row(ANNA, "s3:ListBucket", 1, media),
        _row(ANNA, "s3:ListBucket", 0, f"{media}-other"),
        _row(ANNA, "s3:GetBucketLocation", 1, media),
        _row(ANNA, "s3:GetBucketLocation", 0, f"{media}-other"),
        _row(ANNA, "s3:GetObject", 1, inside),
        _row(ANNA, "s3:GetObject", 0, "arn:aws:s3:::other/one"),
        _row(ANNA, "s3:PutObject", 0, inside),
    )
    yield _set(
        "read-only",
        ready_sets.read_only(),
        *(_row(ANNA, action, 1) for action in ("ec2:DescribeInstances", "iam:ListUsers", "rds:DescribeEvents")),
        *(_row(ANNA, action, 0) for action in ("ec2:RunInstances", "iam:CreateUser", "s3:GetObject")),
        *(_row(ANNA, action, 0) for action in ("secretsmanager:GetSecretValue", "ssm:GetParameter")),
        *(_row(ANNA, action, 0) for action in ("lambda:GetFunction", "kms:Decrypt", "dynamodb:Scan")),
    )
    yield _set(
        "billing",
        ready_sets.billing_reader(),
        *(_row(ANNA, action, 1) for action in ("ce:GetCostAndUsage", "budgets:ViewBudget", "billing:GetCredits")),
        *(_row(ANNA, action, 0) for action in ("budgets:ModifyBudget", "ec2:DescribeInstances")),
        *(_row(ANNA, action, 0) for action in ("payments:MakePayment", "billing:UpdateIAMAccessPreference")),
    )
    yield _set(
        "databases",
        ready_sets.database_administrator(),
        *(
            _row(ANNA, action, 1)
            for action in ("rds:CreateDBInstance", "dynamodb:CreateTable", "pi:ListTagsForResource")
        ),
        *(_row(ANNA, action, 0) for action in ("rds:PurchaseReservedDBInstancesOffering", "ec2:RunInstances")),
        *(_row(ANNA, action, 0) for action in ("secretsmanager:GetSecretValue", "iam:CreateRole")),
    )
    yield _set(
        "power user",
        ready_sets.power_user(),
        *(_row(ANNA, action, 1) for action in ("ec2:RunInstances", "s3:CreateBucket", "lambda:CreateFunction")),
        *(
            _row(ANNA, action, 0)
            for action in ("iam:CreateUser", "organizations:CloseAccount", "sso:CreateInstance")
        ),
    )
    yield _set("administrator", ready_sets.administrator(), _row(ANNA, "iam:CreateUser", 1))


def _set(name: str, statements: list[Any], *rows: Row) -> Table:
    return Table(name=f"set {name}", document=iam.policy(statements), place="identity", rows=rows)


def tables() -> list[Table]:
    """All of them."""
    return [*_people(), *_organization(), *_resources(), *_cost(), *_sets()]
