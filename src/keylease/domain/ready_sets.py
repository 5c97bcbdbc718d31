"""Permission sets that are ready to use, as policy statements; the policies of groups and roles guard them.

Each fits, with the denials that go with it, into one managed policy. They name services by their own read actions,
since IAM takes no wildcard for a service. What a set allows that no fence can stop (a secret that was read, code
that was changed) is told to whoever asks for it; so the read-only set reads no secrets and no files' contents
but for what lies in logs and metrics.

Nothing here calls AWS. Action names: AWS's service authorization reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from keylease.domain.iam import deny
from keylease.domain.statement import Statement

_READ = (
    "access-analyzer:Get*", "access-analyzer:List*", "acm:Describe*", "acm:List*", "apigateway:GET",
    "autoscaling:Describe*", "backup:Describe*", "backup:List*", "cloudformation:Describe*",
    "cloudformation:List*", "cloudfront:Get*", "cloudfront:List*", "cloudtrail:Describe*", "cloudtrail:Get*",
    "cloudtrail:List*", "cloudtrail:LookupEvents", "cloudwatch:Describe*", "cloudwatch:Get*",
    "cloudwatch:List*", "config:Describe*", "config:Get*", "config:List*", "dynamodb:Describe*",
    "dynamodb:List*", "ec2:Describe*", "ecr:Describe*", "ecr:List*", "ecs:Describe*", "ecs:List*",
    "elasticache:Describe*", "elasticfilesystem:Describe*", "elasticloadbalancing:Describe*",
    "events:Describe*", "events:List*", "iam:Get*", "iam:List*", "kms:Describe*", "kms:List*",
    "lambda:Get*Config*", "lambda:List*", "logs:Describe*", "logs:FilterLogEvents", "logs:Get*",
    "organizations:Describe*", "organizations:List*", "rds:Describe*", "redshift:Describe*", "route53:Get*",
    "route53:List*", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
    "s3:List*", "secretsmanager:DescribeSecret", "secretsmanager:ListSecrets", "sns:Get*", "sns:List*",
    "sqs:GetQueueAttributes", "sqs:ListQueues", "ssm:Describe*", "ssm:List*", "states:Describe*",
    "states:List*", "support:Describe*", "tag:Get*",
)  # fmt: skip
_BILLING = (
    "account:Get*", "billing:Get*", "billing:List*", "bcm-data-exports:Get*", "bcm-data-exports:List*",
    "budgets:Describe*", "budgets:View*", "ce:Describe*", "ce:Get*", "ce:List*", "consolidatedbilling:Get*",
    "consolidatedbilling:List*", "cost-optimization-hub:Get*", "cost-optimization-hub:List*", "cur:Describe*",
    "cur:Get*", "freetier:Get*", "invoicing:Get*", "invoicing:List*", "payments:Get*", "payments:List*",
    "pricing:*", "savingsplans:Describe*", "tax:Get*", "tax:List*",
)  # fmt: skip
_DATABASES = (
    "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "dynamodb:*", "ec2:Describe*",
    "elasticache:*", "kms:Describe*", "kms:List*", "logs:Describe*", "logs:FilterLogEvents", "logs:Get*",
    "pi:*", "rds:*", "redshift:*", "tag:Get*",
)  # fmt: skip
_OUT_OF_REACH = ("account:*", "aws-portal:*", "billing:*", "iam:*", "organizations:*", "payments:*", "sso:*")


def read_only() -> list[Statement]:
    """To look at everything that is commonly there, without secrets and the contents of files."""
    return [_allow(_READ)]


def buckets(
    names: Iterable[str], *, prefix: str = "", write: bool = True, partition: str = "aws"
) -> list[Statement]:
    """To list these buckets and to read, and where `write` to add and delete, files below a prefix.

    Raises `ValueError` without a bucket, and for a bucket or a prefix that is a pattern.
    """
    names = list(names)
    if not names or any(sign in name for name in (*names, prefix) for sign in "*?$"):
        raise ValueError("name each bucket in full, and a prefix without *, ? and $")
    arns = [f"arn:{partition}:s3:::{name}" for name in names]
    files = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"]
    changes = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    listed: dict[str, Any] = {"StringLike": {"s3:prefix": [prefix, f"{prefix}*"]}} if prefix else {}
    uploads = () if prefix else ("s3:ListBucketMultipartUploads",)  # which knows no prefix
    listing = _allow(("s3:ListBucket", "s3:ListBucketVersions", *uploads), arns)
    return [
        _allow(("s3:ListAllMyBuckets",)),
        _allow(("s3:GetBucketLocation",), arns),
        listing | ({"Condition": listed} if listed else {}),
        _allow((*files, *(changes if write else ())), [f"{arn}/{prefix}*" for arn in arns]),
    ]


def billing_reader() -> list[Statement]:
    """To see what the account costs. Root must have let IAM see billing once, or the console stays empty."""
    return [_allow(_BILLING)]


def database_administrator() -> list[Statement]:
    """Databases in full, but for passwords that are kept elsewhere and what commits the company to pay."""
    return [_allow(_DATABASES), deny(("dynamodb:PurchaseReserved*", "elasticache:Purchase*", "rds:Purchase*"))]


def power_user() -> list[Statement]:
    """Everything but identities, the organization, the account itself and its payments."""
    return [{"Effect": "Allow", "NotAction": list(_OUT_OF_REACH), "Resource": "*"}]


def administrator() -> list[Statement]:
    """Everything. Behind a fence IAM's writes are denied all the same; people who set up IAM need no lease."""
    return [_allow(("*",))]


def _allow(actions: Iterable[str], resource: list[str] | str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}
