"""What a company denies in all its member accounts: service control policies, as values.

Each is a denial that spares a few named identities: keylease's own roles, the break-glass role, and whom the
company exempts. They are three policies, since a target takes ten and each has its own reason:

- *regions*: nothing outside the regions that are used, but for the services that are global;
- *expensive*: what costs a month's budget in an hour, or binds the company for a year;
- *protect*: the root user, leaving the organization, the trail and its like, keylease itself, and keys by hand.

They bind neither the management account nor service-linked roles (Auto Scaling starts instances with one). The root
user of a member account is denied, but not the short root sessions that the management account takes
(`aws:AssumedRoot`), or nobody could mend a bucket that denies everybody.

In an account that is alone the same denials make a boundary. It binds only whoever wears it: neither the root user,
nor whom somebody makes without it. Nothing here calls AWS.

Sources: AWS's service authorization reference for actions and keys; the list of global services is that of AWS
Control Tower's region denial (GRREGIONDENY), with the sign-in service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keylease.domain.guardrail import PEOPLE_PATH
from keylease.domain.iam import deny, policy

LIMIT = 10240
"""Characters in a service control policy, white space counted (AWS Organizations quotas since May 2026)."""
MOST_ON_ONE = 10
"""Policies on one target, AWS's own FullAWSAccess among them (the same quotas)."""

OWN = (
    "arn:*:iam::*:role/keylease-broker/*",
    f"arn:*:iam::*:role{PEOPLE_PATH}keylease-break-glass",
    "arn:*:iam::*:role/OrganizationAccountAccessRole",
)
"""Who is always spared; the last is the role with which the management account administers its members."""

GLOBAL = (
    "a4b:*", "access-analyzer:*", "account:*", "acm:*", "activate:*", "artifact:*", "aws-marketplace-management:*",
    "aws-marketplace:*", "aws-portal:*", "billing:*", "billingconductor:*", "budgets:*", "ce:*", "chatbot:*",
    "chime:*", "cloudfront:*", "cloudtrail:LookupEvents", "compute-optimizer:*", "config:*", "consoleapp:*",
    "consolidatedbilling:*", "cur:*", "datapipeline:GetAccountLimits", "devicefarm:*", "directconnect:*",
    "ec2:DescribeRegions", "ec2:DescribeTransitGateways", "ec2:DescribeVpnGateways", "ecr-public:*", "fms:*",
    "freetier:*", "globalaccelerator:*", "health:*", "iam:*", "importexport:*", "invoicing:*", "iq:*", "kms:*",
    "license-manager:ListReceivedLicenses", "lightsail:Get*", "mobileanalytics:*", "networkmanager:*",
    "notifications-contacts:*", "notifications:*", "organizations:*", "payments:*", "pricing:*",
    "quicksight:DescribeAccountSubscription", "resource-explorer-2:*", "route53-recovery-cluster:*",
    "route53-recovery-control-config:*", "route53-recovery-readiness:*", "route53:*", "route53domains:*",
    "s3:CreateMultiRegionAccessPoint", "s3:DeleteMultiRegionAccessPoint",
    "s3:DescribeMultiRegionAccessPointOperation", "s3:GetAccountPublicAccessBlock", "s3:GetBucketLocation",
    "s3:GetBucketPolicyStatus", "s3:GetBucketPublicAccessBlock", "s3:GetMultiRegionAccessPoint*",
    "s3:GetStorageLensConfiguration", "s3:GetStorageLensDashboard", "s3:ListAllMyBuckets",
    "s3:ListMultiRegionAccessPoints", "s3:ListStorageLensConfigurations", "s3:PutAccountPublicAccessBlock",
    "s3:PutMultiRegionAccessPointPolicy", "savingsplans:*", "shield:*", "signin:*", "sso:*", "sts:*", "support:*",
    "supportapp:*", "supportplans:*", "sustainability:*", "tag:GetResources", "tax:*", "trustedadvisor:*",
    "vendor-insights:ListEntitledSecurityProfiles", "waf-regional:*", "waf:*", "wafv2:*", "wellarchitected:*",
)  # fmt: skip
"""What works from one region for all of them, or is not of any region."""

EXPENSIVE_TYPES = (
    "p*.*", "g*.*", "trn*.*", "inf*.*", "dl*.*", "vt*.*", "f1.*", "f2.*", "u-*.*", "u7i*.*", "x*.*", "mac*.*",
    "hpc*.*", "*.metal*", "*.12xlarge", "*.16xlarge", "*.18xlarge", "*.2?xlarge", "*.3?xlarge", "*.4?xlarge",
    "*.5?xlarge", "*.9?xlarge", "*.1??xlarge", "*.2??xlarge", "*.4??xlarge",
)  # fmt: skip
_EXPENSIVE_CLASSES = ("db.*.12xlarge", "db.*.16xlarge", "db.*.2?xlarge", "db.*.3?xlarge", "db.*.4?xlarge", "db.x*")
_EXPENSIVE_MODELS = ("ml.p*", "ml.g*", "ml.trn*", "ml.inf*", "ml.*.12xlarge", "ml.*.16xlarge", "ml.*.2?xlarge")
_BINDING = (
    "acm-pca:CreateCertificateAuthority", "aws-marketplace:AcceptAgreementRequest", "aws-marketplace:Subscribe",
    "bedrock:CreateProvisionedModelThroughput", "dynamodb:PurchaseReservedCapacityOfferings", "ec2:AllocateHosts",
    "ec2:PurchaseCapacityBlock", "ec2:PurchaseHostReservation", "ec2:PurchaseReservedInstancesOffering",
    "elasticache:PurchaseReservedCacheNodesOffering", "es:PurchaseReservedInstanceOffering",
    "rds:PurchaseReservedDBInstancesOffering", "redshift-serverless:Create*", "redshift:CreateCluster",
    "redshift:PurchaseReservedNodeOffering", "redshift:ResizeCluster", "redshift:RestoreFromClusterSnapshot",
    "route53domains:RegisterDomain", "route53domains:TransferDomain", "savingsplans:CreateSavingsPlan",
    "shield:CreateSubscription",
)  # fmt: skip
_TRACE = (
    "access-analyzer:DeleteAnalyzer", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging", "cloudtrail:UpdateTrail", "config:DeleteConfigRule",
    "config:DeleteConfigurationRecorder", "config:DeleteDeliveryChannel", "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector", "guardduty:DisassociateFromAdministratorAccount",
    "guardduty:DisassociateFromMasterAccount", "guardduty:UpdateDetector",
)  # fmt: skip
_TRACE_FILES = (
    "s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject",
    "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration",
)  # fmt: skip
_KEYS = (
    "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreateServiceSpecificCredential", "iam:CreateUser",
    "iam:UpdateAccessKey", "iam:UpdateLoginProfile", "iam:UploadSSHPublicKey", "iam:UploadSigningCertificate",
)  # fmt: skip
_IAM_WRITES = (
    "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:Put*", "iam:Remove*", "iam:Set*",
    "iam:Tag*", "iam:Untag*", "iam:Update*",
)  # fmt: skip
_OF_KEYLEASE = tuple(
    f"arn:*:iam::*:{resource}"
    for resource in (
        "group/keylease*/*",
        "instance-profile/keylease/*",
        "policy/keylease*/*",
        "role/keylease*/*",
        "user/keylease/*",
    )
)
TRACE_BUCKETS = "arn:*:s3:::keylease-trail-*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denials:
    """Which denials, and how. `regions`: none means no denial of regions. `types`: where given, the only ones.

    `spares`: whether somebody is spared; a boundary spares whoever does not wear it.
    """

    regions: Sequence[str] = ()
    types: Sequence[str] = ()
    exempt: Sequence[str] = ()
    expensive: bool = True
    root: bool = True
    leaving: bool = True
    tampering: bool = True
    keylease: bool = True
    keys: bool = True
    spares: bool = True


def service_control_policies(of: Denials) -> dict[str, dict[str, Any]]:
    """The policies by name, those without a statement left out."""
    made = {
        "keylease-regions": list(_regions(of)),
        "keylease-expensive": list(_expensive(of)),
        "keylease-protect": list(_protect(of)),
    }
    return {name: policy(statements) for name, statements in made.items() if statements}


def for_boundary(of: Denials) -> list[dict[str, Any]]:
    """The same denials for a boundary, but for those that no boundary can carry: root and leaving."""
    of = replace(of, spares=False)
    made = [*_regions(of), *_expensive(of), *_trace(of), *_keylease(of), *_keys(of)]
    return [{name: value for name, value in one.items() if name != "Condition" or value} for one in made]


def _regions(of: Denials) -> Iterator[dict[str, Any]]:
    if of.regions:
        outside = {"StringNotEquals": {"aws:RequestedRegion": list(of.regions)}, **_spared(of)}
        yield {"Sid": "Regions", "Effect": "Deny", "NotAction": list(GLOBAL), "Resource": "*", "Condition": outside}


def _expensive(of: Denials) -> Iterator[dict[str, Any]]:
    if not of.expensive:
        return
    operator, types = ("StringNotLike", list(of.types)) if of.types else ("StringLike", list(EXPENSIVE_TYPES))
    start = {operator: {"ec2:InstanceType": types}, **_spared(of)}
    yield _on("Instances", ["ec2:RunInstances"], ["arn:*:ec2:*:*:instance/*"], start)
    change = {operator: {"ec2:Attribute/InstanceType": types}, **_spared(of)}
    if of.types:  # a change of anything else names no type
        change["Null"] = {"ec2:Attribute/InstanceType": "false"}
    yield _on("InstanceTypes", ["ec2:ModifyInstanceAttribute"], ["arn:*:ec2:*:*:instance/*"], change)
    databases = {"StringLike": {"rds:DatabaseClass": list(_EXPENSIVE_CLASSES)}, **_spared(of)}
    yield {"Sid": "Databases", **deny(["rds:CreateDBInstance", "rds:ModifyDBInstance", "rds:Restore*"], databases)}
    models = {"ForAnyValue:StringLike": {"sagemaker:InstanceTypes": list(_EXPENSIVE_MODELS)}, **_spared(of)}
    yield {"Sid": "Models", **deny(["sagemaker:Create*", "sagemaker:Update*"], models)}
    yield {"Sid": "Binding", **deny(_BINDING, _spared(of))}


def _protect(of: Denials) -> Iterator[dict[str, Any]]:
    if of.root:
        root = {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:root"}, "Null": {"aws:AssumedRoot": "true"}}
        yield {"Sid": "Root", **deny("*", root)}
    if of.leaving:
        yield {"Sid": "Leaving", **deny("organizations:LeaveOrganization")}
    yield from (*_trace(of), *_keylease(of), *_keys(of))


def _trace(of: Denials) -> Iterator[dict[str, Any]]:
    if of.tampering:
        yield {"Sid": "Trace", **deny(_TRACE, _spared(of))}
        files = [TRACE_BUCKETS, f"{TRACE_BUCKETS}/*"]
        yield _on("TraceFiles", _TRACE_FILES, files, _spared(of))


def _keylease(of: Denials) -> Iterator[dict[str, Any]]:
    if of.keylease:
        yield _on("Keylease", _IAM_WRITES, list(_OF_KEYLEASE), _spared(of))


def _keys(of: Denials) -> Iterator[dict[str, Any]]:
    if of.keys:
        yield {"Sid": "Keys", **deny(_KEYS, _spared(of))}


def _spared(of: Denials) -> dict[str, Any]:
    return {"ArnNotLike": {"aws:PrincipalArn": [*OWN, *of.exempt]}} if of.spares else {}


def _on(sid: str, actions: Sequence[str], resources: list[str], condition: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Action": list(actions),
        "Resource": resources,
        "Condition": dict(condition),
    }
