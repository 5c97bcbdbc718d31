"""What docs/how-to/clients.md says of tools is what the tests try and the commands do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from real_clients import CLIENTS

from keylease import errors
from keylease.agent.files import ONLY_ACCESS_KEYS
from keylease.cli.connect import TOOLS

CLIENTS_PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "clients.md").read_text(encoding="utf-8")
TRIED = {
    "AWS CLI (1.46)": "aws",
    "boto3, botocore (1.44)": "boto3",
    "AWS SDK for JavaScript 3": "javascript",
    "rclone (1.60)": "rclone",
    "s3cmd (2.3)": "s3cmd",
}


@pytest.mark.parametrize("row", TRIED)
def test_what_the_table_of_clients_calls_tried_is_tried_and_in_those_ways(row: str) -> None:
    [ways] = re.findall(rf"^\| {re.escape(row)} \| ([a-z, ]+) \|.*\| tried \|$", CLIENTS_PAGE, re.MULTILINE)
    assert set(ways.split(", ")) == set(CLIENTS[TRIED[row]][1])


def test_nothing_else_is_called_tried_and_every_tool_has_its_line() -> None:
    assert len(re.findall(r"\| tried \|$", CLIENTS_PAGE, re.MULTILINE)) == len(TRIED) == len(CLIENTS)
    for name in ONLY_ACCESS_KEYS.values():
        assert name in CLIENTS_PAGE
    for tool in set(TOOLS) - set(ONLY_ACCESS_KEYS):
        assert f"keylease connect {tool} " in CLIENTS_PAGE


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (errors.SignInNeeded, 4),
        (errors.LeaseOver, 44),
        (errors.ServerUnreachable, 70),
        (errors.WrongMachine, 81),
        (errors.NotYours, 33),
    ],
)
def test_the_exit_statuses_that_a_script_may_go_by_are_those_of_the_page(
    failure: type[errors.KeyleaseError], status: int
) -> None:
    assert failure.exit_status == status
    ranges = re.findall(r"^\| ([\d, to]+) \|", CLIENTS_PAGE, re.MULTILINE)
    told = set()
    for text in ranges:
        for part in text.split(", "):
            first, _, last = part.partition(" to ")
            told |= set(range(int(first), int(last or first) + 1))
    assert status in told
