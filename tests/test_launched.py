"""Instances whose lease is over: which are listed, which are stopped, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from keylease.domain.lease import Lease
from keylease.domain.plan import Rules
from keylease.errors import AwsDenied, AwsUnreachable, NothingLaunched
from keylease.launched import Launched, launch_roles
from keylease.ports import Cloud, LaunchRole
from keylease.reconciler import PassReport, Reconciler
from keylease.testing import fail_at
from keylease.testing_sessions import FakeInstances
from session_world import SessionWorld
from world import MARA, PRIYA

GRACE = timedelta(days=1)


class Launching(SessionWorld):
    """Mara launches instances; passes stop them a day after the lease, unless told otherwise."""

    def __init__(self, grace: timedelta | None = GRACE) -> None:
        super().__init__()
        self.instances = FakeInstances()
        self.grace = grace
        self.clouds = {"main": Cloud(issuer=self.cloud, remover=self.cloud, instances=self.instances)}
        self.start()
        self.restart()

    def restart(self) -> None:
        """Another process runs passes."""
        rules = Rules(stop_instances_after=self.grace)
        self.reconciler = Reconciler(store=self.store, clouds=self.clouds, clock=self.clock, rules=rules)

    def pass_over(self, **length: float) -> PassReport:
        """Let time pass, then run a pass."""
        self.clock.pass_time(**length)
        return self.run_pass()

    def states(self) -> list[str]:
        return [one.state for one in self.instances.instances.values()]


@pytest.fixture
def world() -> Launching:
    return Launching()


def test_what_a_running_lease_launched_is_nobody_s_business(world: Launching) -> None:
    world.instances.launch(world.running().lease.id)
    assert world.pass_over(days=10).left_running == ()


def test_after_the_lease_it_is_listed_and_a_day_later_stopped(world: Launching) -> None:
    lease = world.running(timedelta(hours=12)).lease
    name = world.instances.launch(lease.id)
    [left] = world.pass_over(hours=12).left_running
    assert (left.instance.id, left.since) == (name, lease.expires_at)
    assert left.lease is not None
    assert left.lease.principal_name == "Mara Lind"
    assert world.pass_over(hours=23, minutes=59).left_running
    assert world.states() == ["running"]
    world.pass_over(minutes=1)
    assert world.states() == ["stopped"]
    assert [one.instance.state for one in world.run_pass().left_running] == ["stopped"], "listed all the same"
    events = [link.event for link in world.store.events() if link.event.action == "instance-stopping"]
    assert [(one.lease_id, one.details["instance"]) for one in events] == [(lease.id, name)]


def test_by_default_nothing_is_stopped() -> None:
    world = Launching(grace=None)
    world.instances.launch(world.running(timedelta(hours=12)).lease.id)
    assert world.pass_over(weeks=9).left_running
    assert world.states() == ["running"]


def test_where_nothing_is_watched_nothing_is_asked(world: Launching) -> None:
    world.instances.launch(world.running(timedelta(hours=12)).lease.id)
    world.clouds = {"main": replace(world.clouds["main"], instances=None)}
    world.restart()
    world.instances.before = fail_at("DescribeInstances", AssertionError("asked"))
    assert world.pass_over(weeks=2).left_running == ()


def renewed(world: Launching, lease: Lease) -> Lease:
    return world.broker.approve(PRIYA, world.broker.renew(MARA, lease.id).id)


def test_a_renewal_keeps_what_the_lease_before_it_launched(world: Launching) -> None:
    lease = world.running(timedelta(hours=12)).lease
    world.instances.launch(lease.id)
    world.clock.pass_time(hours=11)
    later = renewed(world, lease)
    assert world.pass_over(hours=2).left_running == (), "it was approved, and nobody has used it yet"
    world.take(later)
    assert world.pass_over(hours=8).left_running == ()
    [left] = world.pass_over(hours=3).left_running
    assert left.since == later.expires_at, "the last of them counts"


def test_an_early_return_counts_from_then(world: Launching) -> None:
    lease = world.running().lease
    world.instances.launch(lease.id)
    world.clock.pass_time(hours=1)
    returned = world.clock.now()
    world.broker.revoke(MARA, lease.id)
    world.pass_over(minutes=66)
    [left] = world.run_pass().left_running
    assert left.since is not None
    assert returned <= left.since <= returned + timedelta(minutes=66)
    world.pass_over(hours=24)
    assert world.states() == ["stopped"]


def test_an_instance_of_no_lease_or_of_another_account_s_is_told_and_never_stopped(world: Launching) -> None:
    lease = world.running(timedelta(hours=12)).lease
    world.store.leases["L-elsewhere"] = replace(lease, id="L-elsewhere", account="other")  # type: ignore[attr-defined]
    for lease_id in ("L-nobodys0", "", "L-elsewhere"):
        world.instances.launch(lease_id)
    for _ in range(3):
        assert [one.lease for one in world.pass_over(days=2).left_running] == [None, None, None]
    assert world.states() == ["running"] * 3


@pytest.mark.parametrize("state", ["stopping", "stopped", "shutting-down"])
def test_only_what_runs_is_stopped(world: Launching, state: str) -> None:
    world.instances.launch(world.running(timedelta(hours=12)).lease.id, state=state)
    world.pass_over(weeks=1)
    assert world.states() == [state]


def test_one_that_cannot_be_stopped_hides_no_other_and_is_recorded_once(world: Launching) -> None:
    lease = world.running(timedelta(hours=12)).lease
    first, second = (world.instances.launch(lease.id) for _ in range(2))
    stop = world.instances.stop

    def only_the_second(instance: object) -> None:
        if getattr(instance, "id", "") == first:
            raise AwsDenied("ec2:StopInstances")
        stop(instance)  # type: ignore[arg-type] - the fake's own

    world.instances.stop = only_the_second  # type: ignore[method-assign]
    for _ in range(3):
        report = world.pass_over(days=2)
        assert [type(one) for one in report.failures] == [AwsDenied]
    assert world.states() == ["running", "stopped"]
    events = [link.event.details["instance"] for link in world.store.events() if "instance" in link.event.action]
    assert events == [first, second]


def test_ec2_being_away_keeps_nothing_of_iam_from_being_done(world: Launching) -> None:
    lease, key = world.running(timedelta(hours=12)).lease, world.active(timedelta(hours=12))
    world.instances.launch(lease.id)
    world.instances.before = fail_at("DescribeInstances", AwsUnreachable("away"))
    report = world.pass_over(hours=12)
    assert report.done == {"End": 2}
    assert [type(one) for one in report.failures] == [AwsUnreachable]
    assert key.user_name not in world.cloud.users


def test_looking_alone_stops_nothing(world: Launching) -> None:
    lease = world.running(timedelta(hours=12)).lease
    world.instances.launch(lease.id)
    world.clock.pass_time(weeks=1)
    looking = Launched(store=world.store, clock=world.clock, stop_after=None)
    left = looking.left("main", world.instances)
    assert looking.stop("main", world.instances, left) == []
    assert world.states() == ["running"]


def test_it_is_said_when_an_instance_will_be_stopped_and_that_it_never_is(world: Launching) -> None:
    lease = world.running(timedelta(hours=12)).lease
    world.instances.launch(lease.id)
    [left] = world.pass_over(hours=12).left_running
    assert (left.runs, left.stops_at) == (True, lease.expires_at + GRACE)
    world.grace = None
    world.restart()
    assert [one.stops_at for one in world.run_pass().left_running] == [None]


def test_the_roles_that_a_lease_may_pass_are_those_of_its_account(world: Launching) -> None:
    worker = LaunchRole(arn="arn:aws:iam::1:role/keylease/launch/worker", instance_profiles=("worker",))
    world.instances.roles = (worker,)
    lease = world.granted()
    assert launch_roles(lease, world.clouds) == (worker,)


@pytest.mark.parametrize("account", ["main", "another"])
def test_where_nothing_is_watched_no_roles_are_told(world: Launching, account: str) -> None:
    lease = replace(world.granted(), account=account)
    with pytest.raises(NothingLaunched):
        launch_roles(lease, {"main": Cloud(issuer=world.cloud, remover=world.cloud)})
