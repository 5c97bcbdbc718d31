"""A permission set of one's own: each action only on what it can act on; smaller by what was used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from baseline.linter import lint
from keylease.aws import usage
from keylease.baseline.own_set import Asked, written
from keylease.cli import program
from keylease.errors import AwsFailed, BadGuardrail
from keylease.testing import FakeClock

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:jobs"
MEDIA = "arn:aws:s3:::media"


def test_an_action_is_allowed_only_on_what_it_can_act_on() -> None:
    asked = Asked(actions=("sqs:SendMessage", "s3:GetObject", "ec2:DescribeInstances"), on=(QUEUE, f"{MEDIA}/*"))

    given = {one["Action"][0]: one["Resource"] for one in written(asked)["Statement"]}

    assert given == {
        "sqs:SendMessage": [QUEUE],
        "s3:GetObject": [f"{MEDIA}/*"],
        "ec2:DescribeInstances": "*",
    }


def test_a_level_of_access_is_all_that_reads_or_lists_that_one_thing() -> None:
    document = written(Asked(read=(f"{MEDIA}/*",), list=(MEDIA,)))

    given = {action: one["Resource"] for one in document["Statement"] for action in one["Action"]}
    assert given["s3:GetObject"] == [f"{MEDIA}/*"]
    assert given["s3:ListBucket"] == [MEDIA]
    assert not any(action.startswith(("s3:Put", "s3:Delete")) for action in given)


def test_what_is_written_has_no_finding() -> None:
    assert lint([written(Asked(actions=("sqs:SendMessage", "s3:GetObject"), on=(QUEUE, f"{MEDIA}/*")))]) == [[]]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked(), "at least one"),
        (Asked(actions=("sqs:SendMessage",), on=(MEDIA,)), "None of the ARNs"),
        (Asked(actions=("sqs:SendMesage",), on=(QUEUE,)), "knows no action"),
        (Asked(actions=("sqs:SendMessage",), on=("jobs",)), "no ARN"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(asked: Asked, why: str) -> None:
    with pytest.raises(BadGuardrail, match=why):
        written(asked)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_command_prints_a_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["baseline", "write-set", "--action", "sqs:SendMessage", "--on", QUEUE]) == 0

    assert json.loads(capsys.readouterr().out)["Statement"][0]["Resource"] == [QUEUE]


class Iam:
    """IAM's last-accessed report: `answers` one after the other."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)

    def iam(self) -> Iam:
        return self

    def generate_service_last_accessed_details(self, **_: str) -> dict[str, str]:
        return {"JobId": "one"}

    def get_service_last_accessed_details(self, **_: str) -> dict[str, Any]:
        return self.answers.pop(0)


NOW = datetime(2026, 12, 1, tzinfo=UTC)


def used(service: str, days: int | None) -> dict[str, Any]:
    last = {} if days is None else {"LastAuthenticated": NOW - timedelta(days=days)}
    return {"ServiceNamespace": service, **last}


def report(*services: dict[str, Any], status: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    return {"JobStatus": status, "ServicesLastAccessed": list(services), **more}


def services_used(*answers: dict[str, Any]) -> frozenset[str]:
    clients: Any = Iam(*answers)
    return usage.services_used(clients, "arn", within=timedelta(days=90), clock=FakeClock(NOW))


def test_a_service_counts_where_it_was_used_within_the_time_on_any_page() -> None:
    waiting = report(status="IN_PROGRESS")
    first = report(used("s3", 3), used("ec2", 100), used("sqs", None), IsTruncated=True, Marker="2")

    assert services_used(waiting, first, report(used("rds", 89))) == {"s3", "rds"}


def test_a_report_that_fails_is_said() -> None:
    with pytest.raises(AwsFailed):
        services_used(report(status="FAILED"))


def test_a_file_that_is_no_policy_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert program.run(["baseline", "narrow", "nothing.json", "--used-by", "anna"]) != 0
    assert "error" in capsys.readouterr().err
