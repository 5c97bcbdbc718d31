"""`keylease audit` as people and CI run it, on a real account in ministack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.in_process import InProcess
from audit.seeded import Making
from aws import live
from cli.command_line import Ended
from keylease.errors import BadSuppressions, FindingsBeyondLimit, NotAllSeen
from keylease.sandbox import account as sandbox
from keylease.sandbox.ministack import SECRET, Ministack

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def account(ministack_server: Ministack) -> str:
    making = Making(sandbox.root(ministack_server, live.fresh_account()))
    making.user("bob", owner="")
    making.iam.create_access_key(UserName="bob")
    return making.account


class Auditing:
    def __init__(self, account: str, ministack: Ministack, line: InProcess) -> None:
        self.line = line
        line.set(
            AWS_ENDPOINT_URL=ministack.endpoint,
            AWS_ACCESS_KEY_ID=account,
            AWS_SECRET_ACCESS_KEY=SECRET,
            AWS_REGION="us-east-1",
        )

    def __call__(self, *words: str) -> Ended:
        return self.line("audit", *words)


@pytest.fixture
def audit(
    account: str,
    ministack_server: Ministack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Auditing:
    return Auditing(account, ministack_server, InProcess(monkeypatch, capsys, tmp_path))


def test_it_needs_no_configuration_and_writes_one_finding_a_line(audit: Auditing, account: str) -> None:
    ended = audit("--check", "key-without-owner", "--check", "user-outside-groups")
    assert ended.status == 0, ended.err
    assert [line[:4] for line in ended.rows] == [
        [account, "medium", "key-without-owner", "bob"],
        [account, "low", "user-outside-groups", "bob"],
    ]
    assert "1 medium, 1 low." in ended.err


def test_json_has_evidence_reason_number_and_remedy(audit: Auditing) -> None:
    ended = audit("--check", "policy-on-user", "--check", "key-without-owner", "--json", "--key-ids")
    found = json.loads(ended.out)
    [finding] = found["accounts"][0]["findings"]
    assert finding["subject"] == "bob"
    assert finding["evidence"]["active access keys"] == "1"
    assert finding["why"]
    assert "keylease adopt" in finding["mend"]
    assert found["accounts"][0]["ran"] == ["key-without-owner", "policy-on-user"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--check", "key-without-owner", "--fail-on", "medium"), FindingsBeyondLimit.exit_status),
        (("--check", "service-credential", "--fail-on", "high"), NotAllSeen.exit_status),
        (("--check", "service-credential", "--fail-on", "high", "--allow-gaps"), 0),
        (("--suppressions", "bad.toml"), BadSuppressions.exit_status),
    ],
)
def test_the_exit_status_tells_ci_what_it_asked_for(audit: Auditing, words: tuple[str, ...], status: int) -> None:
    (audit.line.home / "bad.toml").write_text("[[suppress]]\n")
    assert audit(*words).status == status


def test_the_last_run_is_kept_for_its_owner_alone_and_compared_with(audit: Auditing) -> None:
    kept = audit.line.home / "last.json"
    first = audit("--check", "key-without-owner", "--last", "last.json")
    assert "Since" not in first.err
    assert kept.stat().st_mode & 0o077 == 0
    assert "0 new, 0 gone." in audit("--check", "key-without-owner", "--last", "last.json").err
