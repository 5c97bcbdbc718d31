"""A real account in ministack with known faults, and one without, as an administrator's calls make them.

ministack writes a credential report of its own that knows nothing of root, last use or age; so a test says what the
report is, and a proxy gives that in AWS's place.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from aws.faulty_proxy import FaultyProxy, Said
from keylease.aws.clients import Clients

COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)
XML = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
KEY_ID, SECRET = "AKIAQ3EGRIQ7SHXFTZ5K", "hL9+vQ2xR7tY4uW1pK8sD3fG6jN0bM5cVzXaEqTo"


def report(rows: Iterable[Mapping[str, str]]) -> Said:
    """The answer to GetCredentialReport with these rows."""
    lines = [",".join(COLUMNS), *(",".join(row.get(name, "N/A") for name in COLUMNS) for row in rows)]
    content = base64.b64encode("\n".join(lines).encode()).decode()
    return Said(
        f"<GetCredentialReportResponse {XML}><GetCredentialReportResult><Content>{content}</Content>"
        "<ReportFormat>text/csv</ReportFormat></GetCredentialReportResult></GetCredentialReportResponse>"
    )


def row(name: str, account: str, **fields: str) -> dict[str, str]:
    arn = f"arn:aws:iam::{account}:{'root' if name == '<root_account>' else f'user/{name}'}"
    settled = {"user": name, "arn": arn, "password_enabled": "false", "mfa_active": "false"}
    off = {f"{what}_active": "false" for what in ("access_key_1", "access_key_2", "cert_1", "cert_2")}
    return settled | off | fields


def key(slot: int, made: str, used: str = "N/A") -> dict[str, str]:
    named = {"active": "true", "last_rotated": made, "last_used_date": used}
    return {f"access_key_{slot}_{name}": value for name, value in named.items()}


def says(proxy: FaultyProxy, rows: Iterable[Mapping[str, str]], *, times: int = 1) -> None:
    """The proxy answers what ministack does not know."""
    nothing = (
        f"<ListServiceSpecificCredentialsResponse {XML}><ListServiceSpecificCredentialsResult>"
        "<ServiceSpecificCredentials/><IsTruncated>false</IsTruncated></ListServiceSpecificCredentialsResult>"
        "</ListServiceSpecificCredentialsResponse>"
    )
    features = (
        f"<ListOrganizationsFeaturesResponse {XML}><ListOrganizationsFeaturesResult><EnabledFeatures>"
        "<member>RootCredentialsManagement</member></EnabledFeatures></ListOrganizationsFeaturesResult>"
        "</ListOrganizationsFeaturesResponse>"
    )
    for _ in range(times):
        proxy.plan("GetCredentialReport", report(rows))
        proxy.plan("ListServiceSpecificCredentials", Said(nothing))
        proxy.plan("ListOrganizationsFeatures", Said(features))


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


class Making:
    """Makes things in an account as its root user."""

    def __init__(self, root: Clients) -> None:
        self._root = root
        self.account = root.account.id
        self.iam: Any = root.iam()

    def client(self, service: str) -> Any:
        return self._root.service(service, attempts=3)

    def user(self, name: str, *groups: str, owner: str = "priya@example.com") -> None:
        self.iam.create_user(UserName=name, Tags=[{"Key": "owner", "Value": owner}] if owner else [])
        for group in groups:
            self.iam.add_user_to_group(GroupName=group, UserName=name)

    def group(self, name: str, *statements: Mapping[str, Any]) -> None:
        self.iam.create_group(GroupName=name)
        self.iam.put_group_policy(GroupName=name, PolicyName="own", PolicyDocument=document(*statements))

    def role(self, name: str, principal: object, *statements: Mapping[str, Any]) -> None:
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))

    def trail(self, *, validated: bool, protected: bool) -> None:
        s3, bucket = self.client("s3"), f"trail-{self.account}"
        s3.create_bucket(Bucket=bucket)
        block = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(block, protected))
        anybody = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        if not protected:
            s3.put_bucket_policy(Bucket=bucket, Policy=document(anybody))
        if protected:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        trails = self.client("cloudtrail")
        trails.create_trail(
            Name="all", S3BucketName=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=validated
        )
        trails.start_logging(Name="all")

    def recorder(self) -> None:
        config = self.client("config")
        role = f"arn:aws:iam::{self.account}:role/config"
        config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role})
        config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": f"trail-{self.account}"})
        config.start_configuration_recorder(ConfigurationRecorderName="default")

    def budget(self) -> None:
        self.client("budgets").create_budget(
            AccountId=self.account,
            Budget={
                "BudgetName": "month",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": "100", "Unit": "USD"},
            },
        )

    def scps(self) -> None:
        denies = [
            {"Effect": "Deny", "Action": "savingsplans:*", "Resource": "*"},
            {
                "Effect": "Deny",
                "NotAction": "iam:*",
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}},
            },
        ]
        self.client("organizations").create_policy(
            Name="guardrails", Description="", Type="SERVICE_CONTROL_POLICY", Content=document(*denies)
        )

    def function(self, **variables: str) -> None:
        self.role("thumb", {"Service": "lambda.amazonaws.com"})
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("index.py", "def run(event, context): pass")
        self.client("lambda").create_function(
            FunctionName="thumb",
            Runtime="python3.12",
            Role=f"arn:aws:iam::{self.account}:role/thumb",
            Handler="index.run",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": variables},
        )

    def task(self, **variables: str) -> None:
        environment = [{"name": name, "value": value} for name, value in variables.items()]
        self.client("ecs").register_task_definition(
            family="web", containerDefinitions=[{"name": "app", "image": "x", "environment": environment}]
        )

    def parameter(self, name: str, value: str, kind: str = "String") -> None:
        self.client("ssm").put_parameter(Name=name, Value=value, Type=kind)

    def stack(self, value: str) -> None:
        template = {
            "Parameters": {"Key": {"Type": "String"}, "Hidden": {"Type": "String", "NoEcho": True}},
            "Resources": {"T": {"Type": "AWS::SNS::Topic"}},
        }
        given = [{"ParameterKey": name, "ParameterValue": value} for name in ("Key", "Hidden")]
        self.client("cloudformation").create_stack(
            StackName="site", TemplateBody=json.dumps(template), Parameters=given
        )
