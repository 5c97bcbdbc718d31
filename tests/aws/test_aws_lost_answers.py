"""Answers that were lost: AWS has done it, or has not, and keylease cannot know. Calling again puts it right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from aws.faulty_proxy import UNAVAILABLE, Fault, FaultyProxy, Lost
from aws.live import GROUP, TAGS, USER, LiveCloud
from keylease.domain import iam
from keylease.domain.clock import SystemClock
from keylease.errors import AwsUnreachable
from keylease.ports import AccessKey

pytestmark = pytest.mark.live

FENCE = iam.fence(SystemClock().now() + timedelta(hours=12))


def make(cloud: LiveCloud) -> AccessKey:
    cloud.issuer.create_fence(FENCE)
    assert cloud.issuer.create_user(USER, FENCE, TAGS)
    cloud.issuer.join_group(USER, GROUP)
    access_key = cloud.issuer.create_access_key(USER)
    assert cloud.issuer.confirm(access_key, cloud.probe)
    return access_key


@pytest.mark.parametrize("fault", [Lost(), Lost(done=False), UNAVAILABLE], ids=["done", "not done", "refused"])
@pytest.mark.parametrize(
    "action", ["AssumeRole", "CreatePolicy", "CreateUser", "AddUserToGroup", "GetCallerIdentity"]
)
def test_making_goes_on_over_a_lost_answer(cloud: LiveCloud, proxy: FaultyProxy, action: str, fault: Fault) -> None:
    proxy.plan(action, fault)
    access_key = make(cloud.through(proxy.endpoint))
    (user,) = cloud.remover.observe().users
    assert (user.name, user.tags, user.groups) == (USER, TAGS, {GROUP})
    assert user.boundary == cloud.account.fence_arn(FENCE.name)
    assert user.access_key_ids == {access_key.access_key_id}


@pytest.mark.parametrize("fault", [Lost(), Lost(done=False)], ids=["done", "not done"])
@pytest.mark.parametrize("action", ["RemoveUserFromGroup", "DeleteAccessKey", "DeleteUser", "DeletePolicy"])
def test_taking_away_goes_on_over_a_lost_answer(
    cloud: LiveCloud, proxy: FaultyProxy, action: str, fault: Fault
) -> None:
    access_key = make(cloud)
    proxy.plan(action, fault)
    remover = cloud.through(proxy.endpoint).remover
    remover.remove_user(USER, group=GROUP, access_key_id=access_key.access_key_id)
    assert remover.delete_fence(FENCE.name) is True
    observed = cloud.remover.observe()
    assert (observed.users, observed.fences) == ((), ())


@pytest.mark.parametrize(("fault", "keys"), [(Lost(), 1), (Lost(done=False), 0), (UNAVAILABLE, 0)])
def test_an_access_key_is_not_made_twice_for_a_lost_answer(
    cloud: LiveCloud, proxy: FaultyProxy, fault: Fault, keys: int
) -> None:
    cloud.user()
    proxy.plan("CreateAccessKey", fault)
    with pytest.raises(AwsUnreachable):
        cloud.through(proxy.endpoint).issuer.create_access_key(USER)
    assert proxy.seen.count("CreateAccessKey") == 1
    (user,) = cloud.remover.observe().users
    assert len(user.access_key_ids) == keys
    assert cloud.remover.remove_user(USER, group=GROUP) is True
    assert cloud.remover.observe().users == ()


ACTS: list[tuple[str, Callable[[LiveCloud], object]]] = [
    ("CreatePolicy", lambda cloud: cloud.issuer.create_fence(FENCE)),
    ("CreateUser", lambda cloud: cloud.issuer.create_user(USER, FENCE, TAGS)),
    ("AddUserToGroup", lambda cloud: cloud.issuer.join_group(USER, GROUP)),
    ("CreateAccessKey", lambda cloud: cloud.issuer.create_access_key(USER)),
    ("GetAccountAuthorizationDetails", lambda cloud: cloud.remover.observe()),
    (
        "DeleteUser",
        lambda cloud: cloud.remover.remove_user(USER, group=GROUP, access_key_id="AKIAIOSFODNN7EXAMPLE"),
    ),
    ("DeleteAccessKey", lambda cloud: cloud.remover.delete_access_key(USER, "AKIAIOSFODNN7EXAMPLE")),
    ("DeletePolicy", lambda cloud: cloud.remover.delete_fence(FENCE.name)),
]


@pytest.mark.parametrize("act", [act for _, act in ACTS], ids=[name for name, _ in ACTS])
def test_an_aws_that_is_away_is_one_failure_for_every_act(
    cloud: LiveCloud, act: Callable[[LiveCloud], object]
) -> None:
    with pytest.raises(AwsUnreachable):
        act(cloud.through("http://127.0.0.1:9"))
