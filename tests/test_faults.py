"""A disk that is full or read-only, and a clock that jumps: nothing is lost, and it goes on when that is over."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from keylease.domain.lease import State
from keylease.errors import AwsCredentials, KeyleaseError, StoreFull
from keylease.health import Health
from keylease.ports import LeaseQuery
from keylease.store import open_ledger
from keylease.testing import MemoryStore
from test_crashes import USE_CASES, must_hold
from world import MARA, World

MINUTE = timedelta(minutes=1)


def full_from(number: int) -> Callable[[str], None]:
    """A fault: the nth write and all later ones find no room."""
    count = itertools.count(1)

    def fault(_: str) -> None:
        if next(count) >= number:
            raise StoreFull("The ledger cannot be written (database or disk is full).")

    return fault


@pytest.mark.parametrize("name", USE_CASES)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_disk_that_fills_up_at_any_write_leaves_nothing_that_a_pass_does_not_mend(name: str, number: int) -> None:
    world = World()
    prepare, act = USE_CASES[name]
    prepare(world)
    assert isinstance(world.store, MemoryStore)
    world.store.before = full_from(number)
    with suppress(KeyleaseError):
        act(world)
    with suppress(KeyleaseError):
        world.run_pass()
    world.store.before = lambda _: None
    world.clock.pass_time(minutes=16)
    world.run_pass()
    must_hold(world)
    world.clock.pass_time(weeks=5)
    world.run_pass()
    assert (world.cloud.users, world.cloud.fences) == ({}, {})


def test_a_read_only_ledger_is_said_so_before_aws_is_asked_for_anything(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/keylease.db")
    world = World(store=ledger)
    lease = world.approved()
    ledger.close()
    sa.event.listen(ledger.database.engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only = on"))
    calls = world.cloud.calls.total()
    with pytest.raises(StoreFull):
        world.broker.collect(MARA, lease.id)
    assert (world.cloud.calls.total(), world.cloud.users) == (calls, {})
    assert ledger.get(lease.id).state is State.APPROVED
    ledger.close()


@pytest.mark.parametrize("hours", [-72, -5, 5, 72, 24 * 30])
def test_a_clock_that_jumps_by_hours_ends_nothing_early_and_holds_nothing_up(world: World, hours: int) -> None:
    """AWS refuses whoever's clock is wrong by more than minutes, so a wrong clock acts on nothing."""
    lease, health = world.active(), Health(broker=world.broker, reconciler=world.reconciler, clock=world.clock)
    health.run_account("main")
    right = world.clock.now()

    def skewed(_: str) -> None:
        if abs(world.clock.now() - right) > timedelta(minutes=15):
            raise AwsCredentials("AWS does not accept the credentials (RequestTimeTooSkewed).")

    world.cloud.before = skewed
    world.clock.pass_time(hours=hours)
    for _ in range(3):
        if health.due(MINUTE):
            assert health.run_account("main").is_away
        world.clock.sleep(90)
    world.clock.move_to(right)
    world.clock.sleep(90)
    assert world.store.get(lease.id).state is State.ACTIVE
    assert world.cloud.accepts(lease.access_key_id or "")
    for _ in range(3):
        world.clock.sleep(60)
    assert health.due(MINUTE) == ["main"], "the right time again, and passes go on"
    assert health.run_account("main").failures == ()
    world.cloud.before = lambda _: None
    world.clock.move_to(lease.expires_at)
    health.run_account("main")
    assert {one.state for one in world.store.find(LeaseQuery())} == {State.CLOSED}
