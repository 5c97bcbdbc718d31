"""`keylease broker-policy`: the two policies as text, for the account and the settings that are meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.command_line import CommandLine
from keylease.domain import iam
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.group_policy import group_policy
from keylease.domain.role_policy import session_role_policy, trust_policy

END = "2027-06-01T00:00Z"
HORIZON = datetime(2027, 6, 1, tzinfo=UTC)
ID = "123456789012"


@pytest.fixture
def operator(tmp_path: Path) -> CommandLine:
    return CommandLine("http://127.0.0.1:9", tmp_path)


def printed(operator: CommandLine, *words: str) -> object:
    ended = operator("broker-policy", "--horizon", END, *words, person=None)
    assert (ended.status, ended.err) == (0, "")
    return json.loads(ended.out)


def test_one_alone_is_what_goes_to_aws(operator: CommandLine) -> None:
    assert printed(operator, "--issuer") == issuer_policy(horizon=HORIZON)
    assert printed(operator, "--remover", "--account", ID) == remover_policy(account=ID)
    assert printed(operator, "--issuer", "--partition", "aws-cn") == issuer_policy(
        horizon=HORIZON, partition="aws-cn"
    )


def test_both_are_a_table_by_what_they_are(operator: CommandLine) -> None:
    both = {"issuer": issuer_policy(horizon=HORIZON), "remover": remover_policy()}
    assert printed(operator) == both
    assert printed(operator, "--issuer", "--remover", "--json") == both


def test_on_a_terminal_it_is_the_same_text(operator: CommandLine) -> None:
    ended = operator.on_terminal("broker-policy", "--issuer", "--horizon", END, person=None)
    assert json.loads(ended.out) == issuer_policy(horizon=HORIZON)


def test_other_tools_get_a_whole_file(operator: CommandLine) -> None:
    terraform = operator("broker-policy", "--format", "terraform", person=None).out
    assert re.findall(r'resource "aws_iam_policy" "(\w+)"', terraform) == ["keylease_issuer", "keylease_remover"]
    template = operator("broker-policy", "--format", "cloudformation", "--remover", person=None).out
    assert template.startswith("AWSTemplateFormatVersion")
    assert "KeyleaseRemover:" in template
    assert "KeyleaseIssuer:" not in template


def test_a_length_ends_on_a_midnight(operator: CommandLine) -> None:
    ended = operator("broker-policy", "--issuer", "--horizon", "26w", person=None)
    [date] = re.findall(r'"aws:CurrentTime": "([^"]+)"', ended.out)
    assert date.endswith("T00:00:00Z")


CONFIGURATION = f"""\
fences_ahead = true

[accounts.media]
id = "{ID}"
partition = "aws-us-gov"
region = "us-gov-west-1"
"""


def test_the_configuration_counts_where_there_is_one(operator: CommandLine) -> None:
    (operator.home / "keylease.toml").write_text(CONFIGURATION)
    ahead = issuer_policy(horizon=HORIZON, partition="aws-us-gov", account=ID, fences_ahead=True)
    assert printed(operator, "--issuer", "--account", "media") == ahead
    assert printed(operator, "--issuer", "--account", ID) == ahead
    everywhere = issuer_policy(horizon=HORIZON, partition="aws-us-gov", fences_ahead=True)
    assert printed(operator, "--issuer") == everywhere


def test_fences_ahead_may_be_asked_for_without_one(operator: CommandLine) -> None:
    assert printed(operator, "--issuer", "--fences-ahead") == issuer_policy(horizon=HORIZON, fences_ahead=True)


READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


@pytest.mark.parametrize(
    ("command", "defend"), [("group-policy", group_policy), ("role-policy", session_role_policy)]
)
def test_what_a_set_gives_is_printed_so_that_it_defends_itself(
    operator: CommandLine, command: str, defend: Callable[..., object]
) -> None:
    (operator.home / "set.json").write_text(json.dumps(iam.policy([READS])))
    for words, share in (((), False), (("--share",), True)):
        ended = operator(command, "set.json", "--horizon", END, *words, person=None)
        assert json.loads(ended.out) == defend([READS], horizon=HORIZON, share=share)
    (operator.home / "set.json").write_text("{")
    assert operator(command, "set.json", person=None).status == 2
    assert operator(command, "nowhere.json", person=None).status == 2


def test_a_session_role_trusts_the_issuer_that_the_configuration_names(operator: CommandLine) -> None:
    issuer = f"arn:aws:iam::{ID}:role/keylease-broker/keylease-issuer"
    own = f'session_external_id = "out-there"\nissuer = {{ role_arn = "{issuer}" }}\n'
    (operator.home / "keylease.toml").write_text(CONFIGURATION + own)
    printed_trust = json.loads(operator("role-trust", "--account", "media", person=None).out)
    assert printed_trust == trust_policy(issuer, external_id="out-there")
    assert operator("role-trust", "--account", "elsewhere", person=None).status == 2


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--format", "yaml"), 2),
        (("--account", "12345"), 2),
        (("--account", "media"), 2),
        (("--horizon", "never"), 20),
        (("--horizon", "2020-01-01T00:00Z"), 22),
    ],
)
def test_what_cannot_be_printed_is_refused(operator: CommandLine, words: tuple[str, ...], status: int) -> None:
    ended = operator("broker-policy", *words, person=None)
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.startswith("error[")
