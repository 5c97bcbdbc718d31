"""Rows about what a lease may launch: a request of RunInstances for each kind of resource, and what comes after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from keylease.domain import iam
from oracle.rows import ACCOUNT, ANNA, EVERYTHING, LAUNCH, LEASE, Policies, Row, Who, _at

ANNA_TAGS = {"aws:PrincipalTag/keylease:lease": LEASE, "aws:PrincipalTag/keylease:principal": "dir=23anna"}
REGION = {"aws:RequestedRegion": "eu-central-1"}
ELSEWHERE = {"aws:RequestedRegion": "us-east-1"}
OTHER = "999999999999"
PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/keylease/launch/worker"
GOOD = {
    **REGION,
    "ec2:InstanceType": "t3.micro",
    "ec2:MetadataHttpTokens": "required",
    "ec2:MetadataHttpPutResponseHopLimit": "2",
    "ec2:InstanceProfile": PROFILE,
    "aws:RequestTag/keylease:lease": LEASE,
    "aws:RequestTag/keylease:principal": "dir=23anna",
}
DISK = {**REGION, "ec2:VolumeSize": "200", "ec2:Encrypted": "true"}
MINE = {"aws:ResourceTag/keylease:principal": "dir=23anna"}
NOW_YES, NOW_NO = {0: True}, {0: False}


def rows_of_launches(policies: Policies) -> Iterator[Row]:
    """All of them; the statements stand alone here, without the dates that a group or a ceiling adds."""
    anna = Who(
        name="Anna, who may launch",
        principal=ANNA,
        uses=("launch",),
        identity=(policies.launch,),
        context=ANNA_TAGS,
    )
    for part in (_instance, _volume, _image, _network, _tags, _own, _roles, _never):
        for action, resource, context, allowed in part():
            yield from _at(anna, action, NOW_YES if allowed else NOW_NO, resource=resource, context=context)
    untagged = Who(name="somebody without tags", principal=ANNA, uses=("launch",), identity=(policies.launch,))
    yield from _at(untagged, "ec2:RunInstances", NOW_NO, resource=_ec2("instance/*"), context=GOOD)
    yield from _at(untagged, "ec2:StopInstances", NOW_NO, resource=_ec2("instance/i-0aaa"), context=MINE)
    everything = replace(anna, name="Anna, who may do all", identity=(policies.launch, iam.policy(EVERYTHING)))
    for action in ("ec2:ModifyInstanceAttribute", "ec2:DeleteTags", "ec2:AssociateIamInstanceProfile"):
        yield from _at(everything, action, NOW_NO, resource=_ec2("instance/i-0aaa"), context=MINE)
    yield from _at(everything, "ec2:StopInstances", NOW_YES, resource=_ec2("instance/i-0aaa"))


Asked = tuple[str, str | None, Mapping[str, Any], bool]


def _ec2(resource: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:ec2:eu-central-1:{account}:{resource}"


def _instance() -> Iterator[Asked]:
    run, instance = "ec2:RunInstances", _ec2("instance/*")
    yield run, instance, GOOD, True
    yield run, _ec2("instance/*", OTHER), GOOD, False
    yield run, instance, {**GOOD, "ec2:InstanceType": "m6i.large"}, True
    for key in ("ec2:InstanceProfile", "ec2:MetadataHttpPutResponseHopLimit"):
        yield run, instance, {name: value for name, value in GOOD.items() if name != key}, True
    for changed in (
        {"ec2:InstanceType": "p5.48xlarge"},
        ELSEWHERE,
        {"ec2:MetadataHttpTokens": "optional"},
        {"ec2:MetadataHttpPutResponseHopLimit": "3"},
        {"ec2:InstanceProfile": f"arn:aws:iam::{ACCOUNT}:instance-profile/admin"},
        {"aws:RequestTag/keylease:lease": "L-other"},
        {"aws:RequestTag/keylease:principal": "dir=23bob"},
    ):
        yield run, instance, {**GOOD, **changed}, False
    for key in ("ec2:MetadataHttpTokens", "aws:RequestTag/keylease:lease", "aws:RequestTag/keylease:principal"):
        yield run, instance, {name: value for name, value in GOOD.items() if name != key}, False


def _volume() -> Iterator[Asked]:
    run, volume = "ec2:RunInstances", _ec2("volume/*")
    yield run, volume, DISK, True
    yield run, _ec2("volume/*", OTHER), DISK, False
    for changed in ({"ec2:VolumeSize": "201"}, {"ec2:Encrypted": "false"}, ELSEWHERE):
        yield run, volume, {**DISK, **changed}, False


def _image() -> Iterator[Asked]:
    run, image = "ec2:RunInstances", "arn:aws:ec2:eu-central-1::image/ami-0aaa"
    for owner, allowed in (("amazon", True), (ACCOUNT, True), (OTHER, False), ("aws-marketplace", False)):
        yield run, image, {**REGION, "ec2:Owner": owner}, allowed
    yield run, image, {**ELSEWHERE, "ec2:Owner": "amazon"}, False
    yield run, image.replace("arn:aws:", "arn:aws-cn:"), {**REGION, "ec2:Owner": "amazon"}, False


def _network() -> Iterator[Asked]:
    run = "ec2:RunInstances"
    for resource in ("subnet/subnet-0aaa", "security-group/sg-0bbb", "network-interface/*", "key-pair/anna"):
        yield run, _ec2(resource), REGION, True
        yield run, _ec2(resource), ELSEWHERE, False
    for resource in ("subnet/subnet-0ccc", "security-group/sg-0ccc", "placement-group/x"):
        yield run, _ec2(resource), REGION, False


def _tags() -> Iterator[Asked]:
    named, launching = {"aws:TagKeys": ["Name", "keylease:lease"]}, {"ec2:CreateAction": "RunInstances"}
    for resource in ("instance/*", "volume/*", "network-interface/*"):
        yield "ec2:CreateTags", _ec2(resource), {**launching, **named}, True
    yield "ec2:CreateTags", _ec2("instance/i-0aaa"), named, False
    yield "ec2:CreateTags", _ec2("instance/*"), {**launching, "aws:TagKeys": ["team"]}, False
    yield "ec2:CreateTags", _ec2("vpc/vpc-0aaa"), {**launching, **named}, False


def _own() -> Iterator[Asked]:
    instance = _ec2("instance/i-0aaa")
    for action in ("ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances", "ec2:TerminateInstances"):
        yield action, instance, MINE, True
        yield action, _ec2("instance/i-0aaa", OTHER), MINE, False
        yield action, instance, {"aws:ResourceTag/keylease:principal": "dir=23bob"}, False
        yield action, instance, {}, False


def _roles() -> Iterator[Asked]:
    to_ec2, to_lambda = (
        {"iam:PassedToService": "ec2.amazonaws.com"},
        {"iam:PassedToService": "lambda.amazonaws.com"},
    )
    yield "iam:PassRole", LAUNCH, to_ec2, True
    yield "iam:PassRole", LAUNCH, to_lambda, False
    yield "iam:PassRole", LAUNCH, {}, False
    yield "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", to_ec2, False


def _never() -> Iterator[Asked]:
    instance = _ec2("instance/i-0aaa")
    for action in (
        "ec2:ModifyInstanceMetadataOptions",
        "ec2:ModifyInstanceAttribute",
        "ec2:AssociateIamInstanceProfile",
        "ec2:DeleteTags",
    ):
        yield action, instance, MINE, False
    yield "ec2:DescribeInstances", None, REGION, True
    yield "ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/x", REGION, True
    yield "s3:GetObject", "arn:aws:s3:::reports/2026.csv", {}, False
