"""What leases have launched, on the pages and over HTTP: what one may pass, and what runs on after its lease."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from web_world import SETTINGS, World, page_of

from keylease.client import Client
from keylease.domain.lease import Lease
from keylease.errors import NoSuchLease, NothingLaunched
from keylease.ports import LaunchRole

WORKER = LaunchRole(arn="arn:aws:iam::123456784471:role/keylease/launch/worker", instance_profiles=("worker",))


@pytest.fixture
def world(serve: Callable[[dict[str, Any]], World]) -> World:
    settings = copy.deepcopy(SETTINGS)
    settings["launch"] = {"regions": ["eu-central-1"], "stop_after": "3d"}
    return serve(settings)


def left_running(world: World) -> Lease:
    """A lease that was given back, with an instance that runs on; a pass has seen it."""
    lease = world.active()
    world.instances.launch(lease.id)
    world.app.broker.revoke(world.person("tomas"), lease.id)
    world.app.health.run_pass()
    return lease


def test_what_runs_on_after_its_lease_is_on_the_administrators_page(world: World) -> None:
    lease = left_running(world)
    page = page_of(world, "anna", "/administration")
    assert "Instances whose lease is over" in page.text
    assert f"{lease.id} of Tomás Ortega, over since Tue 24 Nov" in page.text
    assert "to be stopped Fri 27 Nov" in page.text


def test_its_owner_reads_it_on_the_page_of_the_lease(world: World) -> None:
    lease = left_running(world)
    page = page_of(world, "tomas", f"/leases/{lease.id}")
    assert "What it launched is still there" in page.text
    assert "eu-central-1: running, to be stopped Fri 27 Nov" in page.text
    assert "still there" not in page_of(world, "mara", f"/leases/{world.active('mara').id}").text


def test_one_without_a_lease_is_listed_too_and_what_is_stopped_is_not_to_be_stopped(world: World) -> None:
    world.instances.launch("L-0000000z")
    world.instances.launch(left_running(world).id, state="stopped")
    world.app.health.run_pass()
    page = page_of(world, "anna", "/administration")
    assert "Its tag names no lease of this ledger, so it is never stopped." in page.text
    assert page.text.count("to be stopped") == 1
    with world.program("anna") as client:
        assert client.get("/healthz").json()["left_running"] == 2


def test_where_nothing_runs_on_the_pages_say_nothing_of_it(world: World) -> None:
    world.instances.launch(world.active().id)
    world.app.health.run_pass()
    assert "Instances" not in page_of(world, "anna", "/administration").text


def test_a_person_is_told_which_roles_a_lease_may_pass(world: World) -> None:
    world.instances.roles = (WORKER,)
    lease = world.approved()
    told = {"arn": WORKER.arn, "instance_profiles": ["worker"]}
    with Client(world.address, person="tomas") as tomas, Client(world.address, person="nils") as nils:
        assert tomas.launch_roles(lease.id) == [told]
        with pytest.raises(NoSuchLease):
            nils.launch_roles(lease.id)


def test_an_account_that_is_not_watched_has_none_to_tell(world: World) -> None:
    lease = world.ask(wanted="platform/logs-read", until="1d")
    with Client(world.address, person="tomas") as tomas, pytest.raises(NothingLaunched) as refused:
        tomas.launch_roles(lease.id)
    assert "docs/how-to/launch.md" in refused.value.hint
