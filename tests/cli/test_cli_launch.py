"""Launching, from the policy to what is left running: the commands and the server, on a real ministack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.command_line import CommandLine
from keylease.client import Client
from keylease.domain.clock import SystemClock
from keylease.domain.launch_policy import Launch, launch_statements
from keylease.domain.role_policy import horizon_of_role
from keylease.errors import NothingLaunched
from keylease.sandbox import company as sandbox
from keylease.sandbox.account import root
from keylease.sandbox.company import Company
from keylease.sandbox.ministack import REGION, ministack

pytestmark = pytest.mark.live
CLOCK = SystemClock()
LAUNCH = f"""
[launch]
regions = ["{REGION}"]
types = ["t3.micro"]
stop_after = "2s"
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company that launches, its server, and launch roles: one as it should be, one that could do more."""
    home = tmp_path_factory.mktemp("company")
    with ministack(home / "aws.log") as aws:
        made = sandbox.found(home, aws, CLOCK)
        made.configuration.write_text(made.configuration.read_text() + LAUNCH)
        iam = root(aws).iam()
        _role(iam, "worker", "s3:GetObject")
        _role(iam, "too-much", "iam:CreateUser")
        iam.create_instance_profile(InstanceProfileName="worker", Path="/keylease/launch/")
        iam.add_role_to_instance_profile(InstanceProfileName="worker", RoleName="worker")
        with made.server(CLOCK):
            yield made


def _role(iam: Any, name: str, action: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    gives = {"Effect": "Allow", "Action": action, "Resource": "*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, gives)]
    iam.create_role(RoleName=name, Path="/keylease/launch/", AssumeRolePolicyDocument=documents[0])
    iam.put_role_policy(RoleName=name, PolicyName="gives", PolicyDocument=documents[1])


@pytest.fixture
def mara(company: Company, tmp_path: Path) -> CommandLine:
    return CommandLine(company.address, tmp_path)


@pytest.fixture
def ec2(company: Company) -> Any:
    clients = root(_Endpoint(company.endpoint), company.account)  # type: ignore[arg-type] # all that it looks at
    return clients.service("ec2", attempts=1, region=REGION)


class _Endpoint:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


def lease(company: Company) -> str:
    with Client(company.address, person="mara") as mara, Client(company.address, person="priya") as priya:
        asked = mara.request(
            permission_set="media-archive", account="media", until="2w", reason="A farm", kind="session"
        )
        return str(priya.approve(asked["id"])["id"])


def launched(ec2: Any, lease_id: str) -> str:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "keylease:lease", "Value": lease_id}]}]
    made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=tags)
    return str(made["Instances"][0]["InstanceId"])


def state(ec2: Any, instance: str) -> str:
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(found["State"]["Name"])


@pytest.mark.parametrize("of", ["group", "role"])
def test_the_policy_is_printed_with_its_horizon(company: Company, of: str) -> None:
    done = company.run("launch-policy", "--of", of, "--horizon", "26w")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    document = document.get(of, document)
    gives = launch_statements(Launch(account=company.account, regions=(REGION,), types=("t3.micro",)))
    allowed = [one["Action"] for one in document["Statement"] if one["Effect"] == "Allow"]
    assert allowed == [one["Action"] for one in gives if one["Effect"] == "Allow"]
    assert "DateLessThan" in done.stdout or horizon_of_role(document) is not None


@pytest.mark.parametrize(
    ("configured", "words", "said"),
    [
        (LAUNCH, ("--of", "user"), "--of is one of group, role"),
        (LAUNCH, ("--of", "group", "--account", "nope"), "nope"),
        ("", ("--of", "group"), "In [launch], approve at least one instance type"),
    ],
    ids=["of", "account", "nothing-approved"],
)
def test_what_makes_no_policy_is_said(
    company: Company, tmp_path: Path, configured: str, words: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "keylease.toml"
    path.write_text(company.configuration.read_text().replace(LAUNCH, configured))
    done = company.run("--config", str(path), "launch-policy", *words, "--config", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_a_person_is_told_what_their_lease_may_pass(company: Company, mara: CommandLine) -> None:
    wanted = lease(company)
    done = mara("launch-roles", wanted)
    assert done.status == 0, done.err
    arn = f"arn:aws:iam::{company.account}:role/keylease/launch/"
    assert done.rows == [["", f"{arn}too-much"], ["worker", f"{arn}worker"]]
    assert json.loads(mara("launch-roles", wanted, "--json").out)[1] == {
        "arn": f"{arn}worker",
        "instance_profiles": ["worker"],
    }
    assert mara("launch-roles", "L-00000000").status == 40
    assert mara("launch-roles", wanted, person="anna").status == 0, "an administrator sees every lease"
    assert mara("revoke", wanted, "--yes").status == 0


def test_an_operator_is_told_what_is_wrong_with_them(company: Company) -> None:
    done = company.run("launch-roles", "--json")
    assert done.returncode == 0, done.stderr
    found = {one["arn"].rpartition("/")[2]: one for one in json.loads(done.stdout)}
    assert found["worker"]["weaknesses"] == []
    assert found["worker"]["instance_profiles"] == ["worker"]
    assert "IAM" in " ".join(found["too-much"]["weaknesses"])
    assert len(company.run("launch-roles").stdout.splitlines()) == 2


def test_what_a_lease_launched_is_listed_once_it_is_over_and_then_stopped(company: Company, ec2: Any) -> None:
    wanted = lease(company)
    instance = launched(ec2, wanted)
    assert instance not in company.run("instances").stdout
    with Client(company.address, person="mara") as mara:
        mara.revoke(wanted)

    [left] = [one for one in json.loads(company.run("instances", "--json").stdout) if one["instance"] == instance]

    assert (left["lease_id"], left["owner"], left["state"]) == (wanted, "Mara Lind", "running")
    assert left["stops_at"] > left["over_since"]
    assert state(ec2, instance) == "running", "to look stops nothing"
    CLOCK.sleep(3)
    passed = company.run("reconcile", "--once", "--json")
    assert passed.returncode == 0, passed.stderr
    assert instance in passed.stdout
    assert state(ec2, instance) in {"stopping", "stopped"}
    again = json.loads(company.run("instances", "--json").stdout)
    assert instance in [one["instance"] for one in again], "stopped, and listed all the same"
    with Client(company.address, person="anna") as anna:
        assert "instance-stopping" in [one["action"] for one in anna.events(wanted)]


def test_what_is_not_watched_is_said_to_be_so(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "keylease.toml"
    path.write_text(company.configuration.read_text().replace(LAUNCH, ""))
    done = company.run("instances", "--config", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert "names no regions" in done.stderr
    assert NothingLaunched.exit_status == 90
