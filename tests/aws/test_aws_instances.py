"""Instances in a real EC2 of ministack: which are seen, and that one is stopped and not ended."""

from __future__ import annotations

from typing import Any

import pytest

from aws.live import LiveCloud
from keylease.aws.failures import ask
from keylease.aws.instances import AwsInstances
from keylease.errors import AwsDenied

pytestmark = pytest.mark.live
HERE, THERE = "us-east-1", "eu-central-1"


def launch(cloud: LiveCloud, region: str = HERE, **tags: str) -> str:
    ec2 = cloud.root.service("ec2", attempts=1, region=region)
    written = [{"Key": key.replace("__", ":"), "Value": value} for key, value in tags.items()]
    specified: Any = [{"ResourceType": "instance", "Tags": written}] if written else []
    made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=specified)
    return str(made["Instances"][0]["InstanceId"])


def state(cloud: LiveCloud, name: str) -> str:
    found = cloud.root.service("ec2", attempts=1, region=HERE).describe_instances(InstanceIds=[name])
    return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])


def test_what_carries_a_lease_s_tag_is_seen_and_nothing_else(cloud: LiveCloud) -> None:
    launch(cloud)
    launch(cloud, Name="web")
    name = launch(cloud, Name="web", keylease__lease="L-4k7m9q2x", keylease__principal="https://x=230f2c")
    [seen] = AwsInstances(cloud.removing, [HERE]).leased()
    assert (seen.id, seen.region, seen.state, seen.lease_id) == (name, HERE, "running", "L-4k7m9q2x")


def test_one_is_stopped_twice_and_ended_never(cloud: LiveCloud) -> None:
    name = launch(cloud, keylease__lease="L-4k7m9q2x")
    instances = AwsInstances(cloud.removing, [HERE])
    for _ in range(2):
        [seen] = instances.leased()
        instances.stop(seen)
    assert state(cloud, name) in {"stopping", "stopped"}
    ec2 = cloud.removing.service("ec2", attempts=1, region=HERE)
    with pytest.raises(AwsDenied):
        ask(ec2.terminate_instances, InstanceIds=[name])


def test_what_was_ended_is_no_longer_listed(cloud: LiveCloud) -> None:
    name = launch(cloud, keylease__lease="L-4k7m9q2x")
    cloud.root.service("ec2", attempts=1, region=HERE).terminate_instances(InstanceIds=[name])
    assert AwsInstances(cloud.removing, [HERE]).leased() == ()


def test_every_region_that_is_watched_is_asked(cloud: LiveCloud) -> None:
    cloud.calls.clear()
    AwsInstances(cloud.removing, [HERE, THERE]).leased()
    assert cloud.calls.count("ec2.DescribeInstances") == 2
