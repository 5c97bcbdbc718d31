"""Doctor against a real ministack: an account in order, then each thing broken for real."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from administered import ISSUER, REMOVER, Administered, administered, edit
from aws.live import GROUP, USER
from doctor_facts import without
from keylease.aws.account import Account
from keylease.doctor import Row, Verdict, examine
from keylease.doctor.gather import gather
from keylease.domain import iam
from keylease.domain.access import Principal
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.clock import Clock, SystemClock
from keylease.domain.group_policy import group_policy
from keylease.domain.lease import Event, Kind, Lease, State
from keylease.ending import act
from keylease.sandbox.ministack import Ministack
from keylease.store import open_ledger
from keylease.testing import FakeClock

pytestmark = pytest.mark.live

READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
ANYBODY = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}


@pytest.fixture
def account(ministack_server: Ministack, tmp_path: Path) -> Administered:
    return administered(ministack_server, tmp_path)


def examined(account: Administered, clock: Clock | None = None, **accounts: Account) -> list[Row]:
    """All rows but the one that nobody can sign in: the account's configuration names no directory."""
    at = accounts or {"media": account.live.account}
    rows = examine(gather(account.settings(), at, "keylease.toml", clock or SystemClock()))
    return [row for row in rows if row.check != "directory"]


def to_fix(account: Administered) -> list[Row]:
    return [row for row in examined(account) if row.verdict is Verdict.FIX]


def test_an_account_in_order_is_well_and_all_of_it_is_looked_at(account: Administered) -> None:
    account.make_user()
    open_ledger(account.settings().store.url).close()
    rows = examined(account)
    assert [row for row in rows if row.verdict is not Verdict.OK] == []
    assert {row.check for row in rows} == {
        "configuration",
        "sign-in",
        "ledger",
        "audit-chain",
        "credentials",
        "identity",
        "clock",
        "permissions",
        "group",
        "role",
        "horizon",
        "user",
        "fence",
        "quotas",
    }


def test_doctor_changes_nothing(account: Administered) -> None:
    account.make_user()
    before = account.admin.get_account_authorization_details()
    examined(account)
    after = account.admin.get_account_authorization_details()
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert before == after
    assert not (account.home / "keylease.db").exists()


def edited_fence(at: Administered) -> None:
    edit(at, at.make_user())


def group_for_anybody(at: Administered) -> None:
    document = json.dumps(iam.policy([{**READS, "Condition": iam.before(at.horizon)}]))
    at.admin.put_group_policy(GroupName=GROUP, PolicyName="keylease", PolicyDocument=document)


def aws_managed(at: Administered) -> None:
    at.admin.attach_group_policy(GroupName=GROUP, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")


def no_boundary(at: Administered) -> None:
    at.admin.create_user(UserName="eve", Path=iam.USER_PATH)


def boundary_taken_off(at: Administered) -> None:
    at.make_user()
    at.admin.delete_user_permissions_boundary(UserName=USER)


def other_boundary(at: Administered) -> None:
    at.make_user()
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    at.admin.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=admin)


def less_for_the_issuer(at: Administered) -> None:
    at.put_role_policy(ISSUER, without(issuer_policy(horizon=at.horizon), "iam:CreateAccessKey"))


def less_for_the_remover(at: Administered) -> None:
    whole = remover_policy()
    fewer = [one for one in whole["Statement"][1]["Action"] if one != "iam:DeleteUser"]
    whole["Statement"][1]["Action"] = fewer
    at.put_role_policy(REMOVER, whole)


def more_for_the_issuer(at: Administered) -> None:
    at.admin.attach_role_policy(RoleName=ISSUER, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def issuer_s_end(at: Administered) -> None:
    at.put_role_policy(ISSUER, issuer_policy(horizon=SystemClock().now() + timedelta(days=2)))


def group_s_end(at: Administered) -> None:
    document = json.dumps(group_policy([READS], horizon=SystemClock().now() - timedelta(days=2)))
    at.admin.put_group_policy(GroupName=GROUP, PolicyName="keylease", PolicyDocument=document)


def no_group(at: Administered) -> None:
    at.admin.detach_group_policy(GroupName=GROUP, PolicyArn=at.group_policy)
    at.admin.delete_group(GroupName=GROUP)


def weak_other_group(at: Administered) -> None:
    at.admin.create_group(GroupName="other", Path=iam.GROUP_PATH)
    document = json.dumps(iam.policy([READS]))
    at.admin.put_group_policy(GroupName="other", PolicyName="all", PolicyDocument=document)


def weak_session_role(at: Administered) -> None:
    trust = json.dumps(iam.policy([ANYBODY]))
    at.admin.create_role(RoleName="weak", Path=iam.SESSION_PATH, AssumeRolePolicyDocument=trust)


def strong_launch_role(at: Administered) -> None:
    trust = json.dumps(iam.policy([ANYBODY]))
    at.admin.create_role(RoleName="starter", Path=iam.LAUNCH_PATH, AssumeRolePolicyDocument=trust)
    document = json.dumps(iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
    at.admin.put_role_policy(RoleName="starter", PolicyName="all", PolicyDocument=document)


BROKEN: list[tuple[Callable[[Administered], None], str, str]] = [
    (edited_fence, "fence", "is not what its name says"),
    (group_for_anybody, "group", "whoever is put into the group"),
    (aws_managed, "group", "ReadOnlyAccess, which AWS manages"),
    (no_boundary, "user", "eve has no permissions boundary"),
    (boundary_taken_off, "user", f"{USER} has no permissions boundary"),
    (other_boundary, "user", "which is no fence"),
    (less_for_the_issuer, "permissions", "The issuer may not iam:CreateAccessKey."),
    (less_for_the_remover, "permissions", "The remover may not iam:DeleteUser."),
    (more_for_the_issuer, "permissions", "The issuer may do more"),
    (issuer_s_end, "horizon", "The horizon of the issuer is near"),
    (group_s_end, "horizon", "allows nothing any more"),
    (no_group, "group", "is not there"),
    (weak_other_group, "group", "The group other, policy all"),
    (weak_session_role, "role", "does not trust"),
    (strong_launch_role, "role", "may use iam:PassRole"),
]


@pytest.mark.parametrize(("broken", "check", "says"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_what_is_broken_in_the_account_is_told(
    account: Administered, broken: Callable[[Administered], None], check: str, says: str
) -> None:
    broken(account)
    rows = to_fix(account)
    assert any(row.check == check and says in row.sentence for row in rows), rows
    assert {row.check for row in rows} == {check}
    assert all(row.remedy for row in rows)


def test_a_boundary_that_is_not_the_lease_s_own_is_told(account: Administered) -> None:
    """The ledger says which fence the user should wear; a genuine one that ends later is none the better."""
    now = SystemClock().now()
    fence, later = account.make_user(), iam.fence(now + timedelta(weeks=8))
    owner = Principal(issuer="dir", subject="mara", name="Mara Lind")
    lease = Lease(
        id="L-4k7m9q2x",
        kind=Kind.ACCESS_KEY,
        state=State.APPROVED,
        principal_id=owner.id,
        principal_name=owner.name,
        account="media",
        permission_set="archive",
        group=GROUP,
        grant="media",
        reason="Winter masters",
        asked=timedelta(hours=12),
        requested_at=now,
        expires_at=fence.until,
    )
    store = open_ledger(account.settings().store.url)
    store.add(lease, act("approved", lease, owner.id, now))
    issuing = lease.after(Event.COLLECT, issued_at=now, user_name=USER, fence=fence.name)
    store.save(issuing, act("collecting", issuing, owner.id, now))
    store.close()
    assert to_fix(account) == []
    arn = account.make_fence(later)
    account.admin.put_user_permissions_boundary(UserName=USER, PermissionsBoundary=arn)
    [row] = to_fix(account)
    assert row.sentence == f"{USER} wears {later.name}, and its lease says {fence.name}."


def test_a_clock_that_is_wrong_is_told(account: Administered) -> None:
    rows = examined(account, FakeClock(SystemClock().now() - timedelta(minutes=3)))
    [row] = [row for row in rows if row.check == "clock"]
    assert row.verdict is Verdict.FIX
    assert "behind AWS's" in row.sentence


def test_where_the_remover_cannot_sign_in_the_issuer_is_asked_as_far_as_it_may(account: Administered) -> None:
    gone = replace(account.live.account.remover, role_arn=f"arn:aws:iam::{account.live.account.id}:role/gone")
    rows = examined(account, media=replace(account.live.account, remover=gone))
    fix = [row.check for row in rows if row.verdict is Verdict.FIX]
    assert fix == ["credentials"]
    well = {row.check for row in rows if row.account and row.verdict is Verdict.OK}
    assert {"credentials", "clock", "permissions", "group", "quotas", "horizon"} <= well
    assert {row.check for row in rows if row.verdict is Verdict.NOT_CHECKED} >= {"role", "user", "fence"}


def test_an_account_that_is_away_is_one_row_and_hides_no_other(account: Administered) -> None:
    sound = account.live.account
    rows = examined(account, away=replace(sound, endpoint_url="http://127.0.0.1:9"), media=sound)
    assert [(row.check, row.verdict) for row in rows if row.account == "away"] == [("account", Verdict.FIX)]
    assert {row.verdict for row in rows if row.account == "media"} == {Verdict.OK}


def test_credentials_of_another_account_are_told(account: Administered) -> None:
    rows = examined(account, media=replace(account.live.account, id="999999999999"))
    assert sum("not in the account 999999999999" in row.sentence for row in rows) == 2
    assert [row.check for row in rows if row.verdict is Verdict.NOT_CHECKED] == ["contents"]


def test_root_and_users_as_the_broker_are_told(account: Administered) -> None:
    at = account.live.account
    root = replace(at.issuer, role_arn=None)
    rows = examined(account, media=replace(at, issuer=root))
    assert any("is the account's root user" in row.sentence for row in rows)
