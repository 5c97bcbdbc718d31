"""What only another emulator shows: user data, launch templates, metadata options, an organization's policies."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from audit.seeded import KEY_ID, SECRET, document
from keylease.audit.checks import ALL
from keylease.audit.outcome import needed
from keylease.audit.report import examine
from keylease.aws import audit
from keylease.aws.account import Account, Identity
from keylease.aws.audit import collect
from keylease.aws.audit.reader import Reader
from keylease.aws.clients import Clients
from keylease.domain.clock import SystemClock
from keylease.domain.secret import Secret
from keylease.ports import AccessKey

pytestmark = pytest.mark.live

ACCOUNT, REGION = "123456789012", "eu-west-1"
CHECKS = [check for check in ALL if set(check.parts) <= {"instances", "user_data", "organization"}]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A moto of its own process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-c", "from moto.server import main; main()"]
    process = subprocess.Popen(
        [*command, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield _answering(("127.0.0.1", port))
    finally:
        process.terminate()
        process.wait(10)


def _answering(address: tuple[str, int]) -> str:
    for _ in range(300):
        try:
            with socket.create_connection(address, timeout=2):
                return f"http://{address[0]}:{address[1]}"
        except OSError:
            time.sleep(0.1)  # noqa: TID251 - a real process takes its time to start
    raise AssertionError("moto did not start")


@pytest.fixture(scope="module")
def clients(endpoint: str) -> Clients:
    access_key = AccessKey(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key=Secret("x"))
    account = Account(id=ACCOUNT, region=REGION, endpoint_url=endpoint)
    return Clients(account, Identity(access_key=access_key))


@pytest.fixture(scope="module")
def made(endpoint: str) -> dict[str, str]:
    """Instances and a launch template, with faults and without; an organization without guardrails."""
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)
    ec2: Any = session.client("ec2", endpoint_url=endpoint)
    image = ec2.describe_images()["Images"][0]["ImageId"]

    def run(data: str | bytes, tokens: str) -> str:
        started = ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, UserData=data, MetadataOptions={"HttpTokens": tokens}
        )
        return str(started["Instances"][0]["InstanceId"])

    packed = gzip.compress(f"export AWS_SECRET_ACCESS_KEY={SECRET}".encode())
    ids = {
        "clean": run("#!/bin/sh\necho hello", "required"),
        "plain": run(f"#!/bin/sh\nexport AWS_ACCESS_KEY_ID={KEY_ID}", "optional"),
        "packed": run(packed, "required"),
    }
    written = base64.b64encode(f"AWS_ACCESS_KEY_ID={KEY_ID}".encode()).decode()
    template = ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData={"UserData": written})
    ids["template"] = template["LaunchTemplate"]["LaunchTemplateId"]
    organizations: Any = session.client("organizations", endpoint_url=endpoint, region_name="us-east-1")
    ids["organization"] = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    deny = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
    organizations.create_policy(Name="stay", Description="x", Type="SERVICE_CONTROL_POLICY", Content=document(deny))
    return ids


def test_every_seeded_fault_is_found_and_nothing_else(clients: Clients, made: dict[str, str]) -> None:
    report = examine(collect(clients, SystemClock(), parts=needed(CHECKS), regions=(REGION,)), CHECKS)
    found = {f"{one.check.id} {one.found.subject}" for one in report.findings}
    assert found == {
        f"secret-in-user-data {made['template']}",
        f"metadata-v1 {made['plain']}",
        f"secret-in-user-data {made['plain']}",
        f"secret-in-user-data {made['packed']}",
        f"scp-regions {made['organization']}",
        f"scp-expensive {made['organization']}",
        *(f"instance-without-role {made[name]}" for name in ("clean", "plain", "packed")),
    }
    assert SECRET not in json.dumps(repr(report))


def test_the_regions_that_are_on_are_asked_for_where_none_is_named(clients: Clients) -> None:
    regions = audit._regions(Reader(clients, SystemClock()))
    assert REGION in regions
    assert len(regions) > 10
