"""The issuer against a real ministack: every method once, again, and where something is in the way."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from aws.faulty_proxy import THROTTLED, Answer, FaultyProxy
from aws.live import GROUP, TAGS, USER, LiveCloud
from keylease.aws.failures import NoSuchEntity
from keylease.aws.remover import AwsRemover
from keylease.domain import iam
from keylease.domain.access import Probe
from keylease.domain.clock import SystemClock
from keylease.domain.secret import Secret
from keylease.errors import AwsDenied, AwsFailed, AwsQuota, AwsThrottled, FenceDiffers, GroupMissing
from keylease.testing import FakeClock

pytestmark = pytest.mark.live

FENCE = iam.fence(SystemClock().now() + timedelta(hours=12))


class Meanwhile(FakeClock):
    """A clock during whose first pause something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens = [happens]
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.pauses.append(seconds)
        if self._happens:
            self._happens.pop()()


def documents(cloud: LiveCloud) -> dict[str, str]:
    return {fence.name: fence.document for fence in cloud.remover.observe().fences}


def test_a_fence_is_made_once_and_found_again(cloud: LiveCloud) -> None:
    cloud.issuer.create_fence(FENCE)
    cloud.issuer.create_fence(FENCE)
    assert documents(cloud) == {FENCE.name: FENCE.document}


def test_a_fence_that_somebody_edited_is_refused(cloud: LiveCloud) -> None:
    cloud.issuer.create_fence(FENCE)
    endless = iam.canonical(iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
    cloud.admin.create_policy_version(
        PolicyArn=cloud.account.fence_arn(FENCE.name), PolicyDocument=endless, SetAsDefault=True
    )
    with pytest.raises(FenceDiffers, match=FENCE.name):
        cloud.issuer.create_fence(FENCE)


def test_a_policy_of_the_fence_s_name_that_is_no_fence_is_refused(cloud: LiveCloud) -> None:
    later = iam.fence(FENCE.until + timedelta(hours=1)).document
    cloud.admin.create_policy(PolicyName=FENCE.name, Path=iam.FENCE_PATH, PolicyDocument=later)
    with pytest.raises(FenceDiffers):
        cloud.issuer.create_fence(FENCE)


def test_without_its_fence_no_user_is_made(cloud: LiveCloud) -> None:
    assert cloud.issuer.create_user(USER, FENCE, TAGS) is False
    assert cloud.remover.observe().users == ()


def test_a_user_is_born_behind_its_fence_with_tags_that_come_back(cloud: LiveCloud) -> None:
    tags = {**TAGS, "keylease:purpose": "50 % of <the> interviews & more", "keylease:principal": "https://x#8f2c"}
    cloud.issuer.create_fence(FENCE)
    assert cloud.issuer.create_user(USER, FENCE, tags) is True
    (user,) = cloud.remover.observe().users
    assert user.name == USER
    assert user.boundary == cloud.account.fence_arn(FENCE.name)
    assert user.tags == tags
    assert (user.groups, user.access_key_ids) == (frozenset(), frozenset())
    assert cloud.admin.get_user(UserName=USER)["User"]["Path"] == iam.USER_PATH


def test_the_same_user_asked_for_again_is_found(cloud: LiveCloud) -> None:
    fence = cloud.user()
    assert cloud.issuer.create_user(USER, fence, TAGS) is True


def test_a_user_of_another_lease_is_not_taken_for_ones_own(cloud: LiveCloud) -> None:
    fence = cloud.user()
    with pytest.raises(AwsFailed, match="did not make for this lease"):
        cloud.issuer.create_user(USER, fence, {"keylease:lease": "L-another0"})
    with pytest.raises(AwsFailed, match="did not make for this lease"):
        cloud.issuer.create_user(USER, fence, {})


def test_a_user_behind_another_fence_is_not_taken_for_ones_own(cloud: LiveCloud) -> None:
    cloud.user()
    other = iam.fence(FENCE.until + timedelta(hours=1))
    cloud.issuer.create_fence(other)
    with pytest.raises(AwsFailed, match="did not make for this lease"):
        cloud.issuer.create_user(USER, other, TAGS)


def test_a_user_without_any_fence_is_not_taken_for_ones_own(cloud: LiveCloud) -> None:
    cloud.issuer.create_fence(FENCE)
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    cloud.admin.create_user(UserName=USER, Path=iam.USER_PATH, Tags=tags)
    with pytest.raises(AwsFailed, match="did not make for this lease"):
        cloud.issuer.create_user(USER, FENCE, TAGS)


def test_a_user_of_no_lease_is_nobody_s_own(cloud: LiveCloud) -> None:
    cloud.issuer.create_fence(FENCE)
    boundary = cloud.account.fence_arn(FENCE.name)
    cloud.admin.create_user(UserName=USER, Path=iam.USER_PATH, PermissionsBoundary=boundary)
    for tags in ({}, TAGS):
        with pytest.raises(AwsFailed, match="did not make for this lease"):
            cloud.issuer.create_user(USER, FENCE, tags)


def test_the_issuer_writes_no_tags_but_keylease_s(cloud: LiveCloud) -> None:
    cloud.issuer.create_fence(FENCE)
    with pytest.raises(AwsDenied, match="iam:CreateUser"):
        cloud.issuer.create_user(USER, FENCE, {**TAGS, "team": "media"})


def test_joining_a_group_twice_is_joining_it(cloud: LiveCloud) -> None:
    cloud.user()
    cloud.issuer.join_group(USER, GROUP)
    (user,) = cloud.remover.observe().users
    assert user.groups == {GROUP}


def test_a_group_that_is_not_there_is_said_at_once(cloud: LiveCloud) -> None:
    cloud.user()
    with pytest.raises(GroupMissing, match="nobodys"):
        cloud.issuer.join_group(USER, "nobodys")
    assert cloud.calls == ["iam.AddUserToGroup"]


def test_a_user_that_iam_does_not_show_yet_is_waited_for(cloud: LiveCloud) -> None:
    clock = Meanwhile(cloud.user)
    cloud.with_clock(clock).issuer.join_group(USER, GROUP)
    assert clock.pauses == [0.5]


def test_a_user_that_never_shows_is_given_up(cloud: LiveCloud) -> None:
    clock = FakeClock()
    began = clock.now()
    with pytest.raises(NoSuchEntity):
        cloud.with_clock(clock).issuer.join_group("nobody", GROUP)
    assert clock.now() - began == timedelta(seconds=15)


def test_an_access_key_works_for_its_user(cloud: LiveCloud) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    (user,) = cloud.remover.observe().users
    assert user.access_key_ids == {access_key.access_key_id}
    assert cloud.issuer.confirm(access_key, cloud.probe) is True


def test_no_access_key_is_made_for_a_user_that_is_not_there(cloud: LiveCloud) -> None:
    with pytest.raises(NoSuchEntity):
        cloud.with_clock(FakeClock()).issuer.create_access_key("nobody")


def test_a_third_access_key_is_a_quota_that_is_used_up(cloud: LiveCloud, proxy: FaultyProxy) -> None:
    cloud.user()
    proxy.plan("CreateAccessKey", Answer(409, "LimitExceeded"))
    with pytest.raises(AwsQuota):
        cloud.through(proxy.endpoint).issuer.create_access_key(USER)
    assert proxy.seen.count("CreateAccessKey") == 1


def test_an_access_key_that_aws_put_off_is_asked_for_again_by_the_clock(
    cloud: LiveCloud, proxy: FaultyProxy
) -> None:
    cloud.user()
    clock = FakeClock()
    proxy.plan("CreateAccessKey", THROTTLED, THROTTLED)
    cloud.through(proxy.endpoint, clock).issuer.create_access_key(USER)
    assert proxy.forwarded.count("CreateAccessKey") == 1
    proxy.plan("CreateAccessKey", *[THROTTLED] * 6)
    with pytest.raises(AwsThrottled):
        cloud.through(proxy.endpoint, clock).issuer.create_access_key(USER)


def test_a_call_that_aws_put_off_is_made_all_the_same(cloud: LiveCloud, proxy: FaultyProxy) -> None:
    proxy.plan("CreatePolicy", THROTTLED)
    cloud.through(proxy.endpoint).issuer.create_fence(FENCE)
    assert documents(cloud) == {FENCE.name: FENCE.document}


def test_the_secret_stands_in_no_log_whatever_the_level(
    cloud: LiveCloud, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("botocore"), "level", logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    cloud.issuer.confirm(access_key, cloud.probe)
    assert access_key.secret_access_key.reveal() not in caplog.text
    assert "POST" in caplog.text


def test_a_key_that_aws_does_not_know_is_waited_for_half_a_minute(cloud: LiveCloud) -> None:
    cloud.user()
    clock = FakeClock()
    began = clock.now()
    access_key = replace(cloud.issuer.create_access_key(USER), secret_access_key=Secret("x" * 40))
    assert cloud.with_clock(clock).issuer.confirm(access_key, None) is False
    assert clock.now() - began == timedelta(seconds=30)


def test_three_answers_in_a_row_are_wanted(cloud: LiveCloud, proxy: FaultyProxy) -> None:
    cloud.user()
    clock = FakeClock()
    began = clock.now()
    access_key = cloud.issuer.create_access_key(USER)
    proxy.plan("GetCallerIdentity", None, None, Answer(403, "InvalidClientTokenId"))
    assert cloud.through(proxy.endpoint, clock).issuer.confirm(access_key, None) is True
    assert proxy.seen == ["GetCallerIdentity"] * 6
    assert clock.now() - began == timedelta(seconds=1)


def test_a_key_without_its_group_is_known_and_of_no_use(cloud: LiveCloud) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    cloud.admin.remove_user_from_group(UserName=USER, GroupName=GROUP)
    issuer = cloud.with_clock(FakeClock()).issuer
    assert issuer.confirm(access_key, None) is True
    assert issuer.confirm(access_key, cloud.probe) is False


def test_what_the_probe_waits_for_may_come(cloud: LiveCloud) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    cloud.admin.remove_user_from_group(UserName=USER, GroupName=GROUP)
    clock = Meanwhile(lambda: cloud.admin.add_user_to_group(UserName=USER, GroupName=GROUP))
    assert cloud.with_clock(clock).issuer.confirm(access_key, cloud.probe) is True
    assert clock.pauses == [1.0]


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (Probe(service="s3", operation="list_objects_v2", parameters={"Bucket": "no-such-bucket"}), "NoSuchBucket"),
        (Probe(service="s3", operation="list_objects_v2"), "ParamValidationError"),
        (Probe(service="s3", operation="meta"), "does not know"),
        (Probe(service="s33", operation="list_buckets"), "UnknownServiceError"),
    ],
)
def test_a_probe_that_is_wrong_is_not_waited_for(cloud: LiveCloud, probe: Probe, said: str) -> None:
    cloud.user()
    anything = json.dumps(iam.policy([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]))
    cloud.admin.put_group_policy(GroupName=GROUP, PolicyName="keylease", PolicyDocument=anything)
    access_key = cloud.issuer.create_access_key(USER)
    with pytest.raises(AwsFailed, match=said):
        cloud.issuer.confirm(access_key, probe)


def test_an_issue_takes_as_few_calls_as_can_be(cloud: LiveCloud) -> None:
    cloud.issuer.create_fence(FENCE)
    cloud.issuer.create_user(USER, FENCE, TAGS)
    cloud.issuer.join_group(USER, GROUP)
    cloud.issuer.confirm(cloud.issuer.create_access_key(USER), cloud.probe)
    assert cloud.calls == [
        "sts.AssumeRole",  # once an hour
        "iam.CreatePolicy",  # once for each slot
        "iam.CreateUser",
        "iam.AddUserToGroup",
        "iam.CreateAccessKey",
        "sts.GetCallerIdentity",
        "sts.GetCallerIdentity",
        "sts.GetCallerIdentity",
        "s3.ListObjectsV2",
    ]


def test_the_issuer_can_take_nothing_away(cloud: LiveCloud) -> None:
    cloud.user()
    with pytest.raises(AwsDenied, match="iam:DeleteUser"):
        AwsRemover(cloud.issuing).remove_user(USER, group=GROUP, access_key_id="AKIAIOSFODNN7EXAMPLE")
