"""The promise: AWS itself refuses the access key from the very second on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from aws.live import GROUP, USER, LiveCloud
from keylease.aws.failures import ask
from keylease.domain.clock import SystemClock
from keylease.errors import AwsCredentials, AwsDenied

pytestmark = pytest.mark.live


@dataclass
class Use:
    """When a key was served, by the beginning of each call, and when it was refused, by the end of that call."""

    served: list[datetime]
    refused: datetime


def use(call: Callable[[], object], clock: SystemClock) -> Use:
    """Use a key until it is refused, for 20 seconds at most."""
    served: list[datetime] = []
    while len(served) < 200:
        began = clock.now()
        try:
            ask(call)
        except AwsDenied:
            return Use(served, clock.now())
        served.append(began)
        clock.sleep(0.1)
    raise AssertionError("the key was never refused")


def test_a_key_works_until_its_second_and_is_refused_from_it_on_with_nobody_s_help(cloud: LiveCloud) -> None:
    fence = cloud.user(until=timedelta(seconds=6))
    access_key = cloud.issuer.create_access_key(USER)
    assert cloud.issuer.confirm(access_key, cloud.probe)
    cloud.calls.clear()
    s3 = cloud.issuing.with_access_key(access_key, "s3")
    used = use(lambda: s3.list_objects_v2(Bucket=cloud.bucket), SystemClock())
    assert used.served[-1] < fence.until <= used.refused < fence.until + timedelta(seconds=2)
    assert len(used.served) >= 10
    assert set(cloud.calls) == {"s3.ListObjectsV2"}


def test_after_the_end_a_key_still_says_who_it_is_until_it_is_gone(cloud: LiveCloud) -> None:
    cloud.user(until=timedelta(seconds=-60))
    access_key = cloud.issuer.create_access_key(USER)
    sts = cloud.issuing.with_access_key(access_key, "sts")
    with pytest.raises(AwsDenied):
        ask(cloud.issuing.with_access_key(access_key, "s3").list_buckets)
    assert USER in ask(sts.get_caller_identity)["Arn"]
    cloud.remover.remove_user(USER, group=GROUP, access_key_id=access_key.access_key_id)
    with pytest.raises(AwsCredentials):
        ask(sts.get_caller_identity)


def test_the_group_gives_nothing_to_an_outsider(cloud: LiveCloud) -> None:
    cloud.admin.create_user(UserName="outsider")
    cloud.admin.add_user_to_group(UserName="outsider", GroupName=GROUP)
    access_key = cloud.issuer.create_access_key("outsider")
    with pytest.raises(AwsDenied):
        ask(cloud.issuing.with_access_key(access_key, "s3").list_objects_v2, Bucket=cloud.bucket)
