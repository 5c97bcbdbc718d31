"""What protects the record of what was done: the bucket of the trail and Config, as values.

Its policy lets the two services write, each only for this account and this trail, refuses whatever comes without
TLS, and refuses to everybody the ways to undo it: to delete versions, to shorten what is kept, to change this very
policy. Whoever must change that policy one day is the account's root user, or a root session of the management
account; the baseline changes it as an administrator named in `spares`.

Nothing here calls AWS. Source of the services' statements: CloudTrail user guide, "Amazon S3 bucket policy for
CloudTrail"; Config developer guide, "Permissions for the Amazon S3 bucket".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keylease.domain.iam import policy

CLOSED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_UNDOING = ("s3:BypassGovernanceRetention", "s3:DeleteObjectVersion")
RULES: Mapping[str, tuple[str, str]] = {
    "keylease-access-keys-rotated": ("ACCESS_KEYS_ROTATED", '{"maxAccessKeyAge":"90"}'),
    "keylease-analyzer-enabled": ("IAM_EXTERNAL_ACCESS_ANALYZER_ENABLED", "{}"),
    "keylease-console-mfa": ("MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS", "{}"),
    "keylease-password-policy": ("IAM_PASSWORD_POLICY", '{"MinimumPasswordLength":"14"}'),
    "keylease-root-access-key": ("IAM_ROOT_ACCESS_KEY_CHECK", "{}"),
    "keylease-root-mfa": ("ROOT_ACCOUNT_MFA_ENABLED", "{}"),
    "keylease-trail-enabled": ("MULTI_REGION_CLOUD_TRAIL_ENABLED", "{}"),
    "keylease-trail-validated": ("CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED", "{}"),
    "keylease-unused-credentials": ("IAM_USER_UNUSED_CREDENTIALS_CHECK", '{"maxCredentialUsageAge":"90"}'),
    "keylease-user-policies": ("IAM_USER_NO_POLICIES_CHECK", "{}"),
}
"""AWS's own rules that ask what this baseline is about: by name, with what each is told."""


def bucket_policy(bucket: str, *, account: str, trail: str, partition: str = "aws") -> dict[str, Any]:
    """The policy of the bucket. `trail`: the ARN of the one trail that may write."""
    arn = f"arn:{partition}:s3:::{bucket}"
    of_trail = {"aws:SourceArn": trail}
    of_account = {"aws:SourceAccount": account}
    owned = {"s3:x-amz-acl": "bucket-owner-full-control"}
    logs = f"{arn}/AWSLogs/{account}"
    return policy(
        [
            _service("TrailLooks", "cloudtrail", "s3:GetBucketAcl", arn, of_trail),
            _service("TrailWrites", "cloudtrail", "s3:PutObject", f"{logs}/*", {**owned, **of_trail}),
            _service("ConfigLooks", "config", ["s3:GetBucketAcl", "s3:ListBucket"], arn, of_account),
            _service("ConfigWrites", "config", "s3:PutObject", f"{logs}/Config/*", {**owned, **of_account}),
            _everybody("OnlyTls", "s3:*", [arn, f"{arn}/*"], {"Bool": {"aws:SecureTransport": "false"}}),
            _everybody("KeepFiles", list(_UNDOING), [f"{arn}/*"], None),
        ]
    )


def lifecycle(keep_days: int) -> list[dict[str, Any]]:
    """What is kept goes after so many days, and what it replaced a month later."""
    return [
        {
            "ID": "keylease",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": keep_days},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        }
    ]


def _service(
    sid: str, service: str, action: list[str] | str, resource: str, condition: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"StringEquals": dict(condition)},
    }


def _everybody(
    sid: str, action: Sequence[str] | str, resource: list[str], condition: Mapping[str, Any] | None
) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    return statement | ({"Condition": dict(condition)} if condition else {})
