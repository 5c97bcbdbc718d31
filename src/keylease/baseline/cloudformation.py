"""The guardrails as a CloudFormation template. Source of names: AWS's resource specification, by cfn-lint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from keylease.baseline.export import Exported, Made, Whole, exported, policy_of, title
from keylease.domain.guardrail import Resource

Part = tuple[str, str, Made]
KEEP = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def cloudformation(resources: Iterable[Resource], *, region: str) -> Exported:
    """One template for one account and region."""
    return exported(resources, _WRITERS, region=region, write=_template)


def _template(parts: list[Part]) -> Made:
    found = {name: {"Type": kind, **whole} for name, kind, whole in parts}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Description": "Guardrails by keylease", "Resources": found}


def _part(one: Resource, kind: str, properties: Made, **more: Any) -> Iterator[Part]:
    yield title(one.kind, one.name), kind, {**more, "Properties": properties}


def _ref(kind: str, name: str) -> Made:
    return {"Ref": title(kind, name)}


def _policy(whole: Whole, one: Resource) -> Iterator[Part]:
    properties: Made = {
        "ManagedPolicyName": one.name,
        "Path": one.properties["path"],
        "PolicyDocument": one.properties["document"],
    }
    for entity, member in (("group", "Groups"), ("role", "Roles")):
        owners = whole.owners(one.name, entity)
        if owners:
            properties[member] = [_ref(entity, name) if whole.find(entity, name) else name for name in owners]
    boundaries = {other.name for other in whole.resources if _boundary(other) == one.name}
    if "Roles" in properties and boundaries:  # the role waits for its boundary, so the role attaches it
        properties["Roles"] = [name for name in properties["Roles"] if name.get("Ref") not in _titles(boundaries)]
        if not properties["Roles"]:
            del properties["Roles"]
    yield from _part(one, "AWS::IAM::ManagedPolicy", properties)


def _titles(roles: set[str]) -> set[str]:
    return {title("role", name) for name in roles}


def _boundary(one: Resource) -> str | None:
    arn = one.properties.get("boundary") if one.kind == "role" else None
    return arn.rpartition("/")[2] if arn else None


def _group(_: Whole, one: Resource) -> Iterator[Part]:
    yield from _part(one, "AWS::IAM::Group", {"GroupName": one.name, "Path": one.properties["path"]})


def _role(whole: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    boundary = _boundary(one)
    foreign = [other.properties["policy"] for other in whole.attached(f"role/{one.name}", own=False)]
    attached = [
        _ref("policy", policy_of(other))
        for other in whole.attached(f"role/{one.name}", own=True)
        if policy_of(other) == boundary
    ]
    properties: Made = {
        "RoleName": one.name,
        "Path": has["path"],
        "AssumeRolePolicyDocument": has["trust"],
        "MaxSessionDuration": has["longest"],
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(has["tags"].items())],
    }
    if has["inline"]:
        policies = [{"PolicyName": name, "PolicyDocument": text} for name, text in sorted(has["inline"].items())]
        properties["Policies"] = policies
    if boundary:
        properties["PermissionsBoundary"] = _ref("policy", boundary)
    if foreign or attached:
        properties["ManagedPolicyArns"] = [*attached, *foreign]
    yield from _part(one, "AWS::IAM::Role", properties)


def _profile(_: Whole, one: Resource) -> Iterator[Part]:
    properties = {
        "InstanceProfileName": one.name,
        "Path": one.properties["path"],
        "Roles": [_ref("role", one.properties["role"])],
    }
    yield from _part(one, "AWS::IAM::InstanceProfile", properties)


def _saml(_: Whole, one: Resource) -> Iterator[Part]:
    properties = {"Name": one.name, "SamlMetadataDocument": one.properties["metadata"]}
    yield from _part(one, "AWS::IAM::SAMLProvider", properties)


def _oidc(_: Whole, one: Resource) -> Iterator[Part]:
    properties = {"Url": f"https://{one.name}", "ClientIdList": one.properties["client_ids"]}
    yield from _part(one, "AWS::IAM::OIDCProvider", properties)


def _scp(_: Whole, one: Resource) -> Iterator[Part]:
    properties = {
        "Name": one.name,
        "Type": "SERVICE_CONTROL_POLICY",
        "Content": one.properties["document"],
        "TargetIds": one.properties["targets"],
    }
    yield from _part(one, "AWS::Organizations::Policy", properties)


def _bucket(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    rule = has["lifecycle"][0]
    properties: Made = {
        "BucketName": one.name,
        "PublicAccessBlockConfiguration": dict(has["public"]),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": has["ownership"]}]},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": has["encryption"]}}
            ]
        },
        "VersioningConfiguration": {"Status": has["versioning"]},
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": rule["ID"],
                    "Status": rule["Status"],
                    "ExpirationInDays": rule["Expiration"]["Days"],
                    "NoncurrentVersionExpiration": rule["NoncurrentVersionExpiration"],
                }
            ]
        },
    }
    if has["lock"]:
        properties["ObjectLockEnabled"] = True
        retention = {"DefaultRetention": dict(has["lock"])}
        properties["ObjectLockConfiguration"] = {"ObjectLockEnabled": "Enabled", "Rule": retention}
    yield from _part(one, "AWS::S3::Bucket", properties, **KEEP)
    policy = {"Bucket": _ref("bucket", one.name), "PolicyDocument": has["policy"]}
    yield title("bucket-policy", one.name), "AWS::S3::BucketPolicy", {**KEEP, "Properties": policy}


def _trail(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    files = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}] if has["file_events"] else []
    properties = {
        "TrailName": one.name,
        "S3BucketName": _ref("bucket", has["bucket"]),
        "IsLogging": has["logging"],
        "IsMultiRegionTrail": has["every_region"],
        "IncludeGlobalServiceEvents": has["every_region"],
        "EnableLogFileValidation": has["validated"],
        "EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": files}],
    }
    waits = title("bucket-policy", has["bucket"])
    yield from _part(one, "AWS::CloudTrail::Trail", properties, DependsOn=waits)


def _service_role(_: Whole, one: Resource) -> Iterator[Part]:
    yield from _part(one, "AWS::IAM::ServiceLinkedRole", {"AWSServiceName": one.name})


def _recorder(_: Whole, one: Resource) -> Iterator[Part]:
    group = {"AllSupported": one.properties["everything"], "IncludeGlobalResourceTypes": one.properties["global"]}
    arn = (
        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/config.amazonaws.com/"
        "AWSServiceRoleForConfig"
    )
    properties = {"Name": "keylease", "RoleARN": {"Fn::Sub": arn}, "RecordingGroup": group}
    waits = title("service-linked-role", "config.amazonaws.com")
    yield from _part(one, "AWS::Config::ConfigurationRecorder", properties, DependsOn=waits)


def _channel(_: Whole, one: Resource) -> Iterator[Part]:
    bucket = one.properties["bucket"]
    properties = {"Name": "keylease", "S3BucketName": _ref("bucket", bucket)}
    waits = title("bucket-policy", bucket)
    yield from _part(one, "AWS::Config::DeliveryChannel", properties, DependsOn=waits)


def _rule(_: Whole, one: Resource) -> Iterator[Part]:
    import json

    told = json.loads(one.properties["with"])
    properties: Made = {
        "ConfigRuleName": one.name,
        "Source": {"Owner": "AWS", "SourceIdentifier": one.properties["identifier"]},
    }
    if told:
        properties["InputParameters"] = told
    waits = title("config-recorder", "recorder")
    yield from _part(one, "AWS::Config::ConfigRule", properties, DependsOn=waits)


def _analyzer(whole: Whole, one: Resource) -> Iterator[Part]:
    if one.name == whole.region:
        properties = {"AnalyzerName": "keylease-external-access", "Type": "ACCOUNT"}
        yield from _part(one, "AWS::AccessAnalyzer::Analyzer", properties)


def _budget(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    told = [{"SubscriptionType": "EMAIL", "Address": address} for address in has["tell"]]
    alarms = [
        {
            "Notification": {
                "NotificationType": kind,
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": percent,
                "ThresholdType": "PERCENTAGE",
            },
            "Subscribers": told,
        }
        for kind, percent in has["alarms"]
    ]
    budget = {
        "BudgetName": one.name,
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": has["usd"], "Unit": "USD"},
    }
    properties = {"Budget": budget, "NotificationsWithSubscribers": alarms}
    yield from _part(one, "AWS::Budgets::Budget", properties)


def _action(_: Whole, one: Resource) -> Iterator[Part]:
    has = one.properties
    told = [{"Type": "EMAIL", "Address": address} for address in has["tell"]]
    properties = {
        "BudgetName": _ref("budget", one.name),
        "NotificationType": "ACTUAL",
        "ActionType": "APPLY_IAM_POLICY",
        "ActionThreshold": {"Type": "PERCENTAGE", "Value": has["percent"]},
        "ApprovalModel": "AUTOMATIC",
        "Definition": {"IamActionDefinition": {"PolicyArn": has["policy"], "Groups": has["groups"]}},
        "ExecutionRoleArn": {"Fn::GetAtt": [title("role", has["role"].rpartition("/")[2]), "Arn"]},
        "Subscribers": told,
    }
    waits = title("policy", has["policy"].rpartition("/")[2])
    yield from _part(one, "AWS::Budgets::BudgetsAction", properties, DependsOn=waits)


def _monitor(_: Whole, one: Resource) -> Iterator[Part]:
    properties = {
        "MonitorName": "keylease-services",
        "MonitorType": "DIMENSIONAL",
        "MonitorDimension": "SERVICE",
    }
    yield from _part(one, "AWS::CE::AnomalyMonitor", properties)


def _alarm(_: Whole, one: Resource) -> Iterator[Part]:
    import json

    above = {
        "Dimensions": {
            "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
            "Values": [str(one.properties["usd"])],
        }
    }
    properties = {
        "SubscriptionName": one.name,
        "MonitorArnList": [_ref("anomaly-monitor", "services")],
        "Subscribers": [{"Type": "EMAIL", "Address": address} for address in one.properties["tell"]],
        "Frequency": "DAILY",
        "ThresholdExpression": json.dumps(above),
    }
    yield from _part(one, "AWS::CE::AnomalySubscription", properties)


_WRITERS: Mapping[str, Callable[[Whole, Resource], Iterator[Part]]] = {
    "policy": _policy,
    "group": _group,
    "role": _role,
    "instance-profile": _profile,
    "saml-provider": _saml,
    "oidc-provider": _oidc,
    "scp": _scp,
    "bucket": _bucket,
    "trail": _trail,
    "service-linked-role": _service_role,
    "config-recorder": _recorder,
    "config-channel": _channel,
    "config-rule": _rule,
    "analyzer": _analyzer,
    "budget": _budget,
    "budget-action": _action,
    "anomaly-monitor": _monitor,
    "anomaly-alarm": _alarm,
}
