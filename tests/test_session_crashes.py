"""The process dies between any two steps of what concerns sessions; then a pass runs.

Afterwards AWS serves no session that was handed over and whose lease is ending, has ended, or is over; and nothing
refuses sessions of a lease that goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keylease.domain.event import verify
from keylease.domain.lease import ENDED, Kind, Lease, State
from keylease.errors import KeyleaseError
from keylease.ports import LeaseQuery
from keylease.testing import Crash, MemoryStore, away, crash_at
from session_world import SessionWorld
from world import MARA, PRIYA

LENGTHS = [timedelta(minutes=20), timedelta(hours=3), timedelta(weeks=2)]


def must_hold(world: SessionWorld) -> None:
    """What is true after every pass, whatever happened before it."""
    leases = {lease.id: lease for lease in world.store.find(LeaseQuery())}
    for access_key_id, lease_id in world.handed.items():
        lease, serves = leases[lease_id], world.cloud.accepts(access_key_id)
        assert not serves or (lease.state is State.ACTIVE and lease.expires_at > world.clock.now())
        expiration = world.cloud.roles.sessions[access_key_id].expiration
        goes_on = lease.state is State.ACTIVE and lease.retire_at is None and lease.expires_at > world.clock.now()
        assert serves or not goes_on or world.clock.now() >= expiration, "a lease that goes on is refused"
        assert lease.sessions_until is not None, "a session that was handed over is in the ledger"
    verify(world.store.events())


def the_lease(world: SessionWorld) -> Lease:
    """The newest."""
    return world.store.find(LeaseQuery())[0]


def renewed(world: SessionWorld) -> None:
    old = world.running().lease
    world.clock.pass_time(minutes=1)
    world.broker.approve(PRIYA, world.broker.renew(MARA, old.id).id)


UseCase = Callable[[SessionWorld], object]
USE_CASES: dict[str, tuple[UseCase, UseCase]] = {
    "first session": (SessionWorld.granted, lambda w: w.take(the_lease(w))),
    "next session": (SessionWorld.running, lambda w: (w.clock.pass_time(minutes=50), w.take(the_lease(w)))),
    "renewal": (renewed, lambda w: w.take(the_lease(w))),
    "give back": (SessionWorld.running, lambda w: w.broker.revoke(MARA, the_lease(w).id)),
    "take away": (SessionWorld.running, lambda w: w.broker.revoke(PRIYA, the_lease(w).id)),
    "close": (
        lambda w: w.broker.revoke(MARA, w.running().lease.id),
        lambda w: (w.clock.pass_time(minutes=66), w.reconciler.run()),
    ),
    "expire": (SessionWorld.running, lambda w: (w.clock.pass_time(weeks=2), w.reconciler.run())),
}


def watch(world: SessionWorld, fault: Callable[[str], None]) -> None:
    """The fault is asked before and after each call to AWS and each write to the ledger."""
    assert isinstance(world.store, MemoryStore)
    world.cloud.before = world.cloud.after = world.store.before = world.store.after = fault


def steps_of(prepare: UseCase, act: UseCase) -> int:
    world, seen = SessionWorld(), []
    prepare(world)
    watch(world, seen.append)
    act(world)
    return len(seen)


CASES = [
    (name, number) for name, (prepare, act) in USE_CASES.items() for number in range(1, steps_of(prepare, act) + 1)
]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_crash_at_any_step_leaves_nothing_that_a_pass_does_not_mend(name: str, number: int) -> None:
    world = SessionWorld()
    prepare, act = USE_CASES[name]
    prepare(world)
    watch(world, crash_at(number))
    with pytest.raises(Crash):
        act(world)
    watch(world, lambda _: None)
    world.start()
    assert world.run_pass().failures == ()
    must_hold(world)
    world.clock.pass_time(weeks=5)
    world.run_pass()
    world.run_pass()
    must_hold(world)
    assert world.cloud.roles.ended == {}
    assert {lease.state for lease in world.store.find(LeaseQuery())} <= ENDED


def test_there_is_a_crash_for_every_step() -> None:
    assert len(CASES) >= 40


@settings(max_examples=300)
@given(st.data())
def test_any_mix_of_acts_crashes_and_outages_leaves_no_session_to_a_lease_that_is_over(data: st.DataObject) -> None:
    world = SessionWorld()
    for _ in range(data.draw(st.integers(2, 14))):
        fault = data.draw(st.sampled_from(["none", "crash", "away", "lost"]))
        if fault == "crash":
            watch(world, crash_at(data.draw(st.integers(1, 8))))
        if fault == "away":
            world.cloud.before = away
        if fault == "lost":
            world.cloud.after = away
        with suppress(Crash, KeyleaseError):
            any_act(world, data)
        watch(world, lambda _: None)
        if fault == "crash":
            world.start()
    world.run_pass()
    must_hold(world)


def any_act(world: SessionWorld, data: st.DataObject) -> None:
    leases = world.store.find(LeaseQuery())
    one = data.draw(st.sampled_from(leases)) if leases else None
    match data.draw(
        st.sampled_from(["request", "approve", "take", "take", "revoke", "renew", "time", "pass", "key"])
    ):
        case "request":
            world.asked(data.draw(st.sampled_from(LENGTHS)))
        case "approve" if one:
            world.broker.approve(PRIYA, one.id)
        case "take" if one:
            world.take(one)
        case "revoke" if one:
            world.broker.revoke(MARA, one.id)
        case "renew" if one:
            world.broker.renew(MARA, one.id)
        case "key" if one and one.kind is Kind.ACCESS_KEY:
            world.broker.collect(MARA, one.id)
        case "time":
            world.clock.pass_time(minutes=data.draw(st.sampled_from([1, 20, 55, 70, 60 * 24 * 8])))
        case _:
            world.reconciler.run()
