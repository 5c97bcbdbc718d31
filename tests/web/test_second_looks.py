"""A double click, the back button, a stale tab, two people at once, a reload: a sentence each, and no harm."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from web_world import Page, World, page_of

from keylease.domain.lease import Lease, State
from keylease.errors import AwsCredentials, GroupMissing
from keylease.testing import fail_at
from keylease.web import hints


def post(world: World, who: str, path: str, **filled: str) -> httpx.Response:
    with world.browser(who) as client:
        return client.post(path, data=filled)


def test_a_second_press_of_approve_is_no_mistake(world: World) -> None:
    lease = world.ask()
    first, second = (post(world, "priya", f"/leases/{lease.id}/approve") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert "Approved: Tomás Ortega" in Page(second.text).text
    assert [link.event.action for link in world.store.chain if link.event.lease_id] == ["requested", "approved"]


def test_a_second_press_of_deny_is_no_mistake(world: World) -> None:
    lease = world.ask()
    answers = [post(world, "priya", f"/leases/{lease.id}/deny", reason="Logs are enough.") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "Denied: Tomás Ortega" in Page(answers[1].text).text


@pytest.mark.parametrize(
    ("act", "filled"), [("approve", {}), ("deny", {"reason": "No."}), ("approve", {"until": "1d"})]
)
def test_whoever_decides_second_reads_who_decided_and_when(world: World, act: str, filled: dict[str, str]) -> None:
    lease = world.approved()
    world.clock.pass_time(minutes=3)
    before = world.store.get(lease.id)

    answer = post(world, "jonas", f"/leases/{lease.id}/{act}", **filled)

    text = Page(answer.text).text
    assert answer.status_code == 409
    assert f"Priya Raman approved {lease.id} at Tue 24 Nov 2026, 12:00 UTC." in text
    assert "Nothing is left to do." in text
    assert world.store.get(lease.id) == before


def test_who_denies_after_having_approved_is_told_so(world: World) -> None:
    lease = world.approved()
    assert post(world, "priya", f"/leases/{lease.id}/deny", reason="No.").status_code == 409
    assert world.store.get(lease.id).state is State.APPROVED


def test_a_stale_tab_approves_nothing_that_was_withdrawn(world: World) -> None:
    lease = world.ask()
    world.app.broker.revoke(world.person("tomas"), lease.id)
    answer = post(world, "priya", f"/leases/{lease.id}/approve")
    assert answer.status_code == 409
    assert "was closed before anybody decided" in Page(answer.text).text


def test_a_reload_after_collecting_shows_no_key_again_and_says_what_to_do(world: World) -> None:
    lease = world.approved()
    first = post(world, "tomas", f"/leases/{lease.id}/collect")
    secret = next(value for value in first.text.split() if "fake/secret/" in value)
    again = post(world, "tomas", f"/leases/{lease.id}/collect")
    text = Page(again.text).text
    assert again.status_code == 409
    assert "was collected at Tue 24 Nov 2026, 12:00 UTC" in text
    assert "“New key, same end” makes another" in text
    assert secret not in again.text
    assert len(world.cloud.users) == 1
    assert first.headers["cache-control"] == "no-store"


def test_the_back_button_after_collecting_leads_to_a_page_without_a_key(world: World) -> None:
    lease = world.collecting()
    page = page_of(world, "tomas", f"/leases/{lease.id}/collect")
    assert "There is nothing to collect now." in page.text


@pytest.mark.parametrize(
    ("made", "act", "says"),
    [
        (World.ask, "replace", "has no access key that could be replaced"),
        (World.ask, "undo", "There is no approval"),
        (World.active, "undo", "There is no approval"),
    ],
)
def test_a_stale_tab_takes_back_nothing(world: World, made: Callable[[World], Lease], act: str, says: str) -> None:
    lease = made(world)
    before = world.store.get(lease.id)
    who = "tomas" if act == "replace" else "priya"
    answer = post(world, who, f"/leases/{lease.id}/{act}")
    assert answer.status_code == 409
    assert says in Page(answer.text).text
    assert world.store.get(lease.id) == before


def test_giving_back_twice_is_told_and_changes_nothing(world: World) -> None:
    lease = world.active()
    answers = [post(world, "tomas", f"/leases/{lease.id}/revoke") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert "has ended already" in Page(answers[1].text).text


def test_a_hint_fits_whoever_reads_it(world: World) -> None:
    failure = AwsCredentials("The remover's credentials are refused.")
    said = {}
    for who in ("tomas", "anna"):
        lease = world.active()
        world.cloud.before = fail_at("RemoveUserFromGroup", failure)
        world.store.before = fail_at("save", failure)
        said[who] = Page(post(world, who, f"/leases/{lease.id}/revoke").text).text
        world.cloud.before = world.store.before = lambda _: None
    assert hints.TELL in said["tomas"]
    assert "which credentials it used" in said["anna"]


def test_who_asks_is_not_told_to_configure_the_server(world: World) -> None:
    world.cloud.groups.clear()
    with world.program("tomas") as client:
        body = {"permission_set": "media-write", "account": "media", "until": "2w", "reason": "Winter masters"}
        told = client.post("/api/leases", json=body).json()
    assert told["code"] == GroupMissing.code
    assert told["hint"] == hints.TELL


def test_no_page_names_a_command_where_a_button_does_the_same() -> None:
    commands = ("keylease list", "keylease show", "keylease revoke", "keylease renew", "keylease sets")
    assert [hint for hint in hints.ON_PAGES.values() if any(one in hint for one in commands)] == []
