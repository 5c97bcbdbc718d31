"""What somebody changes in AWS behind keylease's back: found by the next pass, repaired or cut off, on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keylease.domain import iam
from keylease.domain.lease import EndReason, Lease, State
from keylease.domain.secret import Secret
from keylease.testing import FakeUser
from world import World


def settled(world: World) -> Lease:
    """An active lease that is old enough to be judged."""
    lease = world.active()
    world.clock.pass_time(minutes=6)
    assert world.run_pass().done == {}
    return lease


def user_of(world: World, lease: Lease) -> FakeUser:
    return world.cloud.users[lease.user_name or ""]


def unfenced(world: World, lease: Lease) -> None:
    other = iam.fence(lease.expires_at + timedelta(days=90))
    world.cloud.fences[other.name] = other.document
    user_of(world, lease).fence = other.name


Drift = Callable[[World, Lease], object]
CASES: dict[str, tuple[Drift, str, list[str], EndReason | None]] = {
    "the user is deleted": (lambda w, it: w.cloud.users.pop(it.user_name), "closed", [], EndReason.GHOST),
    "its key is deleted": (lambda w, it: user_of(w, it).access_keys.clear(), "closed", [], EndReason.GHOST),
    "a second key": (
        lambda w, it: user_of(w, it).access_keys.update(AKIASECOND=Secret("x")), "stray-key-deleted", [], None
    ),
    "a policy": (lambda w, it: user_of(w, it).policies.add("Admin"), "policies-dropped", ["policy"], None),
    "another group": (lambda w, it: user_of(w, it).groups.add("logs"), "group-left", ["group"], None),
    "its group is gone": (lambda w, it: user_of(w, it).groups.clear(), "alarm", ["group-lost"], None),
    "another boundary": (unfenced, "closed", ["boundary"], EndReason.DRIFT),
    "an edited fence": (
        lambda w, it: w.cloud.fences.update({it.fence: '{"Version":"2012-10-17","Statement":[]}'}),
        "closed", ["fence"], EndReason.DRIFT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_drift_is_found_by_the_next_pass_and_put_right_or_cut_off(world: World, what: str) -> None:
    drift, on_record, told, reason = CASES[what]
    other, lease = settled(world), settled(world)
    if "fence" in what:
        other = lease
    access_key_id = lease.access_key_id or ""
    drift(world, lease)
    report = world.run_pass()
    assert [alarm.what for alarm in report.alarms] == told
    assert on_record in [link.event.action for link in world.store.events()]
    now = world.store.get(lease.id)
    assert (now.state, now.end_reason) == (State.CLOSED if reason else State.ACTIVE, reason)
    if reason:
        assert not world.cloud.accepts(access_key_id)
        assert lease.user_name not in world.cloud.users
    else:
        user = user_of(world, lease)
        assert set(user.access_keys) == {access_key_id}
        assert (user.groups <= {"archive"}, user.policies) == (True, set())
    if other is not lease:
        assert world.store.get(other.id).state is State.ACTIVE
    assert world.run_pass().done.keys() <= {"DeleteFence"}


def test_a_user_that_keylease_did_not_make_is_told_then_deactivated_then_removed(world: World) -> None:
    lease = settled(world)
    world.cloud.users["stranger"] = FakeUser(
        lease.fence or "", {}, world.clock.now(), groups={"archive"}, policies={"Own"}
    )
    report = world.run_pass()
    assert (report.done, [alarm.what for alarm in report.alarms]) == ({}, ["stranger"])
    assert "1h" in report.alarms[0].sentence
    world.clock.pass_time(minutes=59)
    assert world.run_pass().done == {}
    world.clock.pass_time(minutes=1)
    assert world.run_pass().done == {"Deactivate": 1}
    stranger = world.cloud.users["stranger"]
    assert (stranger.groups, stranger.policies) == (set(), set())
    world.clock.pass_time(minutes=59)
    assert world.run_pass().done == {}
    world.clock.pass_time(minutes=1)
    assert world.run_pass().done == {"RemoveOrphan": 1}
    assert set(world.cloud.users) == {lease.user_name}
    actions = [link.event.action for link in world.store.events()]
    assert actions.count("alarm") == 1
    assert {"stranger-deactivated", "orphan-removed"} <= set(actions)


def test_very_many_lost_fences_are_rather_an_error_and_nothing_is_cut_off(world: World) -> None:
    leases = [world.active() for _ in range(6)]
    world.clock.pass_time(minutes=6)
    for lease in leases:
        unfenced(world, lease)
    report = world.run_pass()
    assert "drift" in [alarm.what for alarm in report.alarms]
    assert {world.store.get(lease.id).state for lease in leases} == {State.ACTIVE}


def test_a_lease_whose_keys_were_not_asked_for_this_time_is_no_ghost(world: World) -> None:
    lease = settled(world)
    observe = world.cloud.observe

    def some(*, thorough: bool = False):  # type: ignore[no-untyped-def]
        seen = observe(thorough=thorough)
        return replace(seen, users=tuple(replace(user, access_key_ids=None) for user in seen.users))

    world.cloud.observe = some  # type: ignore[method-assign] # an account with very many users
    assert world.run_pass().done == {}
    assert world.store.get(lease.id).state is State.ACTIVE
