"""Fences made ahead in a real ministack: an administrator makes them, and the issuer needs no right to make any."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from administered import ISSUER, Administered, administered, edit
from aws.live import GROUP, LiveCloud, cloud
from cli.command_line import CommandLine
from keylease import fences as made_ahead
from keylease.aws.issuer import AwsIssuer
from keylease.broker import Ask, Broker
from keylease.domain import ahead, iam, until
from keylease.domain.broker_policy import issuer_policy
from keylease.domain.clock import SystemClock, to_text
from keylease.domain.lease import State
from keylease.domain.plan import Rules
from keylease.errors import AwsDenied, AwsQuota, FenceDiffers, FenceMissing
from keylease.ports import Cloud
from keylease.reconciler import Reconciler
from keylease.sandbox.account import enforceable
from keylease.sandbox.ministack import SECRET, Ministack
from keylease.testing import MemoryStore
from world import CATALOGUE, MARA, PRIYA

pytestmark = pytest.mark.live

MAKE = ("fences", "make", "--until", "2w")


@pytest.fixture
def account(ministack_server: Ministack, tmp_path: Path) -> Administered:
    return administered(ministack_server, tmp_path, ahead=True)


def names(live: LiveCloud) -> list[str]:
    listed = live.admin.list_policies(Scope="Local", PathPrefix=iam.FENCE_PATH)["Policies"]
    return sorted(one["PolicyName"] for one in listed)


def wanted(*, share: bool = False) -> list[str]:
    now = SystemClock().now()
    return sorted(one.name for one in ahead.fences(now, now + timedelta(weeks=2), share=share))


def test_a_fence_is_made_for_each_day_and_a_second_run_makes_none(account: Administered) -> None:
    first = account.keylease(*MAKE, "--json")
    assert first.returncode == 0
    end = to_text(ahead.midnight(SystemClock().now() + timedelta(weeks=2)))
    assert json.loads(first.stdout) == [{"account": "media", "made": 14, "there_before": 0, "until": end}]
    assert names(account.live) == wanted()
    again = account.keylease(*MAKE)
    assert (again.returncode, again.stdout) == (0, f"media\t0\t14\t{end}\n")
    further = account.keylease("fences", "make", "--until", "3w", "--json")
    assert [json.loads(further.stdout)[0][key] for key in ("made", "there_before")] == [7, 14]


def test_what_is_made_is_what_a_lease_would_have_made(account: Administered) -> None:
    account.keylease(*MAKE)
    found = account.live.remover.observe().fences
    assert len(found) == 14
    assert all(iam.is_genuine(one.name, one.document) and not one.worn for one in found)


def test_a_permission_set_that_shares_gets_fences_of_its_own(account: Administered) -> None:
    text = account.configuration(ahead=True).replace('group = "', 'share = true\ngroup = "')
    (account.home / "keylease.toml").write_text(text)
    assert account.keylease(*MAKE).returncode == 0
    assert names(account.live) == wanted(share=True)


def test_without_the_setting_nothing_is_made(account: Administered) -> None:
    (account.home / "keylease.toml").write_text(account.configuration())
    refused = account.keylease(*MAKE)
    assert (refused.returncode, names(account.live)) == (48, [])
    assert "fences_ahead" in refused.stderr


def test_a_quota_that_is_too_small_is_seen_before_anything_is_made(account: Administered) -> None:
    refused = account.keylease("fences", "make", "--until", "300w")
    assert (refused.returncode, names(account.live)) == (55, [])
    assert "there is room for 1,498" in refused.stderr


def test_nothing_is_made_beside_a_fence_that_was_edited(account: Administered) -> None:
    now = SystemClock().now()
    end = ahead.midnight(now + timedelta(weeks=2))
    [first, *_] = ahead.fences(now, end, share=False)
    account.make_fence(first)
    edit(account, first)
    with pytest.raises(FenceDiffers, match=first.name):
        made_ahead.look(account.live.root, now, end, share=False)
    assert account.keylease(*MAKE).returncode == 54
    assert names(account.live) == [first.name]


def test_the_broker_s_own_credentials_make_none(account: Administered) -> None:
    refused = account.keylease(*MAKE, **account.as_issuer())
    assert (refused.returncode, names(account.live)) == (39, [])


def test_on_a_terminal_a_bar_shows_how_far_it_is(account: Administered) -> None:
    terminal = CommandLine("http://127.0.0.1:9", account.home)
    environment = {"AWS_ACCESS_KEY_ID": account.live.account.id, "AWS_SECRET_ACCESS_KEY": SECRET}
    ended = terminal.on_terminal(*MAKE, person=None, **environment)
    assert ended.status == 0
    assert "Making fences in media" in ended.out
    assert "THERE BEFORE" in ended.out


def test_doctor_says_how_far_they_reach(account: Administered) -> None:
    def told() -> list[str]:
        rows = json.loads(account.keylease("doctor", "--json").stdout)["rows"]
        return [row["sentence"] for row in rows if row["check"] == "fences-ahead"]

    assert told() == ["There is no fence for the next day, so nobody can collect."]
    account.keylease(*MAKE)
    assert "reach only until" in told()[0]
    account.keylease("fences", "make", "--until", "8w")
    assert told()[0].startswith("Fences ahead reach until")


class Daily:
    """keylease over a real account whose issuer may make no fence."""

    def __init__(self, live: LiveCloud) -> None:
        self.live = live
        self.store = MemoryStore()
        clock = SystemClock()
        document = enforceable(issuer_policy(horizon=clock.now() + timedelta(weeks=8), fences_ahead=True))
        live.admin.put_role_policy(RoleName=ISSUER, PolicyName="keylease", PolicyDocument=json.dumps(document))
        issuer = AwsIssuer(live.issuing, clock, fences_ahead=True)
        clouds = {"main": Cloud(issuer=issuer, remover=live.remover)}
        sets = {name: replace(one, group=GROUP, probe=None) for name, one in CATALOGUE.permission_sets.items()}
        catalogue = replace(CATALOGUE, permission_sets=sets, slots=until.DAYS)
        self.broker = Broker(store=self.store, clouds=clouds, catalogue=catalogue, clock=clock, keep_fences=True)
        rules = Rules(keep_fences_ahead=True)
        self.reconciler = Reconciler(store=self.store, clouds=clouds, clock=clock, rules=rules)

    def approved(self) -> Any:
        ask = Ask(account="main", permission_set="archive", until=timedelta(days=3), reason="Winter masters")
        return self.broker.approve(PRIYA, self.broker.request(MARA, ask).id)

    def make(self) -> None:
        now = SystemClock().now()
        look = made_ahead.look(self.live.root, now, ahead.midnight(now + timedelta(days=5)), share=False)
        assert all(made_ahead.make(self.live.root, look.missing))


@pytest.fixture
def daily(ministack_server: Ministack) -> Daily:
    return Daily(cloud(ministack_server))


def test_an_issuer_that_may_make_no_fence_issues_behind_one_that_is_there(daily: Daily) -> None:
    daily.make()
    lease = daily.approved()
    with pytest.raises(AwsDenied):
        AwsIssuer(daily.live.issuing, SystemClock()).create_fence(iam.fence(lease.expires_at + timedelta(hours=1)))
    collected = daily.broker.collect(MARA, lease.id)
    active = daily.broker.acknowledge(MARA, lease.id, collected.access_key.access_key_id)
    assert collected.ready
    user = daily.live.admin.get_user(UserName=active.user_name)["User"]
    fence = iam.fence(ahead.midnight(lease.expires_at))
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(fence.name)
    assert lease.expires_at == fence.until


def test_the_end_of_a_lease_and_a_pass_leave_the_fences_ahead(daily: Daily) -> None:
    daily.make()
    lease = daily.approved()
    before = names(daily.live)
    collected = daily.broker.collect(MARA, lease.id)
    daily.broker.acknowledge(MARA, lease.id, collected.access_key.access_key_id)
    assert daily.broker.revoke(MARA, lease.id).state is State.CLOSED
    [report] = daily.reconciler.run()
    assert (report.alarms, report.failures, names(daily.live)) == ((), (), before)


def test_where_no_fence_is_there_collecting_says_who_makes_it_and_leaves_nothing(daily: Daily) -> None:
    lease = daily.approved()
    with pytest.raises(FenceMissing) as refusal:
        daily.broker.collect(MARA, lease.id)
    assert "keylease fences make" in refusal.value.hint
    assert daily.store.get(lease.id).state is State.APPROVED
    assert daily.live.admin.list_users(PathPrefix=iam.USER_PATH)["Users"] == []
    daily.make()
    assert daily.broker.collect(MARA, lease.id).ready


def test_a_fence_that_was_edited_serves_nobody(daily: Daily) -> None:
    daily.make()
    lease = daily.approved()
    document = json.dumps(iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
    arn = daily.live.account.fence_arn(iam.fence(lease.expires_at).name)
    daily.live.admin.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    with pytest.raises(FenceDiffers):
        daily.broker.collect(MARA, lease.id)
    assert daily.live.admin.list_users(PathPrefix=iam.USER_PATH)["Users"] == []


def test_a_fence_that_somebody_else_makes_meanwhile_is_no_failure(daily: Daily) -> None:
    now = SystemClock().now()
    end = ahead.midnight(now + timedelta(days=3))
    look = made_ahead.look(daily.live.root, now, end, share=False)
    made = list(made_ahead.make(daily.live.root, look.missing))
    assert (made, list(made_ahead.make(daily.live.root, look.missing))) == ([True] * 3, [False] * 3)


def test_the_quota_counts_what_is_in_use_already(daily: Daily) -> None:
    now = SystemClock().now()
    with pytest.raises(AwsQuota, match="of 1,500 policies 2 are in use: there is room for 1,498"):
        made_ahead.look(daily.live.root, now, now + timedelta(days=1600), share=False)
