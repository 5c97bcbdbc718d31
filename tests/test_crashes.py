"""The process dies between any two steps of any use case; then a pass runs.

Afterwards: no access key that the ledger does not know, no ended lease with a key, no key past its lease's end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keylease.domain.event import verify
from keylease.domain.lease import ENDED, IN_AWS
from keylease.errors import KeyleaseError
from keylease.ports import LeaseQuery
from keylease.testing import Crash, MemoryStore, away, crash_at
from world import MARA, PRIYA, World

WEEK = timedelta(weeks=1)


def must_hold(world: World) -> None:
    """What is true after every pass, whatever happened before it."""
    leases = world.store.find(LeaseQuery())
    known = {lease.user_name: lease for lease in leases if lease.state in IN_AWS}
    for name, user in world.cloud.users.items():
        assert name in known, "a user that no lease knows"
        for access_key_id in user.access_keys:
            assert not world.cloud.accepts(access_key_id) or known[name].expires_at > world.clock.now()
    for lease in leases:
        assert lease.state not in ENDED or lease.user_name not in world.cloud.users, "an ended lease with a user"
    verify(world.store.events())


UseCase = Callable[[World], object]
USE_CASES: dict[str, tuple[UseCase, UseCase]] = {
    "collect": (World.approved, lambda w: w.broker.collect(MARA, w.store.find(LeaseQuery())[0].id)),
    "acknowledge": (
        World.collected,
        lambda w: w.broker.acknowledge(
            MARA, (lease := w.store.find(LeaseQuery())[0]).id, lease.access_key_id or ""
        ),
    ),
    "replace": (World.active, lambda w: w.second_thoughts.replace(MARA, w.store.find(LeaseQuery())[0].id)),
    "undo": (World.approved, lambda w: w.second_thoughts.undo(PRIYA, w.store.find(LeaseQuery())[0].id)),
    "give back": (World.active, lambda w: w.broker.revoke(MARA, w.store.find(LeaseQuery())[0].id)),
    "take away": (World.collected, lambda w: w.broker.revoke(PRIYA, w.store.find(LeaseQuery())[0].id)),
    "expire": (World.active, lambda w: (w.clock.pass_time(weeks=2), w.reconciler.run())),
    "abandon": (World.collected, lambda w: (w.clock.pass_time(minutes=15), w.reconciler.run())),
}


def steps_of(prepare: UseCase, act: UseCase) -> int:
    """How many calls to AWS and to the ledger the use case makes."""
    world, seen = World(), []
    prepare(world)
    _watch(world, seen.append)
    act(world)
    return len(seen)


def _watch(world: World, fault: Callable[[str], None]) -> None:
    """The fault is asked before and after each call to AWS and each write to the ledger."""
    assert isinstance(world.store, MemoryStore)
    world.cloud.before = world.cloud.after = world.store.before = world.store.after = fault


CASES = [
    (name, number) for name, (prepare, act) in USE_CASES.items() for number in range(1, steps_of(prepare, act) + 1)
]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_crash_at_any_step_leaves_nothing_that_a_pass_does_not_mend(name: str, number: int) -> None:
    world = World()
    prepare, act = USE_CASES[name]
    prepare(world)
    _watch(world, crash_at(number))
    with pytest.raises(Crash):
        act(world)
    _watch(world, lambda _: None)
    world.start()
    world.clock.pass_time(minutes=16)
    assert world.run_pass().failures == ()
    must_hold(world)
    world.clock.pass_time(weeks=5)
    world.run_pass()
    must_hold(world)
    assert (world.cloud.users, world.cloud.fences) == ({}, {})
    assert {lease.state for lease in world.store.find(LeaseQuery())} <= ENDED


def test_there_is_a_crash_for_every_step() -> None:
    assert len(CASES) > 60


@settings(max_examples=300)
@given(st.data())
def test_any_mix_of_acts_crashes_and_outages_leaves_no_unknown_key(data: st.DataObject) -> None:
    world = World()
    for _ in range(data.draw(st.integers(2, 14))):
        fault = data.draw(st.sampled_from(["none", "crash", "away", "lost"]))
        if fault == "crash":
            _watch(world, crash_at(data.draw(st.integers(1, 14))))
        if fault == "away":
            world.cloud.before = away
        if fault == "lost":
            world.cloud.after = away
        with suppress(Crash, KeyleaseError):
            _any_act(world, data)
        _watch(world, lambda _: None)
        if fault == "crash":
            world.start()
    world.clock.pass_time(minutes=16)
    world.run_pass()
    must_hold(world)


def _any_act(world: World, data: st.DataObject) -> None:
    leases = world.store.find(LeaseQuery())
    one = data.draw(st.sampled_from(leases)) if leases else None
    match data.draw(
        st.sampled_from(["request", "approve", "collect", "acknowledge", "revoke", "pass", "time", "renew"])
    ):
        case "request":
            world.requested(data.draw(st.sampled_from([WEEK, timedelta(hours=1), 2 * WEEK])))
        case "approve" if one:
            world.broker.approve(PRIYA, one.id)
        case "collect" if one:
            world.broker.collect(MARA, one.id)
        case "acknowledge" if one:
            world.broker.acknowledge(MARA, one.id, one.access_key_id or "")
        case "revoke" if one:
            world.broker.revoke(MARA, one.id)
        case "renew" if one:
            world.broker.renew(MARA, one.id)
        case "time":
            world.clock.pass_time(minutes=data.draw(st.sampled_from([1, 20, 90, 60 * 24 * 8])))
        case _:
            world.reconciler.run()
