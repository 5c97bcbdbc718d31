"""Real clients use a lease's sessions: keylease's own server, real STS of a ministack, each client in each way.

What is shown: they list a bucket in every way in which they take credentials; one that runs for long goes on over
renewals; a lease that is revoked or over is refused by AWS, in the middle of what runs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3 as sdk
import pytest
from botocore.exceptions import ClientError
from laptop import Laptop
from live_company import BUCKET, CLOCK, OBJECT, LiveCompany, live_company
from real_clients import CLIENTS, HERE, PROFILE, aws, boto3, javascript, rclone_running, way

from cli.command_line import CommandLine, Ended
from keylease.domain.clock import from_text, to_text

pytestmark = pytest.mark.live
PAIRS = [(client, face) for client, (_, faces) in CLIENTS.items() for face in faces]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCompany]:
    with live_company(tmp_path_factory.mktemp("company")) as running:
        yield running


@pytest.fixture
def short(company: LiveCompany) -> Iterator[LiveCompany]:
    """Sessions that are said to last six seconds."""
    company.lasts = timedelta(seconds=6)
    yield company
    company.lasts = None


def machine(company: LiveCompany, home: Path, lease: str) -> Laptop:
    """A machine of Mara's."""
    made = Laptop(home=home, keylease=CommandLine(company.address, home), lease=lease)
    made.more = {
        "AWS_ENDPOINT_URL": company.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": os.environ["PATH"],
    }
    return made


@pytest.fixture
def laptop(company: LiveCompany, tmp_path: Path) -> Iterator[Laptop]:
    """Her laptop, where she has run `keylease configure`."""
    made = machine(company, tmp_path, company.lease())
    configured = made.keylease("configure")
    assert configured.status == 0, configured.err
    yield made
    company.revoke(made.lease)


def used(ended: Ended) -> list[str]:
    """The access keys that signed, in their order; each call listed the bucket."""
    assert ended.status == 0, ended.err
    lines = [line.split(" ", 1) for line in ended.out.splitlines()]
    assert all(OBJECT in listed for _, listed in lines)
    return [access_key for access_key, _ in lines]


@pytest.mark.parametrize(("client", "face"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_client_lists_the_bucket(laptop: Laptop, company: LiveCompany, client: str, face: str) -> None:
    use, _ = CLIENTS[client]
    with way(laptop, face) as variables:
        done = use(laptop, variables)
    assert done.status == 0, done.err
    assert OBJECT in done.out
    assert len(company.given(laptop.lease)) == 1, "one session for all that was asked"


def test_credentials_that_nobody_knows_are_refused_or_the_above_shows_nothing(laptop: Laptop) -> None:
    wrong = {"AWS_ACCESS_KEY_ID": "ASIANOBODY", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x"}
    assert aws(laptop, wrong).status != 0


@pytest.mark.parametrize("face", ["cp", "ct"])
@pytest.mark.parametrize("client", [boto3, javascript], ids=["boto3", "javascript"])
def test_one_client_of_an_sdk_goes_on_across_two_renewals(
    short: LiveCompany, laptop: Laptop, face: str, client: type
) -> None:
    with way(laptop, face) as variables:
        keys = used(client(laptop, variables, times=9, seconds=2))
    assert len(set(keys)) >= 3
    assert set(keys) <= set(short.given(laptop.lease)), "each was given by the server, for this lease"


@pytest.mark.parametrize("face", ["cp", "ct"])
def test_one_rclone_goes_on_across_two_renewals(short: LiveCompany, laptop: Laptop, face: str) -> None:
    before = len(short.given(laptop.lease))
    with way(laptop, face) as variables, rclone_running(laptop, variables) as listed:
        for number in range(9):
            if number:
                time.sleep(2)  # noqa: TID251 - real sessions end in real time
            assert OBJECT.rpartition("/")[2] in listed()
    assert len(short.given(laptop.lease)) >= before + 2


def listing(credentials: dict[str, str], endpoint: str) -> str:
    """What AWS says to somebody who lists the bucket with them: `yes`, or its refusal."""
    client = sdk.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    try:
        client.list_objects_v2(Bucket=BUCKET)
    except ClientError as refusal:
        return str(refusal.response["Error"]["Code"])
    return "yes"


def test_revoking_cuts_what_runs_and_nothing_else(company: LiveCompany, laptop: Laptop, tmp_path: Path) -> None:
    mine, theirs = laptop.process(), company.lease()
    home = tmp_path / "another"
    home.mkdir()
    other = machine(company, home, theirs).process()
    running = laptop.start(
        sys.executable, str(HERE / "list_with_boto3.py"), BUCKET, "40", "0.5", AWS_PROFILE=PROFILE
    )
    assert running.stdout is not None
    assert OBJECT in running.stdout.readline()

    ended = company.revoke(laptop.lease)

    assert (ended["state"], ended["ended_at"]) == ("revoking", None), "until the last session is over"
    _, err = running.communicate(timeout=60)
    assert running.returncode != 0
    assert "AccessDenied" in err
    assert listing(json.loads(mine.out), company.endpoint) == "AccessDenied"
    assert listing(json.loads(other.out), company.endpoint) == "yes"
    company.revoke(theirs)
    assert company.refusals() == ["keylease-ended"]
    laptop.age()
    asked = laptop.process()
    assert (asked.status, asked.out) == (44, "")
    assert len(asked.err.splitlines()) == 1


def test_aws_ends_a_session_with_its_lease_to_the_second(company: LiveCompany, tmp_path: Path) -> None:
    ends = CLOCK.now() + timedelta(seconds=20)
    laptop = machine(company, tmp_path, company.lease(until=to_text(ends)))
    given = json.loads(laptop.process().out)
    assert from_text(given["Expiration"]) <= ends, "AWS gives a quarter of an hour, and nobody is told so"
    seen: list[tuple[bool, str]] = []
    while CLOCK.now() < ends + timedelta(seconds=3):
        asked = CLOCK.now()
        seen.append((asked >= ends, listing(given, company.endpoint)))
        time.sleep(0.5)  # noqa: TID251 - AWS's own clock
    assert {said for over, said in seen if not over} == {"yes"}
    assert {said for over, said in seen if over} == {"AccessDenied"}
    over = laptop.process()
    assert (over.status, over.out) == (44, "")
