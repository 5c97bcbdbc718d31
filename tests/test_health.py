"""How keylease is doing: what the last pass saw, and horizons that are near."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from keylease.health import Health
from keylease.jobs import run_one
from keylease.launched import LeftRunning
from keylease.pacing import MemoryPasses
from keylease.ports import GroupFacts, Instance
from keylease.testing import away
from world import World


@pytest.fixture
def health(world: World) -> Health:
    return Health(broker=world.broker, reconciler=world.reconciler, clock=world.clock)


def test_before_the_first_pass_nothing_is_known(world: World, health: Health) -> None:
    assert health.state.passed_at is None
    assert not health.state.is_well(world.clock.now())


@pytest.mark.parametrize(("weeks", "near"), [(3, False), (2.9, True), (-1, True)])
def test_a_horizon_is_told_of_from_three_weeks_on(
    world: World, health: Health, weeks: float, *, near: bool
) -> None:
    world.cloud.facts["archive"] = GroupFacts(horizon=world.clock.now() + timedelta(weeks=weeks))
    health.run_pass()
    assert [one.permission_set for one in health.state.near] == (["archive"] if near else [])
    assert health.state.is_well(world.clock.now()) is not near


def test_the_nearest_horizon_comes_first(world: World, health: Health) -> None:
    world.cloud.facts["archive"] = GroupFacts(horizon=world.clock.now() + timedelta(days=9))
    world.cloud.facts["logs"] = GroupFacts(horizon=world.clock.now() + timedelta(days=2))
    health.run_pass()
    assert [one.permission_set for one in health.state.near] == ["logs", "archive"]


def test_an_account_that_is_away_is_not_well_and_raises_nothing(world: World, health: Health) -> None:
    world.cloud.before = away
    assert run_one(health)[0].failures
    assert health.state.passed_at == world.clock.now()
    assert not health.state.is_well(world.clock.now())


def test_a_group_that_is_gone_leaves_the_others_told(world: World, health: Health) -> None:
    world.cloud.groups.remove("archive")
    world.cloud.facts["logs"] = GroupFacts(horizon=world.clock.now())
    health.run_pass()
    assert [one.permission_set for one in health.state.near] == ["logs"]


def test_an_alarm_is_not_well(world: World, health: Health) -> None:
    lease = world.active()
    world.cloud.fences[lease.fence or ""] = "{}"
    health.run_pass()
    assert not health.state.is_well(world.clock.now())


def test_passes_that_no_longer_run_are_not_well(world: World, health: Health) -> None:
    health.run_pass()
    assert health.state.is_well(world.clock.pass_time(minutes=15))
    assert not health.state.is_well(world.clock.pass_time(seconds=1))


def test_a_surprise_in_one_account_ends_no_passes(world: World, health: Health) -> None:
    def surprise(call: str) -> None:
        if call == "GetAccountAuthorizationDetails":
            raise OverflowError(call)

    world.cloud.before = surprise
    [report] = run_one(health)
    assert "OverflowError" in report.failures[0].sentence
    world.cloud.before = lambda _: None
    assert run_one(health)[0].failures == ()


def test_what_leases_have_left_running_is_told_by_every_process(world: World) -> None:
    """What a pass saw goes through the database: the page may be another process's."""
    lease = world.active()
    left = LeftRunning(
        instance=Instance(id="i-1", region="eu-central-1", state="running", lease_id=lease.id),
        lease=lease,
        since=world.clock.now(),
        stops_at=world.clock.now() + timedelta(hours=1),
    )
    unknown = replace(left, lease=None, since=None, stops_at=None)
    passes = MemoryPasses()
    wired = {"broker": world.broker, "reconciler": world.reconciler, "clock": world.clock, "passes": passes}
    run_account = world.reconciler.run_account
    world.reconciler.run_account = lambda *given, **named: replace(  # type: ignore[method-assign] # instances elsewhere
        run_account(*given, **named), left_running=(left, unknown)
    )
    Health(**wired).run_pass()
    [report] = Health(**wired).state.reports
    assert report.left_running == (left, unknown)
    json.dumps(passes.kept()["main"].content)
