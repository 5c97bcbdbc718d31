"""Instances that leases have started, as the remover sees and stops them. Nothing here terminates one.

They are known by their tag. EC2 is regional, so each watched region is asked by itself, every page of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keylease.aws import tags
from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.aws.leftovers import every
from keylease.aws.session import ATTEMPTS
from keylease.domain.iam import LAUNCH_PATH
from keylease.domain.session import LEASE_TAG
from keylease.ports import Instance, LaunchRole

THERE = ("pending", "running", "stopping", "stopped", "shutting-down")
"""EC2's states but for `terminated`."""


class AwsInstances:
    """The instances of one account in some regions; an `Instances`."""

    def __init__(self, clients: Clients, regions: Sequence[str]) -> None:
        self._clients = clients
        self._regions = tuple(regions)

    def leased(self) -> Sequence[Instance]:
        """All that carry a lease's tag and were not terminated."""
        return tuple(one for region in self._regions for one in self._in(region))

    def stop(self, instance: Instance) -> None:
        """Stop one. EC2 takes it as done where it is stopped already."""
        ask(self._ec2(instance.region).stop_instances, InstanceIds=[instance.id])

    def launch_roles(self) -> Sequence[LaunchRole]:
        """The roles under `/keylease/launch/`; IAM is asked once, and once for each of them."""
        found = every(self._clients.iam(), "list_roles", "Roles", PathPrefix=LAUNCH_PATH)
        roles = sorted((role["Arn"], role["RoleName"]) for role in found)
        return tuple(LaunchRole(arn=arn, instance_profiles=self._profiles(name)) for arn, name in roles)

    def _profiles(self, role: str) -> tuple[str, ...]:
        found = every(self._clients.iam(), "list_instance_profiles_for_role", "InstanceProfiles", RoleName=role)
        return tuple(sorted(profile["InstanceProfileName"] for profile in found))

    def _in(self, region: str) -> Iterator[Instance]:
        filters: list[Any] = [
            {"Name": "tag-key", "Values": [LEASE_TAG]},
            {"Name": "instance-state-name", "Values": list(THERE)},
        ]
        pages = self._ec2(region).get_paginator("describe_instances").paginate(Filters=filters)
        found: Mapping[str, Any] = ask(pages.build_full_result)
        for reservation in found.get("Reservations", []):
            yield from (_instance(one, region) for one in reservation["Instances"])

    def _ec2(self, region: str) -> Any:
        return self._clients.service("ec2", attempts=ATTEMPTS, region=region)


def _instance(found: Mapping[str, Any], region: str) -> Instance:
    written = {tag["Key"]: tags.decode(tag["Value"]) for tag in found.get("Tags", [])}
    return Instance(
        id=found["InstanceId"], region=region, state=found["State"]["Name"], lease_id=written.get(LEASE_TAG, "")
    )
