"""AWS is away, throttles, or shows late what it did: nothing is given up, nothing is done twice, nobody waits."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from keylease import jobs
from keylease.broker import Broker
from keylease.domain import iam
from keylease.domain.clock import SystemClock
from keylease.domain.lease import Lease, State, new_id, user_name
from keylease.domain.pace import FARTHEST, SHAKEN
from keylease.domain.plan import Rules
from keylease.ending import KEYLEASE, act
from keylease.errors import AwsFailed, KeyleaseError
from keylease.health import Health
from keylease.pacing import MemoryPaces, Pacing
from keylease.ports import Cloud, LeaseQuery
from keylease.reconciler import Reconciler
from keylease.testing import FakeClock, FakeCloud, Limit, MemoryStore, away, fail_at
from world import CATALOGUE, MARA, World

MINUTE = timedelta(minutes=1)


def health_of(world: World) -> Health:
    return Health(broker=world.broker, reconciler=world.reconciler, clock=world.clock)


def active(world: World, number: int) -> Lease:
    """A lease like all others, put where it belongs in one step: thousands are made so."""
    first = world.active()
    for _ in range(number - 1):
        lease = replace(first, id=new_id(), access_key_id=None)
        name = user_name(lease, 1)
        world.cloud.create_user(name, iam.fence(first.expires_at), {})
        world.cloud.join_group(name, lease.group)
        key = world.cloud.create_access_key(name)
        whole = replace(lease, user_name=name, access_key_id=key.access_key_id, version=0)
        world.store.add(whole, act("made", whole, KEYLEASE, world.clock.now()))
    return first


def test_after_seventeen_minutes_without_aws_one_pass_ends_all_that_was_due_meanwhile(world: World) -> None:
    """OpenBao, measured: 192 of 192 were given up and none was removed after AWS had come back."""
    lease = active(world, 192)
    health = health_of(world)
    world.clock.move_to(lease.expires_at - timedelta(seconds=30))
    began, passes = world.clock.now(), 0
    world.cloud.before = away
    while world.clock.now() - began < timedelta(minutes=17):
        for account in health.due(MINUTE):
            jobs.run_account(health, account)
            passes += 1
        world.clock.sleep(1)
    assert 14 <= passes <= 30, "it goes on trying, and not all the time"
    assert {one.state for one in world.store.find(LeaseQuery())} <= {State.ACTIVE, State.REVOKING}
    world.cloud.before, healed = lambda _: None, world.clock.now()
    while not health.due(MINUTE):
        world.clock.sleep(1)
    assert world.clock.now() - healed <= timedelta(seconds=FARTHEST * (1 + SHAKEN) + 1)
    health.run_account("main")
    assert (world.cloud.users, world.cloud.fences) == ({}, {})
    assert {one.state for one in world.store.find(LeaseQuery())} == {State.CLOSED}


def test_a_removal_that_fails_for_a_week_is_called_stuck_and_goes_on_being_tried(world: World) -> None:
    lease = world.active()
    world.clock.move_to(lease.expires_at)
    world.cloud.before = fail_at("DeleteUser", AwsFailed("no"))
    for _ in range(7 * 24 * 2):
        world.reconciler.run()
        world.clock.pass_time(minutes=30)
    assert world.store.get(lease.id).state is State.STUCK
    world.cloud.before = lambda _: None
    world.reconciler.run()
    assert world.store.get(lease.id).state is State.CLOSED


def test_a_target_that_takes_ten_calls_a_second_is_drained_with_little_waste_and_removals_go_first() -> None:
    """OpenBao, measured: 74% of its calls were wasted, and it took 1.4 times the ideal time."""
    world = World()
    lease = active(world, 700)
    world.cloud.pacing = Pacing(MemoryPaces(), "main", world.clock)
    world.clock.move_to(lease.expires_at)
    limit = Limit(world.clock, a_second=10, burst=10)
    world.cloud.before, world.cloud.calls = limit, Counter()
    began = world.clock.precise()
    report = world.run_pass()
    calls, seconds = world.cloud.calls.total(), world.clock.precise() - began
    assert (report.failures, world.cloud.users) == ((), {})
    assert seconds / (calls / 10) < 1.1
    assert limit.refused / (calls + limit.refused) < 0.05


def test_an_account_that_hangs_delays_no_other() -> None:
    """With real threads and a real clock: one account never answers, the other is passed again and again."""
    hangs, passed = threading.Event(), threading.Semaphore(0)

    def hang(_: str) -> None:
        hangs.wait(20)

    def tell(call: str) -> None:
        if call == "GetAccountAuthorizationDetails":
            passed.release()

    clock, store = SystemClock(), MemoryStore()
    clouds = {}
    for name, fault in (("down", hang), ("main", tell)):
        fake = FakeCloud(FakeClock(), groups=["archive", "logs"])
        fake.before = fault
        clouds[name] = Cloud(issuer=fake, remover=fake)
    health = Health(
        broker=Broker(store=store, clouds=clouds, catalogue=CATALOGUE, clock=clock),
        reconciler=Reconciler(store=store, clouds=clouds, clock=clock, rules=Rules()),
        clock=clock,
    )
    with jobs.passes(health, timedelta(seconds=0)):
        for _ in range(3):
            assert passed.acquire(timeout=20)
        hangs.set()


@pytest.mark.parametrize("seconds", [0, 1, 5, 30, 60])
def test_what_aws_shows_late_is_neither_made_twice_nor_taken_for_gone(seconds: int) -> None:
    world = World()
    world.cloud.lag = timedelta(seconds=seconds)
    lease = world.approved()
    for _ in range(10):
        try:
            collected = world.broker.collect(MARA, lease.id)
        except KeyleaseError:
            world.clock.pass_time(seconds=20)
            world.run_pass()
            continue
        break
    else:
        pytest.fail("it was never collected")
    lease = world.broker.acknowledge(MARA, lease.id, collected.access_key.access_key_id)
    for _ in range(60):
        world.clock.pass_time(seconds=7)
        assert world.run_pass().done == {}
        assert world.cloud.accepts(lease.access_key_id or "")
    assert list(world.cloud.users) == [lease.user_name]
    world.broker.revoke(MARA, lease.id)
    for _ in range(20):
        world.run_pass()
        world.clock.pass_time(seconds=7)
    assert (world.cloud.users, world.cloud.fences) == ({}, {})
    removed = [one.event.action for one in world.store.events() if one.event.action == "orphan-removed"]
    assert removed == [], "what is only still shown is no orphan"
