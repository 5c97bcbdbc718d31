"""A lease on its pages, in every state that it can be in."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from web_world import Page, World, page_of

from keylease.domain.lease import Lease
from keylease.errors import AwsFailed
from keylease.testing import away, fail_at


def ending_soon(world: World) -> Lease:
    lease = world.active(until="2w")
    world.clock.pass_time(days=12)
    return lease


def over(world: World) -> Lease:
    lease = world.active(until="1w")
    world.clock.pass_time(days=8)
    return lease


def closed(world: World) -> Lease:
    lease = over(world)
    world.app.reconciler.run()
    return lease


def undecided(world: World) -> Lease:
    lease = world.ask(until="1w")
    world.clock.pass_time(days=8)
    world.app.reconciler.run()
    return lease


def revoking(world: World) -> Lease:
    lease = world.active()
    world.cloud.before = away
    return world.app.broker.revoke(world.person("priya"), lease.id)


def stuck(world: World) -> Lease:
    lease = world.active()
    world.cloud.before = fail_at("DeleteUser", AwsFailed("AWS says that there is something left."))
    for _ in range(5):
        lease = world.app.broker.revoke(world.person("tomas"), lease.id)
    return lease


def denied(world: World) -> Lease:
    return world.app.broker.deny(world.person("priya"), world.ask().id, reason="Logs are enough.")


def withdrawn(world: World) -> Lease:
    return world.app.broker.revoke(world.person("tomas"), world.ask().id)


def retiring(world: World) -> Lease:
    old = world.active(until="4w")
    new = world.app.broker.renew(world.person("tomas"), old.id)
    world.app.broker.approve(world.person("priya"), new.id)
    made = world.app.broker.collect(world.person("tomas"), new.id).lease
    world.app.broker.acknowledge(world.person("tomas"), new.id, made.access_key_id or "")
    return old


STATES: list[tuple[Callable[[World], Lease], str, str, str, set[str]]] = [
    (World.ask, "Waiting for somebody else", "Requested", "can approve", {"revoke"}),
    (World.approved, "Your turn", "Approved", "by Priya Raman", {"collect", "revoke", "end.ics"}),
    (World.collecting, "Your turn", "Collecting", "the word that you have it", {"replace", "revoke"}),
    (World.active, "Working", "Active", "Collected just now", {"renew", "replace", "revoke", "end.ics"}),
    (ending_soon, "Your turn", "Ending soon", "2 days left", {"renew", "replace", "revoke", "end.ics"}),
    (retiring, "Working", "Ending soon", "Renewed", {"renew", "replace", "revoke", "end.ics"}),
    (over, "Ended (1)", "Expired", "AWS refuses its access key", {"renew", "revoke"}),
    (closed, "Ended (1)", "Expired", "Its time was up.", {"renew"}),
    (undecided, "Ended (1)", "Expired", "Nobody decided on it.", {"renew"}),
    (revoking, "Ended (1)", "Revoked", "It is being taken away.", {"renew", "revoke"}),
    (stuck, "Waiting for somebody else", "Stuck", "AWS refuses the access key", {"renew", "revoke"}),
    (denied, "Ended (1)", "Denied", "Logs are enough.", {"renew"}),
    (withdrawn, "Ended (1)", "Withdrawn", "It was withdrawn", {"renew"}),
]


@pytest.mark.parametrize(("made", "turn", "word", "sentence", "actions"), STATES)
def test_a_lease_is_told_in_every_state(
    world: World, made: Callable[[World], Lease], turn: str, word: str, sentence: str, actions: set[str]
) -> None:
    lease = made(world)

    listed, own = page_of(world, "tomas", "/leases"), page_of(world, "tomas", f"/leases/{lease.id}")

    groups = re.split("(Your turn|Working|Waiting for somebody else|Ended \\(\\d\\))", listed.text)
    assert word in groups[groups.index(turn) + 1]
    assert word in own.text
    assert sentence in listed.text
    assert sentence in own.text
    here = [link for link in own.links if link.startswith(f"/leases/{lease.id}/") and "/files/" not in link]
    offered = {link.rsplit("/", 1)[1] for link in here}
    assert offered == actions


@pytest.mark.parametrize(("made", "word"), [(case[0], case[2]) for case in STATES])
def test_everybodys_leases_are_listed_for_auditors(world: World, made: Callable[[World], Lease], word: str) -> None:
    lease = made(world)

    page = page_of(world, "otto", "/leases/all")

    assert word in page.text
    assert f"/leases/{lease.id}" in page.links
    assert page_of(world, "otto", f"/leases/{lease.id}").forms[1:] == [], "an auditor only reads"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (World.ask, "Nobody will be asked to decide any more"),
        (World.approved, "It can no longer be collected"),
        (World.active, "stops working at once"),
        (closed, "this lease has ended"),
    ],
)
def test_what_an_early_end_does_is_said_before(world: World, made: Callable[[World], Lease], words: str) -> None:
    assert words in page_of(world, "tomas", f"/leases/{made(world).id}/revoke").text


def test_an_approver_takes_away_and_is_told_whose_programs_stop(world: World) -> None:
    page = page_of(world, "priya", f"/leases/{world.active().id}/revoke")

    assert "Take away" in page.text
    assert "Every program of Tomás Ortega" in page.text


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (World.approved, "shows it once"),
        (World.ask, "There is nothing to collect now. Jonas Weber"),
        (World.active, "There is nothing to collect now. Collected"),
    ],
)
def test_the_collecting_page_says_what_there_is(world: World, made: Callable[[World], Lease], words: str) -> None:
    assert words in page_of(world, "tomas", f"/leases/{made(world).id}/collect").text


def test_an_access_key_that_aws_does_not_know_yet_says_so(world: World) -> None:
    lease = world.approved()
    world.cloud.accepts = lambda access_key_id: not access_key_id  # type: ignore[method-assign]
    with world.browser("tomas") as client:
        page = Page(client.post(f"/leases/{lease.id}/collect").text)

    assert "AWS does not accept it everywhere yet" in page.text
