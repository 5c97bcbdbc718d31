"""Every request to IAM keeps the account's pace, and what AWS answers teaches it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aws import live
from aws.faulty_proxy import THROTTLED, FaultyProxy
from keylease.aws.clients import Clients
from keylease.aws.remover import AwsRemover
from keylease.domain.clock import SystemClock
from keylease.domain.pace import Pace
from keylease.pacing import MemoryPaces, Pacing


@pytest.mark.live
def test_a_refusal_makes_the_pace_slower_and_the_call_is_made_again(
    cloud: live.LiveCloud, proxy: FaultyProxy
) -> None:
    paces, clock = MemoryPaces(), SystemClock()
    account = replace(cloud.account, endpoint_url=proxy.endpoint)
    clients = Clients(account, account.remover, pacing=Pacing(paces, "media", clock), removes=True)

    def pace() -> Pace:
        return paces.change("media", lambda it: (it, it))

    AwsRemover(clients).observe()
    answered = pace()
    assert (answered.refused_at, answered.grown_at > 0, answered.next_at > 0) == (0, True, True)
    proxy.plan("DeleteUser", THROTTLED)
    assert AwsRemover(clients).remove_user("nobody", group="g", access_key_id="AKIAFAKE00000000") is False
    assert pace().refused_at > 0
    assert pace().next_at > answered.next_at
    assert proxy.seen.count("DeleteUser") == 2
