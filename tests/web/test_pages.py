"""The other pages: approvals, the audit trail, failures, and what holds for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import pytest
from web_world import Page, World, page_of, sign_in

from keylease.domain import outlive
from keylease.domain.event import AuditEvent, ChainedEvent

NASTY = "<script>alert(1)</script> & \"quotes\" '{{ 7*7 }}'"


GOOD = {"what": "media:media-write", "chosen": "2w", "reason": "Winter masters"}


@pytest.mark.parametrize("path", ["shorten", "deny"])
def test_only_an_approver_sees_the_forms_of_a_decision(world: World, path: str) -> None:
    lease = world.ask("mara")

    assert "KL-304" in page_of(world, "mara", f"/leases/{lease.id}/{path}", 403).text
    world.app.broker.approve(world.person("priya"), lease.id)
    assert "KL-405" in page_of(world, "priya", f"/leases/{lease.id}/{path}", 409).text


def test_a_request_whose_end_has_come_can_only_be_denied(world: World) -> None:
    lease = world.ask(until="2026-11-24T13:00Z")
    world.clock.pass_time(hours=2)

    page = page_of(world, "priya", "/approvals")

    assert "The end they asked for has come meanwhile" in page.text
    assert f"/leases/{lease.id}/deny" in page.links
    assert f"/leases/{lease.id}/shorten" not in page.links


def test_an_approver_is_warned_of_what_can_be_opened_to_others(world: World) -> None:
    world.ask(wanted="media/share-out", until="1h")

    page = page_of(world, "priya", "/approvals")

    assert outlive.SHARED in page.text
    assert "Approve until today 13:00" in page.text


def test_the_navigation_counts_what_waits_and_shows_what_one_may_see(world: World) -> None:
    world.ask()

    assert "Approvals 1 waiting" in page_of(world, "priya", "/leases").text
    assert "Approvals My leases" not in page_of(world, "tomas", "/leases").text
    assert "/audit" in page_of(world, "otto", "/leases").links
    assert "/audit" not in page_of(world, "priya", "/leases").links


def test_the_audit_trail_is_for_auditors(world: World) -> None:
    lease = world.active()

    page = page_of(world, "otto", "/audit")

    assert "The chain holds, from its first record to number 6." in page.text
    assert world.store.chain[-1].hash in page.text
    assert f"/leases/{lease.id}" in page.links
    assert page.text.index("Access key collected") < page.text.index("Asked"), "newest first"
    assert "KL-306" in page_of(world, "priya", "/audit", 403).text
    assert "KL-306" in page_of(world, "priya", "/leases/all", 403).text


def test_an_empty_audit_trail_says_so(world: World) -> None:
    with world.program("anna") as anna:  # who signs in with a browser is on record
        assert "Nothing has happened yet." in Page(anna.get("/audit").text).text
        assert "Nobody has asked for anything yet." in Page(anna.get("/leases/all").text).text


def test_a_broken_chain_is_told_and_its_records_are_shown(world: World) -> None:
    world.active()
    link = world.store.chain[1]
    forged = AuditEvent(at=link.event.at, action="approved", actor="nobody", lease_id=None, details={})
    world.store.chain[1] = replace(link, event=forged)

    page = page_of(world, "otto", "/audit")

    assert "The chain does not hold. Record 2 (approved)" in page.text
    assert "KL-604" in page.text
    assert "nobody" in page.text


def test_the_audit_page_shows_the_newest_counts_all_and_reads_the_chain_once(world: World) -> None:
    for _ in range(250):
        world.store.append(AuditEvent(at=world.clock.now(), action="x", actor="y", details={}))
    read: list[int] = []
    whole = world.store.events

    def counted(*words: Any, **more: Any) -> Iterator[ChainedEvent]:
        for link in whole(*words, **more):
            read.append(link.seq)
            yield link

    with world.browser("otto") as client:
        world.store.events = counted  # type: ignore[method-assign]
        text = Page(client.get("/audit").text).text
    records = len(world.store.chain)
    assert f"The newest 200 of {records} records" in text
    assert len(read) == records + 200


def test_whatever_people_write_is_text_and_nothing_else(world: World) -> None:
    lease = world.ask(reason=NASTY)
    with world.browser("priya") as priya:
        priya.post(f"/leases/{lease.id}/deny", data={"reason": NASTY})
        answers = [
            priya.get(f"/leases/{lease.id}"),
            priya.post(f"/leases/{world.ask().id}/deny", data={"reason": ""}),
        ]
    world.ask(reason=NASTY)
    with world.browser("tomas") as tomas, world.browser("otto") as otto, world.browser("priya") as priya:
        answers += [tomas.post("/leases/new", data=GOOD | {"written": NASTY, "reason": NASTY})]
        answers += [tomas.get("/leases"), tomas.get(f"/leases/{NASTY}"), tomas.get(f"/{NASTY}")]
        answers += [otto.get("/audit"), otto.get("/leases/all"), priya.get("/approvals")]

    shown = [answer.text for answer in answers]
    assert any(escape(NASTY, quote=False).split(" ")[0] in text for text in shown)
    assert all("<script>alert" not in text and "49" not in re.findall("quotes.{20}", text) for text in shown)


def test_an_unknown_page_has_a_code_and_a_way_on(world: World) -> None:
    page = page_of(world, "tomas", "/nothing", 404)

    assert "There is nothing at /nothing." in page.text
    assert "KL-206" in page.text
    assert "/leases" in page.links


@pytest.mark.parametrize("path", ["/leases/L-00000000", "/leases/L-00000000/collect", "/approvals?done=L-00000000"])
def test_a_lease_that_is_not_there_has_a_page(world: World, path: str) -> None:
    assert "KL-401" in page_of(world, "tomas", path, 404).text


@pytest.mark.parametrize("path", ["/leases", "/approvals", "/leases/L-00000000/collect", "/audit"])
def test_who_is_not_signed_in_signs_in_and_comes_back(world: World, path: str) -> None:
    page = page_of(world, None, path)

    assert "Who are you?" in page.text
    assert "it is unsafe" in page.text
    assert page.form("/sign-in/unsafe").fields.keys() == {"state"}
    assert page.form("/sign-in/unsafe").choices["person"] == list(world.app.unsafe_people)
    with world.browser() as client:
        assert str(sign_in(client, "anna", path).url) == world.address + path


EVERY_PAGE = [
    "/leases",
    "/leases/new",
    "/leases/all",
    "/approvals",
    "/audit",
    "/sign-in",
    "/signed-out",
    "/sign-ins",
    "/cli/done",
    "/nothing",
]


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_pages_need_no_script_no_style_and_nothing_from_elsewhere(world: World, path: str) -> None:
    world.active()
    world.ask()
    with world.browser("anna") as client:
        html = client.get(path).text

    assert not re.search(r"<script(?! src=\"/static/)", html)
    assert not re.search(r"\s(style|on\w+)=", html)
    assert not re.search(r"(src|href|action)=\"(?!/|#)", html)
    assert all("UTC" in time for time in re.findall(r"<time [^>]*>(.*?)</time>", html))
    assert html.count("<h1") == 1
    assert '<html lang="en">' in html


def test_every_icon_is_hidden_from_screen_readers(world: World) -> None:
    world.active()
    with world.browser("tomas") as client:
        icons = re.findall("<svg[^>]*>", client.get("/leases").text)

    assert len(icons) > 3
    assert all('aria-hidden="true"' in icon for icon in icons)


def test_the_style_sheet_is_small_and_knows_light_and_dark(world: World) -> None:
    with world.browser() as client:
        css = client.get("/static/keylease.css").text

    assert len(css.encode()) < 25_000
    assert "color-scheme: light dark" in css
    assert ":focus-visible" in css
    assert "url(" not in css
