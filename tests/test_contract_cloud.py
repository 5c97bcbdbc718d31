"""What every account must do for keylease: one suite, on the fake and on ministack with the broker's own roles."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from aws import live
from keylease.domain import iam
from keylease.domain.clock import Clock, SystemClock
from keylease.errors import AwsFailed, FenceDiffers, GroupMissing
from keylease.ports import AccessKey, Issuer, Remover
from keylease.sandbox.ministack import Ministack
from keylease.testing import FakeClock, FakeCloud

NAME = "mara-lind-4k7m9q2x"
TAGS = {"keylease:lease": "L-4k7m9q2x", "keylease:purpose": "Winter masters, “VID-311” (ü)"}


class Account(Protocol):
    """What the suite needs of an account beside the two ports."""

    issuer: Issuer
    remover: Remover
    clock: Clock
    group: str

    def accepts(self, access_key: AccessKey) -> bool: ...
    def edit(self, fence: iam.Fence) -> None: ...


class Fake:
    group = "archive"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cloud = FakeCloud(self.clock, groups=[self.group])
        self.issuer: Issuer = self.cloud
        self.remover: Remover = self.cloud

    def accepts(self, access_key: AccessKey) -> bool:
        return self.cloud.accepts(access_key.access_key_id)

    def edit(self, fence: iam.Fence) -> None:
        self.cloud.fences[fence.name] = json.dumps({"Statement": []})


class Real:
    group = live.GROUP

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
