"""What every account must do for keylease: one suite, on the fake and on ministack with the broker's own roles."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError

from aws import live
from keylease.domain import iam
from keylease.domain.clock import Clock, SystemClock
from keylease.domain.ended_policy import ended_policy
from keylease.domain.lease import Kind, Lease, State
from keylease.domain.session import SessionTerms, terms
from keylease.errors import AwsDenied, AwsFailed, FenceDiffers, GroupMissing, RoleMissing
from keylease.ports import AccessKey, Credentials, Issuer, Remover
from keylease.sandbox.account import ROLE
from keylease.sandbox.ministack import REGION, Ministack
from keylease.testing import FakeClock, FakeCloud

NAME = "mara-lind-4k7m9q2x"
TAGS = {"keylease:lease": "L-4k7m9q2x", "keylease:purpose": "Winter masters, “VID-311” (ü)"}


class Account(Protocol):
    """What the suite needs of an account beside the two ports."""

    issuer: Issuer
    remover: Remover
    clock: Clock
    group: str
    role: str

    def serves(self, credentials: Credentials) -> bool: ...
    def accepts(self, access_key: AccessKey) -> bool: ...
    def edit(self, fence: iam.Fence) -> None: ...


class Fake:
    group = "archive"
    role = "media"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cloud = FakeCloud(self.clock, roles=[self.role], groups=[self.group])
        self.issuer: Issuer = self.cloud
        self.remover: Remover = self.cloud

    def accepts(self, access_key: AccessKey) -> bool:
        return self.cloud.accepts(access_key.access_key_id)

    def serves(self, credentials: Credentials) -> bool:
        return self.cloud.accepts(credentials.access_key_id)

    def edit(self, fence: iam.Fence) -> None:
        self.cloud.fences[fence.name] = json.dumps({"Statement": []})


class Real:
    group = live.GROUP
    role = ROLE

    def __init__(self, server: Ministack) -> None:
        self.clock = SystemClock()
        self.live = live.cloud(server)
        self.issuer: Issuer = self.live.issuer
        self.remover: Remover = self.live.remover

    def accepts(self, access_key: AccessKey) -> bool:
        s3: Any = self.live.root.with_access_key(access_key, "s3")
        try:
            s3.list_objects_v2(Bucket=self.live.bucket)
        except ClientError:
            return False
        return True

    def serves(self, credentials: Credentials) -> bool:
        s3 = boto3.client(
            "s3",
            endpoint_url=self.live.account.endpoint_url,
            region_name=REGION,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key.reveal(),
            aws_session_token=credentials.session_token.reveal(),
        )
        try:
            s3.list_objects_v2(Bucket=self.live.bucket)
        except ClientError:
            return False
        return True

    def edit(self, fence: iam.Fence) -> None:
        document = iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
        arn = f"arn:aws:iam::{self.live.account.id}:policy{iam.FENCE_PATH}{fence.name}"
        self.live.admin.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)


@pytest.fixture(params=["fake", pytest.param("ministack", marks=pytest.mark.live)])
def account(request: pytest.FixtureRequest) -> Account:
    return Fake() if request.param == "fake" else Real(request.getfixturevalue("ministack_server"))


def a_fence(account: Account, length: timedelta = timedelta(hours=1)) -> iam.Fence:
    return iam.fence(account.clock.now() + length)


def issued(account: Account, fence: iam.Fence | None = None, name: str = NAME) -> AccessKey:
    fence = fence or a_fence(account)
    account.issuer.create_fence(fence)
    assert account.issuer.create_user(name, fence, TAGS)
    account.issuer.join_group(name, account.group)
    return account.issuer.create_access_key(name)


def test_an_issued_access_key_works_and_is_refused_from_its_instant_on(account: Account) -> None:
    fence = a_fence(account, timedelta(seconds=5))
    access_key = issued(account, fence)
    assert account.issuer.confirm(access_key, None)
    assert account.accepts(access_key)
    while account.clock.now() < fence.until:
        account.clock.sleep(0.2)
    assert not account.accepts(access_key)


def test_a_fence_is_made_once_and_asked_for_often(account: Account) -> None:
    fence = a_fence(account)
    for _ in range(2):
        account.issuer.create_fence(fence)
    [seen] = account.remover.observe().fences
    assert seen.name == fence.name
    assert iam.is_genuine(seen.name, seen.document)
    assert not seen.worn


def test_an_edited_fence_is_neither_taken_nor_mended(account: Account) -> None:
    fence = a_fence(account)
    account.issuer.create_fence(fence)
    account.edit(fence)
    with pytest.raises(FenceDiffers):
        account.issuer.create_fence(fence)
    [seen] = account.remover.observe().fences
    assert not iam.is_genuine(seen.name, seen.document)


def test_a_user_is_not_born_without_its_fence(account: Account) -> None:
    assert not account.issuer.create_user(NAME, a_fence(account), TAGS)
    assert account.remover.observe().users == ()


def test_a_user_is_seen_as_it_was_made(account: Account) -> None:
    fence = a_fence(account)
    access_key = issued(account, fence)
    assert account.issuer.create_user(NAME, fence, TAGS), "once more after a lost answer"
    [user] = account.remover.observe().users
    assert user.name == NAME
    assert (user.boundary or "").endswith(f":policy{iam.FENCE_PATH}{fence.name}")
    assert user.groups == {account.group}
    assert dict(user.tags) == TAGS
    assert user.access_key_ids == {access_key.access_key_id}
    [seen] = account.remover.observe().fences
    assert seen.worn


def test_a_user_of_that_name_behind_another_fence_is_not_taken_for_ours(account: Account) -> None:
    issued(account)
    other = a_fence(account, timedelta(hours=2))
    account.issuer.create_fence(other)
    with pytest.raises(AwsFailed):
        account.issuer.create_user(NAME, other, TAGS)


def test_a_group_that_is_not_there_is_said_so(account: Account) -> None:
    fence = a_fence(account)
    account.issuer.create_fence(fence)
    account.issuer.create_user(NAME, fence, TAGS)
    with pytest.raises(GroupMissing):
        account.issuer.join_group(NAME, "nowhere")
    with pytest.raises(GroupMissing):
        account.issuer.group_facts("nowhere")


def test_removing_a_user_ends_its_key_and_leaves_nothing(account: Account) -> None:
    access_key = issued(account)
    removed = account.remover.remove_user(NAME, group=account.group, access_key_id=access_key.access_key_id)
    assert removed
    assert not account.accepts(access_key)
    assert account.remover.observe().users == ()
    assert not account.remover.remove_user(NAME, group=account.group, access_key_id=access_key.access_key_id)


def test_removing_a_user_takes_what_nobody_named(account: Account) -> None:
    first, second = issued(account), account.issuer.create_access_key(NAME)
    assert account.remover.remove_user(NAME)
    assert not account.accepts(first)
    assert not account.accepts(second)
    assert account.remover.observe().users == ()


def test_one_access_key_is_deleted_and_the_other_goes_on(account: Account) -> None:
    first, second = issued(account), account.issuer.create_access_key(NAME)
    for _ in range(2):
        account.remover.delete_access_key(NAME, first.access_key_id)
    assert not account.accepts(first)
    assert account.accepts(second)


def test_a_fence_goes_when_nobody_wears_it(account: Account) -> None:
    fence = a_fence(account)
    issued(account, fence)
    assert not account.remover.delete_fence(fence.name)
    account.remover.remove_user(NAME)
    assert account.remover.delete_fence(fence.name)
    assert account.remover.delete_fence(fence.name), "gone already is no error"
    assert account.remover.observe().fences == ()


def test_a_key_outside_the_group_may_nothing(account: Account) -> None:
    fence = a_fence(account)
    account.issuer.create_fence(fence)
    account.issuer.create_user(NAME, fence, TAGS)
    assert not account.accepts(account.issuer.create_access_key(NAME))


def test_a_user_leaves_one_group_and_keeps_its_key(account: Account) -> None:
    access_key = issued(account)
    for _ in range(2):
        account.remover.leave_group(NAME, account.group)
    [user] = account.remover.observe().users
    assert user.groups == frozenset()
    assert user.access_key_ids == {access_key.access_key_id}
    assert not account.accepts(access_key)


def a_lease(account: Account, lease_id: str = "L-4k7m9q2x", length: timedelta = timedelta(hours=1)) -> Lease:
    now = account.clock.now()
    return Lease(
        id=lease_id,
        kind=Kind.SESSION,
        state=State.ACTIVE,
        principal_id="https://login.example/t#0f2c",
        principal_name="Mara Lind (ü)",
        account="main",
        permission_set="uploads",
        group="",
        role=account.role,
        grant="media",
        reason="Winter masters",
        asked=length,
        requested_at=now,
        expires_at=now + length,
    )


def terms_of(account: Account, lease: Lease) -> SessionTerms:
    return terms(lease, longest=timedelta(hours=1), wanted=None, now=account.clock.now())


def test_a_session_works_and_is_as_long_as_its_terms(account: Account) -> None:
    given = account.issuer.assume(terms_of(account, a_lease(account)))
    assert account.serves(given)
    off = given.expiration - account.clock.now() - timedelta(hours=1)
    assert abs(off) <= timedelta(seconds=2)


def test_a_session_of_a_quarter_of_an_hour_ends_at_its_lease_to_the_second(account: Account) -> None:
    lease = a_lease(account, length=timedelta(seconds=5))
    given = account.issuer.assume(terms_of(account, lease))
    assert given.expiration > lease.expires_at + timedelta(minutes=14)
    assert account.serves(given)
    while account.clock.now() < lease.expires_at:
        account.clock.sleep(0.2)
    assert not account.serves(given)


def test_the_sessions_of_a_lease_are_refused_and_of_no_other(account: Account) -> None:
    mine, other = a_lease(account), a_lease(account, "L-00000002")
    given, going_on = (account.issuer.assume(terms_of(account, one)) for one in (mine, other))
    for _ in range(2):
        account.remover.refuse_sessions(account.role, ended_policy([mine]))
    assert not account.serves(given)
    assert account.serves(going_on)
    assert not account.serves(account.issuer.assume(terms_of(account, mine))), "nor one that is given later"
    [seen] = account.remover.observe().roles
    assert (seen.name, seen.has_ceiling, seen.ended) == (account.role, True, ended_policy([mine]))
    for _ in range(2):
        account.remover.refuse_sessions(account.role, None)
    assert account.serves(given)
    assert account.remover.observe().roles[0].ended is None


def test_a_list_that_is_too_long_refuses_by_time(account: Account) -> None:
    given = account.issuer.assume(terms_of(account, a_lease(account)))
    many = [replace(a_lease(account, f"L-{one:08d}"), last_session_at=account.clock.now()) for one in range(400)]
    account.remover.refuse_sessions(account.role, ended_policy(many))
    assert not account.serves(given)


def test_a_role_that_is_not_there_is_said_so(account: Account) -> None:
    assert account.issuer.role_facts(account.role).warnings == ()
    with pytest.raises(RoleMissing):
        account.issuer.role_facts("nowhere")
    with pytest.raises(AwsDenied):
        account.issuer.assume(replace(terms_of(account, a_lease(account)), role="nowhere"))
