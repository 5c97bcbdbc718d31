"""What a lease that may launch EC2 instances may do: the permission set `ec2-launch`, as policy statements.

RunInstances is judged once for each kind of resource, so each has a statement with the condition keys that it
knows; one statement for all of them would deny everything. What they say together:

- only approved types, regions and images (by owner, or by name), and into approved networks;
- IMDSv2 alone, encrypted disks of a limited size;
- tagged at the launch, and only then, with the lease and its owner, as their own tags say; so an instance belongs
  to whoever launched it, under this lease and the next, and only they start, stop or end it;
- with a launch role or none: roles are passed from `/keylease/launch/` alone, and to EC2 alone.

How many instances somebody launches no condition can say; a quota of the account can. An instance goes on after
its lease: docs/how-to/launch.md says what is done about it. The tags are those of leased users and of sessions, so
the statements serve a group as well as a session role. Nothing here calls AWS.

Condition keys: AWS's service authorization reference for EC2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keylease.domain.iam import LAUNCH_PATH, deny
from keylease.domain.session import LEASE_TAG, PRINCIPAL_TAG
from keylease.domain.statement import Statement

MAY_TAG = ("Name", LEASE_TAG, PRINCIPAL_TAG)
"""What may be written on an instance, besides `keylease:` nothing that opens a door elsewhere."""

_LOOK = (
    "ec2:Describe*",
    "ec2:GetConsoleOutput",
    "ec2:GetConsoleScreenshot",
    "iam:ListInstanceProfiles",
    "ssm:GetParameter",
)
_OWN = ("ec2:RebootInstances", "ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances")
_NEVER = (
    "ec2:AssociateIamInstanceProfile",
    "ec2:DeleteTags",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyInstanceMetadataDefaults",
    "ec2:ModifyInstanceMetadataOptions",
    "ec2:ReplaceIamInstanceProfileAssociation",
    "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile",
)
_RUN = "ec2:RunInstances"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What is approved. `image_owners`: `amazon`, `self`, an account id; `images`, where given, are the only ones.

    Raises `ValueError` where nothing could be launched: no types, no regions, or no images.
    """

    account: str
    partition: str = "aws"
    regions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    image_owners: tuple[str, ...] = ("amazon", "self")
    images: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    volume_gib: int = 200


def launch_statements(launch: Launch) -> list[Statement]:
    """The statements, for a group's policy or a session role's. Raises `ValueError` where nothing is approved."""
    if not launch.types or not launch.regions or not (launch.images or launch.image_owners):
        raise ValueError("approve at least one instance type, one region and one owner of images")
    return [
        _allow(_LOOK, "*"),
        _allow(_RUN, _arns(launch, "instance/*"), _instance(launch)),
        _allow(_RUN, _arns(launch, "volume/*"), _volume(launch)),
        _allow(_RUN, *_image(launch)),
        _allow(_RUN, _network(launch), {"StringEquals": _in(launch)}),
        _allow("ec2:CreateTags", _taggable(launch), _at_launch()),
        _allow(_OWN, _arns(launch, "instance/*"), {"StringEquals": _mine("aws:ResourceTag", PRINCIPAL_TAG)}),
        _allow("iam:PassRole", f"arn:{launch.partition}:iam::{launch.account}:role{LAUNCH_PATH}*", _to_ec2(launch)),
        deny(_NEVER),
    ]


def _instance(launch: Launch) -> dict[str, Any]:
    profiles = f"arn:{launch.partition}:iam::{launch.account}:instance-profile{LAUNCH_PATH}*"
    return {
        "StringEquals": {
            **_in(launch),
            **_mine("aws:RequestTag", LEASE_TAG, PRINCIPAL_TAG),
            "ec2:InstanceType": list(launch.types),
            "ec2:MetadataHttpTokens": "required",
        },
        "NumericLessThanEqualsIfExists": {"ec2:MetadataHttpPutResponseHopLimit": "2"},
        "ArnLikeIfExists": {"ec2:InstanceProfile": profiles},
    }


def _volume(launch: Launch) -> dict[str, Any]:
    return {
        "StringEquals": _in(launch),
        "NumericLessThanEquals": {"ec2:VolumeSize": str(launch.volume_gib)},
        "Bool": {"ec2:Encrypted": "true"},
    }


def _image(launch: Launch) -> tuple[list[str], dict[str, Any]]:
    arn = f"arn:{launch.partition}:ec2:*::image/"
    if launch.images:
        return [f"{arn}{image}" for image in launch.images], {"StringEquals": _in(launch)}
    owners = [launch.account if owner == "self" else owner for owner in launch.image_owners]
    return [f"{arn}*"], {"StringEquals": {**_in(launch), "ec2:Owner": owners}}


def _network(launch: Launch) -> list[str]:
    kinds = ("network-interface/*", "key-pair/*", "launch-template/*")
    return _arns(
        launch,
        *(f"subnet/{one}" for one in launch.subnets or ("*",)),
        *(f"security-group/{one}" for one in launch.security_groups or ("*",)),
        *kinds,
    )


def _taggable(launch: Launch) -> list[str]:
    return _arns(launch, "instance/*", "volume/*", "network-interface/*")


def _at_launch() -> dict[str, Any]:
    named = {"aws:TagKeys": list(MAY_TAG)}
    return {"StringEquals": {"ec2:CreateAction": "RunInstances"}, "ForAllValues:StringEquals": named}


def _to_ec2(launch: Launch) -> dict[str, Any]:
    services = ["ec2.amazonaws.com", *(["ec2.amazonaws.com.cn"] if launch.partition == "aws-cn" else [])]
    return {"StringEquals": {"iam:PassedToService": services}}


def _in(launch: Launch) -> dict[str, Any]:
    return {"aws:RequestedRegion": list(launch.regions)}


def _mine(key: str, *tags: str) -> dict[str, str]:
    """The condition that a tag says what the caller's own says."""
    return {f"{key}/{tag}": f"${{aws:PrincipalTag/{tag}}}" for tag in tags}


def _arns(launch: Launch, *resources: str) -> list[str]:
    return [f"arn:{launch.partition}:ec2:*:{launch.account}:{resource}" for resource in resources]


def _allow(
    actions: tuple[str, ...] | str, resource: list[str] | str, condition: Mapping[str, Any] | None = None
) -> Statement:
    action = actions if isinstance(actions, str) else list(actions)
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": dict(condition)} if condition else {})
