"""What runs in a region, and the plain text that lies about there: user data, variables, parameters.

All of it is in memory for as long as the audit runs, and nowhere else. User data costs a call for each instance, a
task definition one for each family; everything else comes in lists.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keylease.audit.snapshot import Instance, PlainText
from keylease.aws.audit.reader import Reader

MOST_TEXT = 1_000_000
"""Bytes of one text that are looked at."""
AT_ONCE = 10
"""Parameters that SSM gives at once."""
GONE = ("terminated", "shutting-down")


def instances(reader: Reader, region: str) -> tuple[Instance, ...]:
    """The instances that are there."""
    return tuple(_instance(reader, region, one) for one in _running(reader, region))


def _running(reader: Reader, region: str) -> Iterator[Mapping[str, Any]]:
    for reservation in reader.every("ec2", "describe_instances", "Reservations", region=region):
        for one in reservation["Instances"]:
            if one["State"]["Name"] not in GONE:
                yield one


def _instance(reader: Reader, region: str, found: Mapping[str, Any]) -> Instance:
    metadata = found.get("MetadataOptions", {})
    profile = found.get("IamInstanceProfile", {}).get("Arn", "")
    return Instance(
        id=found["InstanceId"],
        arn=_arn(reader, "ec2", region, f"instance/{found['InstanceId']}"),
        profile=profile.rpartition("/")[2] or None,
        token_required=metadata.get("HttpTokens") == "required",
        endpoint_on=metadata.get("HttpEndpoint", "enabled") != "disabled",
    )


def user_data(reader: Reader, region: str) -> tuple[PlainText, ...]:
    """The user data of instances, and of launch templates in their default and latest versions."""
    return (*_of_instances(reader, region), *_of_templates(reader, region))


def _of_instances(reader: Reader, region: str) -> Iterator[PlainText]:
    for one in _running(reader, region):
        id_ = one["InstanceId"]
        asked = reader.one(
            "ec2", "describe_instance_attribute", region=region, InstanceId=id_, Attribute="userData"
        )
        written = asked.get("UserData", {}).get("Value", "")
        arn = _arn(reader, "ec2", region, f"instance/{id_}")
        yield PlainText(kind="user data of the instance", name=id_, arn=arn, texts={"": _unpacked(written)})


def _of_templates(reader: Reader, region: str) -> Iterator[PlainText]:
    listed = reader.every(
        "ec2",
        "describe_launch_template_versions",
        "LaunchTemplateVersions",
        region=region,
        Versions=["$Default", "$Latest"],
    )
    texts: dict[str, dict[str, str]] = {}
    for one in listed:
        written = one.get("LaunchTemplateData", {}).get("UserData", "")
        texts.setdefault(one["LaunchTemplateId"], {})[f"version {one['VersionNumber']}"] = _unpacked(written)
    for id_, versions in texts.items():
        arn = _arn(reader, "ec2", region, f"launch-template/{id_}")
        yield PlainText(kind="user data of the launch template", name=id_, arn=arn, texts=versions)


def _unpacked(written: str) -> str:
    """What stands in user data: base64, and packed where it is long."""
    try:
        raw = base64.b64decode(written)
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)[:MOST_TEXT].decode("utf-8", "replace")
    except (ValueError, OSError, EOFError):
        return written[:MOST_TEXT]


def functions(reader: Reader, region: str) -> tuple[PlainText, ...]:
    """The variables of Lambda functions."""
    return tuple(
        PlainText(
            kind="environment of the Lambda function",
            name=one["FunctionName"],
            arn=one["FunctionArn"],
            texts=one.get("Environment", {}).get("Variables", {}),
        )
        for one in reader.every("lambda", "list_functions", "Functions", region=region)
    )


def tasks(reader: Reader, region: str) -> tuple[PlainText, ...]:
    """The variables of the containers of each family's latest active task definition."""
    families = reader.every("ecs", "list_task_definition_families", "families", region=region, status="ACTIVE")
    return tuple(_task(reader, region, family) for family in families)


def _task(reader: Reader, region: str, family: str) -> PlainText:
    found = reader.one("ecs", "describe_task_definition", region=region, taskDefinition=family)["taskDefinition"]
    texts = {
        f"{container['name']}: {one['name']}": one.get("value", "")
        for container in found.get("containerDefinitions", [])
        for one in container.get("environment", [])
    }
    return PlainText(kind="task definition", name=family, arn=found["taskDefinitionArn"], texts=texts)


def stacks(reader: Reader, region: str) -> tuple[PlainText, ...]:
    """Parameters and outputs of CloudFormation stacks; a hidden parameter comes as stars."""
    return tuple(_stack(one) for one in reader.every("cloudformation", "describe_stacks", "Stacks", region=region))


def _stack(found: Mapping[str, Any]) -> PlainText:
    given = {
        f"parameter {one['ParameterKey']}": one.get("ParameterValue", "") for one in found.get("Parameters", [])
    }
    shown = {f"output {one['OutputKey']}": one.get("OutputValue", "") for one in found.get("Outputs", [])}
    return PlainText(kind="stack", name=found["StackName"], arn=found["StackId"], texts=given | shown)


def parameters(reader: Reader, region: str) -> tuple[PlainText, ...]:
    """SSM parameters that are plain text."""
    plain = [{"Key": "Type", "Values": ["String", "StringList"]}]
    listed = reader.every("ssm", "describe_parameters", "Parameters", region=region, ParameterFilters=plain)
    names = [one["Name"] for one in listed]
    return tuple(
        PlainText(
            kind="SSM parameter",
            name=one["Name"],
            arn=one.get("ARN") or _arn(reader, "ssm", region, f"parameter/{one['Name'].lstrip('/')}"),
            texts={one["Name"]: one["Value"]},
        )
        for some in _tens(names)
        for one in reader.one("ssm", "get_parameters", region=region, Names=list(some))["Parameters"]
        if one["Type"] != "SecureString"
    )


def _tens(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


def _arn(reader: Reader, service: str, region: str, resource: str) -> str:
    account = reader.clients.account
    return f"arn:{account.partition}:{service}:{region}:{account.id}:{resource}"
