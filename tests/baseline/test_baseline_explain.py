"""Why a request is allowed or denied: AWS's own simulator is asked, the statements that speak of it are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aws.faulty_proxy import FaultyProxy, faulty_proxy
from baseline.guarded import ACCOUNT, guarded
from keylease.aws import explaining
from keylease.aws.inspector import NamedPolicy
from keylease.cli import program
from keylease.domain import clock, iam
from keylease.sandbox.ministack import SECRET, Ministack

READ = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "arn:aws:s3:::media/*"}
DENY = {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}
REQUEST = explaining.Request(
    principal_arn="arn:aws:iam::123456789012:user/anna",
    action="s3:GetObject",
    resource="arn:aws:s3:::media/one",
    at=clock.from_text("2026-12-01T00:00:00Z"),
    region="eu-central-1",
)


def test_statements_that_speak_of_a_request_are_told_by_policy_and_number() -> None:
    policies = [
        NamedPolicy(name="other", arn=None, document=iam.policy([{**READ, "Resource": "arn:aws:s3:::logs/*"}])),
        NamedPolicy(name="media", arn=None, document=iam.policy([DENY, READ])),
    ]

    found = list(explaining.speaking(policies, REQUEST, "Allow"))
    denied = list(explaining.speaking(policies, REQUEST, "Deny"))

    assert [(one.policy, one.number) for one in found] == [("media", 2)]
    assert denied == []


@pytest.fixture
def proxy(ministack_server: Ministack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """An account with Anna, who may read and is denied the rest, behind a proxy that says what it was asked."""
    account = guarded(ministack_server.endpoint, tmp_path, "")
    account.admin.create_user(UserName="anna")
    account.admin.create_group(GroupName="readers")
    account.admin.add_user_to_group(UserName="anna", GroupName="readers")
    text = json.dumps(iam.policy([READ]))
    account.admin.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=text)
    denial = json.dumps(iam.policy([DENY]))
    account.admin.put_user_policy(UserName="anna", PolicyName="no-more", PolicyDocument=denial)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account.account.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with faulty_proxy(ministack_server.endpoint) as running:
        configuration = ACCOUNT.format(id=account.account.id, endpoint=running.endpoint)
        (tmp_path / "keylease.toml").write_text(configuration)
        yield running


@pytest.mark.live
@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize(
    ("words", "status", "first", "by"),
    [
        (("s3:GetObject", "arn:aws:s3:::media/one"), 0, "Allowed.", "read, statement 1"),
        (("s3:GetObject", "arn:aws:s3:::logs/one"), 1, "Nothing allows it.", ""),
        (("iam:CreateUser",), 1, "Denied by a statement.", "no-more, statement 1"),
    ],
)
def test_a_person_is_told_yes_or_no_and_by_which_statement(
    words: tuple[str, ...], status: int, first: str, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["baseline", "explain", *words, "--as", "user/anna"]) == status

    said = capsys.readouterr().out
    assert said.splitlines()[0] == first
    assert by in said


@pytest.mark.live
def test_the_simulator_is_told_when_where_and_whether_with_mfa(
    proxy: FaultyProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["baseline", "explain", "s3:GetObject", "--as", "user/anna", "--at", "2027-06-01T00:00Z"]
    program.run([*words, "--region", "us-west-2", "--no-mfa", "--json"])

    said = next(one for one in proxy.said if one.get("Action") == "SimulatePrincipalPolicy")
    told = {
        said[f"ContextEntries.member.{number}.ContextKeyName"]: (
            said[f"ContextEntries.member.{number}.ContextKeyValues.member.1"],
            said[f"ContextEntries.member.{number}.ContextKeyType"],
        )
        for number in range(1, 5)
    }
    assert told["aws:CurrentTime"] == ("2027-06-01T00:00:00Z", "date")
    assert told["aws:RequestedRegion"] == ("us-west-2", "string")
    assert told["aws:MultiFactorAuthPresent"] == ("false", "boolean")
    assert json.loads(capsys.readouterr().out)["decision"] in {"allowed", "implicitDeny", "explicitDeny"}
