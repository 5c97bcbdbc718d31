"""History with a filter in the address, as pages and as CSV; the administrators' page."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from gallery import many, stuck
from web_world import Page, World, page_of

from keylease.domain.lease import new_id


def fill(world: World, count: int) -> None:
    """So many leases of Tomás, a minute apart."""
    one = world.ask()
    for number in range(1, count):
        lease = replace(one, id=new_id(), requested_at=one.requested_at - timedelta(minutes=number))
        world.store.leases[lease.id] = lease


def ids(page: Page) -> list[str]:
    return [link.removeprefix("/leases/") for link in page.links if re.fullmatch(r"/leases/L-\w{8}", link)]


@pytest.mark.parametrize(
    ("address", "states"),
    [
        ("/leases/all", {"stuck", "closed", "denied", "active", "requested", "approved"}),
        ("/leases/all?show=requested", {"requested"}),
        ("/leases/all?show=approved", {"approved"}),
        ("/leases/all?show=active", {"active"}),
        ("/leases/all?show=ended", {"closed", "denied"}),
        ("/leases/all?show=stuck", {"stuck"}),
        (
            "/leases/all?show=no-such-thing&page=x&since=yesterday",
            {"stuck", "closed", "denied", "active", "requested", "approved"},
        ),
        ("/leases/all?who=MARA", {"active", "requested"}),
        ("/leases/all?what=logs-read", set()),
        ("/leases/all?account=platform", set()),
        ("/leases/all?since=2030-01-01", set()),
        ("/leases/all?before=2020-01-01", set()),
    ],
)
def test_a_filter_in_the_address_shows_what_fits(world: World, address: str, states: set[str]) -> None:
    many(world)
    page = page_of(world, "otto", address)
    assert {str(world.store.get(one).state) for one in ids(page)} == states
    assert "Nothing fits this filter." in page.text or states


def test_ones_own_history_shows_nobody_elses(world: World) -> None:
    many(world)
    page = page_of(world, "tomas", "/history?who=mara&show=all")
    assert {world.store.get(one).principal_name for one in ids(page)} == set()
    page = page_of(world, "tomas", "/history")
    assert {world.store.get(one).principal_name for one in ids(page)} == {"Tomás Ortega"}
    assert "KL-306" in page_of(world, "tomas", "/leases/all.csv", 403).text


def test_fifty_stand_on_a_page_and_the_filter_goes_along(world: World) -> None:
    fill(world, 120)
    first = page_of(world, "tomas", "/history?show=requested")
    assert "120 leases, page 1 of 3" in first.text
    older = next(link for link in first.links if "page=2" in link)
    assert older == "/history?show=requested&page=2"
    second = page_of(world, "tomas", older)
    third = page_of(world, "tomas", "/history?show=requested&page=3")
    seen = ids(first) + ids(second) + ids(third)
    assert len(seen) == len(set(seen)) == 120
    assert "/history?show=requested" in second.links
    assert [link for link in third.links if "page=4" in link] == []


def test_the_file_holds_all_that_fits_and_begins_no_formula(world: World) -> None:
    fill(world, 1203)
    newest = next(iter(world.store.leases))
    world.store.leases[newest] = replace(world.store.get(newest), reason='=HYPERLINK("https://example")')
    with world.program("tomas") as client:
        answer = client.get("/history.csv?show=requested")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(rows) == len({row["id"] for row in rows}) == 1203
    assert rows[0]["reason"] == '\'=HYPERLINK("https://example")'
    assert (rows[1]["status"], rows[1]["owner"], rows[1]["requested_at"]) == (
        "requested",
        "Tomás Ortega",
        "2026-11-24T11:59:00Z",
    )


def test_the_four_numbers_lead_to_what_they_count(world: World) -> None:
    many(world)
    expired = world.active("mara", until="1h")
    world.clock.pass_time(hours=2)
    with world.program("anna") as client:
        text = client.get("/administration").text
        numbers = re.findall(r'href="([^"]+)"><span class="number">(\d+)</span><span>([^<]+)</span>', text)
        for address, count, words in numbers:
            if address.startswith("/"):
                assert len(ids(Page(client.get(address).text))) == int(count), words
        overdue = Page(client.get("/leases/all?show=overdue").text)
    assert ids(overdue) == [expired.id]
    assert [words for _, _, words in numbers][::2] == ["stuck", "over, and still in AWS"]
    assert [count for _, count, _ in numbers] == ["1", "0", "1", "1"]


def test_the_administrators_page_says_who_has_what_and_how_the_last_pass_went(world: World) -> None:
    many(world)
    before = page_of(world, "anna", "/administration").text
    assert "No pass has run here" in before
    stuck(world)
    world.app.health.run_pass()
    page = page_of(world, "anna", "/administration")
    assert "The last pass was just now" in page.text
    assert page.text.index("Mara Lind Upload") < page.text.index("Tomás Ortega Upload"), "sorted by who"
    assert "KL-306" in page_of(world, "priya", "/administration", 403).text


def test_doctor_is_asked_by_a_button_and_for_administrators_alone(world: World) -> None:
    assert page_of(world, "anna", "/administration").form("/administration/doctor")
    with world.browser("anna") as anna:
        page = Page(anna.post("/administration/doctor").text)
    assert "1 thing to fix" in page.text
    assert page.text.index("4,100 of 5,000") < page.text.index("2 fences")
    with world.browser("otto") as otto:
        assert otto.post("/administration/doctor").status_code == 403
    assert [form.action for form in page_of(world, "otto", "/administration").forms] == ["/sign-out"]
