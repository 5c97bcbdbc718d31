"""What the forms offer, and what they say of mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from web_world import SETTINGS, Page, World, page_of

from keylease.testing import away


def test_the_form_offers_no_more_than_the_grants_allow(world: World) -> None:
    form = page_of(world, "tomas", "/leases/new").form("/leases/new")
    assert form.choices["what"] == ["media:media-write", "platform:logs-read", "media:share-out"]
    assert form.choices["chosen"] == ["1d12h", "1w", "1w3d", "2w", "4w"]
    assert "what" not in form.fields, "nothing is chosen where there is a choice"

    chosen = page_of(world, "tomas", "/leases/new?what=platform:logs-read").form("/leases/new")
    assert chosen.fields["what"] == "platform:logs-read"


def test_each_permission_set_knows_how_many_of_the_lengths_it_allows(world: World) -> None:
    with world.browser("tomas") as client:
        html = client.get("/leases/new").text

    allowed = dict(re.findall(r'value="([^"]+)" class="up-to-(\d)"', html))
    assert allowed == {"media:media-write": "5", "platform:logs-read": "3", "media:share-out": "1"}


def test_a_single_offer_is_chosen_and_its_own_limit_offered(serve: Callable[[dict[str, Any]], World]) -> None:
    world = serve(SETTINGS | {"grants": {"logs": SETTINGS["grants"]["logs"]}})

    page = page_of(world, "tomas", "/leases/new")

    form = page.form("/leases/new")
    assert form.fields["what"] == "platform:logs-read"
    assert form.choices["chosen"] == ["1w", "1w3d"]
    assert form.fields["chosen"] == "1w3d"
    assert "10 days" in page.text
    assert "Approved at once, by a rule." in page.text


def test_who_may_ask_for_nothing_is_told_so(world: World) -> None:
    assert "No grant lets you ask for anything." in page_of(world, "nils", "/leases/new").text
    assert "Nothing waits for you." in page_of(world, "nils", "/approvals").text
    assert "You have no leases." in page_of(world, "nils", "/leases").text


GOOD = {"what": "media:media-write", "chosen": "2w", "written": "", "reason": "Winter masters"}


@pytest.mark.parametrize(
    ("changes", "status", "field", "sentence"),
    [
        ({"reason": " "}, 422, "reason", "Say in one sentence what you need the access key for."),
        ({"reason": "x" * 201}, 422, "reason", "It has 201 characters; at most 200 fit."),
        ({"what": ""}, 422, "what", "Choose what you need."),
        ({"what": "media:root"}, 403, "what", "No grant lets you lease that."),
        ({"written": "soon"}, 422, "until", "“soon” is neither a duration"),
        ({"written": "5w"}, 422, "until", "At most 4w is possible"),
        ({"chosen": ""}, 422, "until", "Choose how long"),
        ({"written": "2026-11-24T12:00:05Z"}, 422, "until", "is over, or too near"),
        ({"what": "platform:logs-read"}, 422, "until", "At most 1w3d is possible"),
    ],
)
def test_a_mistake_is_said_on_the_form_and_nothing_written_is_lost(
    world: World, changes: dict[str, str], status: int, field: str, sentence: str
) -> None:
    filled = GOOD | changes
    with world.browser("tomas") as client:
        answer = client.post("/leases/new", data=filled)

    page = Page(answer.text)
    kept = page.form("/leases/new").fields
    assert answer.status_code == status
    assert page.text.startswith("Error: New request")
    assert page.text.count(sentence) >= 2, "in the summary and at the field"
    assert f"#{field}" in page.links
    assert f'id="{field}"' in answer.text
    assert 'role="alert" tabindex="-1" autofocus' in answer.text
    assert kept["reason"] == filled["reason"]
    assert kept["written"] == filled["written"]
    assert kept.get("chosen", "") == filled["chosen"]
    assert not world.store.leases


def test_what_is_written_counts_before_what_is_chosen(world: World) -> None:
    with world.browser("tomas") as client:
        client.post("/leases/new", data=GOOD | {"written": " 3d "})

    (lease,) = world.store.leases.values()
    assert lease.asked.days == 3  # type: ignore[union-attr]


def test_a_busy_ledger_does_not_lose_what_was_written(world: World) -> None:
    with world.browser("tomas") as client:
        world.store.before = lambda _: away("")
        answer = client.post("/leases/new", data=GOOD)

    assert answer.status_code == 503
    assert Page(answer.text).form("/leases/new").fields["reason"] == "Winter masters"


@pytest.mark.parametrize(
    ("act", "filled", "sentence"),
    [
        ("deny", {"reason": ""}, "Say in one sentence why not."),
        ("approve", {"until": "9w"}, "you can only shorten it."),
        ("approve", {"until": "soon"}, "neither a duration nor an instant"),
    ],
)
def test_a_decision_with_a_mistake_is_asked_again(
    world: World, act: str, filled: dict[str, str], sentence: str
) -> None:
    lease = world.ask()
    with world.browser("priya") as client:
        answer = client.post(f"/leases/{lease.id}/{act}", data=filled)

    page = Page(answer.text)
    assert answer.status_code == 422
    assert sentence in page.text
    assert page.form(f"/leases/{lease.id}/{act}").fields == filled
    assert world.store.get(lease.id).state == "requested"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"reason": ""}, "Say in one sentence"), ({"written": "9w"}, "At most 4w"), ({"written": "?"}, "neither")],
)
def test_a_renewal_with_a_mistake_is_asked_again(world: World, changes: dict[str, str], sentence: str) -> None:
    lease = world.active()
    with world.browser("tomas") as client:
        answer = client.post(f"/leases/{lease.id}/renew", data={"chosen": "1w", "reason": "More"} | changes)

    assert answer.status_code == 422
    assert sentence in Page(answer.text).text
    assert len(world.store.leases) == 1
