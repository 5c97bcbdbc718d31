"""All accounts of an organization, entered by a role, on real accounts in ministack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit.in_process import InProcess
from audit.seeded import Making, document
from aws import live
from keylease.aws.audit.organization import ROLE
from keylease.errors import NotAllSeen
from keylease.sandbox import account as sandbox
from keylease.sandbox.ministack import SECRET, Ministack

pytestmark = pytest.mark.live


def test_every_account_is_audited_and_one_that_cannot_be_entered_is_named(
    ministack_server: Ministack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Making(sandbox.root(ministack_server, live.fresh_account()))
    organizations: Any = home.client("organizations")
    open_, shut = (
        organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"][
            "AccountId"
        ]
        for name in ("media", "shut")
    )
    member = Making(sandbox.root(ministack_server, open_))
    trust = {"Effect": "Allow", "Principal": {"AWS": home.account}, "Action": "sts:AssumeRole"}
    member.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document(trust))
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    member.iam.put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=document(everything))
    member.user("bob", owner="")
    home.user("anna")
    line = InProcess(monkeypatch, capsys, tmp_path)
    line.set(
        AWS_ENDPOINT_URL=ministack_server.endpoint,
        AWS_ACCESS_KEY_ID=home.account,
        AWS_SECRET_ACCESS_KEY=SECRET,
    )
    words = ("audit", "--organization", "--check", "user-outside-groups", "--json", "--fail-on", "critical")
    ended = line(*words)
    found = json.loads(ended.out)
    told = {account["account"]: [one["subject"] for one in account["findings"]] for account in found["accounts"]}
    assert told == {home.account: ["anna"], open_: ["bob"]}
    assert [one["account"] for one in found["unreached"]] == [shut]
    assert ended.status == NotAllSeen.exit_status
