"""One pass: what is found, what is done, what is only told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from keylease.domain import iam
from keylease.domain.lease import STUCK_AFTER, EndReason, State
from keylease.domain.plan import Alarm, DeleteFence, Observed, ObservedFence, Rules, Situation, decide
from keylease.errors import AwsFailed, AwsUnreachable, LedgerEmpty
from keylease.ports import Cloud
from keylease.testing import Crash, FakeCloud, FakeUser, MemoryStore, away, fail_at
from world import MARA, PRIYA, World

TAGGED = {"keylease:lease": "L-00000000"}
WEEK = timedelta(weeks=1)


def test_a_pass_without_anything_to_do_does_nothing(world: World) -> None:
    world.active()
    records = len(list(world.store.events()))
    assert world.run_pass().done == {}
    assert len(list(world.store.events())) == records


def test_an_expired_lease_leaves_nothing_in_aws(world: World) -> None:
    lease = world.active(WEEK)
    world.clock.move_to(lease.expires_at)
    assert world.run_pass().done == {"End": 1}
    closed = world.store.get(lease.id)
    assert (closed.state, closed.end_reason, closed.access_key_id) == (State.CLOSED, EndReason.EXPIRED, None)
    assert (world.cloud.users, world.cloud.fences) == ({}, {})


def test_a_fence_is_kept_while_another_lease_needs_it(world: World) -> None:
    first, second = world.active(WEEK), world.active(WEEK)
    world.broker.revoke(MARA, first.id)
    world.run_pass()
    assert set(world.cloud.fences) == {second.fence}


def test_requests_and_approvals_close_at_their_end(world: World) -> None:
    requested = world.requested(world.clock.now() + timedelta(hours=1))
    approved = world.approved(timedelta(hours=1))
    world.clock.pass_time(hours=1)
    assert world.run_pass().done == {"Close": 2}
    assert world.store.get(requested.id).end_reason is EndReason.UNDECIDED
    assert world.store.get(approved.id).end_reason is EndReason.UNCOLLECTED


def test_requests_and_approvals_close_when_nobody_acts_for_a_week(world: World) -> None:
    requested, approved, collected = world.requested(), world.approved(), world.collected()
    world.clock.pass_time(minutes=15)
    assert world.run_pass().done == {"Abandon": 1}
    world.clock.move_to(approved.requested_at + timedelta(days=7) - timedelta(seconds=1))
    assert world.run_pass().done == {}
    world.clock.pass_time(seconds=1)
    assert world.run_pass().done == {"Close": 2}
    assert world.store.get(requested.id).end_reason is EndReason.UNDECIDED
    assert world.store.get(approved.id).end_reason is EndReason.UNCOLLECTED
    assert world.store.get(collected.lease.id).state is State.APPROVED, "it was collected once, and may be again"


def test_a_key_that_nobody_acknowledged_is_taken_away_and_can_be_collected_anew(world: World) -> None:
    collected = world.collected()
    world.clock.pass_time(minutes=14, seconds=59)
    assert world.run_pass().done == {}
    world.clock.pass_time(seconds=1)
    assert world.run_pass().done == {"Abandon": 1}
    assert not world.cloud.accepts(collected.access_key.access_key_id)
    again = world.broker.collect(MARA, collected.lease.id)
    assert again.lease.user_name != collected.lease.user_name


def test_an_unknown_user_is_an_orphan_and_goes(world: World) -> None:
    lease = world.active()
    world.cloud.users["stranger"] = FakeUser(lease.fence or "", TAGGED, world.clock.now())
    assert world.run_pass().done == {"RemoveOrphan": 1}
    assert set(world.cloud.users) == {lease.user_name}
    assert [link.event.details for link in world.store.events() if link.event.action == "orphan-removed"]


def test_a_lease_whose_user_or_key_is_gone_is_a_ghost(world: World) -> None:
    first, second = world.active(), world.active()
    del world.cloud.users[first.user_name or ""]
    world.cloud.users[second.user_name or ""].access_keys.clear()
    assert world.run_pass().done == {}
    world.clock.pass_time(minutes=5)
    assert world.run_pass().done == {"End": 2}
    assert world.store.get(first.id).end_reason is EndReason.GHOST
    assert world.store.get(second.id).end_reason is EndReason.GHOST
    assert not world.cloud.users


def test_a_second_access_key_on_a_leased_user_is_deleted(world: World) -> None:
    lease = world.active()
    stray = world.cloud.create_access_key(lease.user_name or "")
    world.clock.pass_time(minutes=5)
    assert world.run_pass().done == {"DeleteStrayKey": 1}
    assert not world.cloud.accepts(stray.access_key_id)
    assert world.cloud.accepts(lease.access_key_id or "")


def test_what_iam_is_slow_to_show_is_neither_ghost_nor_orphan(world: World) -> None:
    lease = world.active()
    world.cloud.lag = timedelta(minutes=4)
    for _ in range(8):
        assert world.run_pass().done == {}
        world.clock.pass_time(minutes=1)
    assert world.store.get(lease.id).state is State.ACTIVE


def test_an_edited_fence_raises_one_alarm(world: World) -> None:
    lease = world.active()
    world.cloud.fences[lease.fence or ""] = '{"Version":"2012-10-17","Statement":[]}'
    assert [alarm.what for alarm in world.run_pass().alarms] == ["fence"]
    world.run_pass()
    assert len([link for link in world.store.events() if link.event.action == "alarm"]) == 1


def test_a_user_behind_another_fence_raises_an_alarm(world: World) -> None:
    lease = world.active()
    other = iam.fence(lease.expires_at + WEEK)
    world.cloud.fences[other.name] = other.document
    world.cloud.users[lease.user_name or ""].fence = other.name
    assert [alarm.what for alarm in world.run_pass().alarms] == ["boundary"]


def test_an_empty_ledger_removes_nothing(world: World) -> None:
    lease = world.active()
    world.store = MemoryStore()
    world.start()
    [failure] = world.run_pass().failures
    assert isinstance(failure, LedgerEmpty)
    assert world.cloud.accepts(lease.access_key_id or "")
    world.start(trust_empty_ledger=True)
    assert world.run_pass().done["RemoveOrphan"] == 1


def test_an_account_that_is_away_delays_no_other(world: World) -> None:
    lease = world.active(WEEK)
    broken = FakeCloud(world.clock)
    broken.before = away
    world.clouds = {"broken": Cloud(issuer=broken, remover=broken), **world.clouds}
    world.start()
    world.clock.move_to(lease.expires_at)
    first, second = world.reconciler.run()
    assert isinstance(first.failures[0], AwsUnreachable)
    assert second.done == {"End": 1}


def test_an_outage_counts_against_no_lease_and_the_pass_after_it_removes_all(world: World) -> None:
    leases = [world.active(WEEK) for _ in range(20)]
    world.clock.move_to(leases[0].expires_at)
    world.cloud.before = away
    for _ in range(17):
        world.run_pass()
        world.clock.pass_time(minutes=1)
    world.cloud.before = lambda _: None
    world.run_pass()
    assert not world.cloud.users
    assert {world.store.get(lease.id).state for lease in leases} == {State.CLOSED}


def test_an_outage_in_the_middle_of_a_removal_is_gone_on_from(world: World) -> None:
    lease = world.active(WEEK)
    world.clock.move_to(lease.expires_at)
    world.cloud.before = fail_at("DeleteUser", AwsUnreachable("away"))
    world.run_pass()
    assert world.store.get(lease.id).state is State.REVOKING
    world.cloud.before = lambda _: None
    assert world.run_pass().done == {"Remove": 1}


def test_a_removal_that_keeps_failing_is_stuck_retried_and_ends(world: World) -> None:
    lease = world.active(WEEK)
    world.clock.move_to(lease.expires_at)
    world.cloud.before = fail_at("DeleteUser", AwsFailed("DeleteConflict"))
    for _ in range(STUCK_AFTER + 3):
        world.run_pass()
        world.clock.pass_time(minutes=11)
    stuck = world.store.get(lease.id)
    assert stuck.state is State.STUCK
    assert stuck.failures > STUCK_AFTER
    world.cloud.before = lambda _: None
    world.run_pass()
    assert world.store.get(lease.id).state is State.CLOSED


def test_a_failing_lease_is_left_alone_between_its_tries(world: World) -> None:
    lease = world.active(WEEK)
    world.clock.move_to(lease.expires_at)
    world.cloud.before = fail_at("DeleteUser", AwsFailed("DeleteConflict"))
    world.run_pass()
    calls = world.cloud.calls.total()
    world.run_pass()
    assert world.cloud.calls.total() == calls + 1, "only the observation"


@pytest.mark.parametrize("ahead", [False, True])
def test_fences_made_ahead_are_left_until_their_instant(world: World, ahead: bool) -> None:  # noqa: FBT001 - a case
    fence = iam.fence(world.clock.now() + WEEK)
    seen = Observed(fences=(ObservedFence(name=fence.name, document=fence.document, worn=False),))
    rules = Rules(keep_fences_ahead=ahead)
    acts = decide(Situation(seen, (), world.clock.now(), rules))
    assert acts == ([] if ahead else [DeleteFence(fence.name)])
    assert decide(Situation(seen, (), world.clock.now() + WEEK, rules)) == [DeleteFence(fence.name)]


def test_a_policy_under_the_fences_path_that_is_no_fence_goes_or_is_told(world: World) -> None:
    strange = ObservedFence(name="allow-all", document="{}", worn=False)
    at = Situation(Observed(fences=(strange, replace(strange, worn=True))), (), world.clock.now())
    first, second = decide(at)
    assert first == DeleteFence("allow-all")
    assert isinstance(second, Alarm)


def test_somebody_elses_act_in_the_middle_of_a_pass_is_respected(world: World) -> None:
    lease = world.active(WEEK)
    world.clock.move_to(lease.expires_at)
    observe = world.cloud.observe

    def meanwhile() -> Observed:
        seen = observe()
        world.broker.revoke(PRIYA, lease.id)
        return seen

    world.cloud.observe = meanwhile  # type: ignore[method-assign]
    world.run_pass()
    assert world.store.get(lease.id).end_reason is EndReason.REVOKED


def test_a_leased_user_in_a_stronger_group_is_taken_out_and_told(world: World) -> None:
    lease = world.active()
    world.cloud.users[lease.user_name or ""].groups.add("admin")
    report = world.run_pass()
    assert report.done == {"LeaveGroup": 1}
    assert [alarm.what for alarm in report.alarms] == ["group"]
    assert world.cloud.users[lease.user_name or ""].groups == {"archive"}


def test_a_ledger_that_does_not_know_many_users_removes_none_of_them(world: World) -> None:
    lease = world.active()
    for number in range(6):
        world.cloud.users[f"restored-{number}"] = FakeUser(lease.fence or "", TAGGED, world.clock.now())
    report = world.run_pass()
    assert [alarm.what for alarm in report.alarms] == ["orphans"]
    assert len(world.cloud.users) == 7
    world.start(trust_empty_ledger=True)
    assert world.run_pass().done == {"RemoveOrphan": 6}


def test_one_removal_that_never_gets_an_answer_stops_no_other(world: World) -> None:
    leases = [world.active(WEEK) for _ in range(5)]
    world.clock.move_to(leases[0].expires_at)
    remove = world.cloud.remove_user

    def unlucky(user_name: str, **given: str | None) -> bool:
        if user_name == leases[0].user_name:
            raise AwsUnreachable("no answer")
        return remove(user_name, **given)

    world.cloud.remove_user = unlucky  # type: ignore[method-assign,assignment]
    report = world.run_pass()
    assert report.done == {"End": 4}
    assert len(report.failures) == 1


def test_a_renewal_whose_owner_vanished_after_the_acknowledgement_retires_the_old_lease(world: World) -> None:
    old = world.active(2 * WEEK)
    new = world.broker.collect(MARA, world.broker.approve(PRIYA, world.broker.renew(MARA, old.id).id).id)
    store = world.store
    assert isinstance(store, MemoryStore)
    saves = iter([True, False])
    store.before = lambda _: None if next(saves, True) else (_ for _ in ()).throw(Crash("between the two saves"))
    with pytest.raises(Crash):
        world.broker.acknowledge(MARA, new.lease.id, new.access_key.access_key_id)
    store.before = lambda _: None
    world.start()
    assert world.run_pass().done == {"Retire": 1}
    world.clock.pass_time(days=3)
    world.run_pass()
    assert world.store.get(old.id).end_reason is EndReason.RENEWED
