"""Signing in for real: a real OpenID provider, a real browser, and keylease's own server between them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from chromium import chromium
from directory_world import COMPANY
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect
from web_world import GROUPS, Switch

from identity.real_provider import PEOPLE, RealProvider, client, real_provider
from keylease.agent.landing import Landing
from keylease.app import App, Beside, assemble
from keylease.domain.access import Principal, who_is
from keylease.domain.clock import SystemClock
from keylease.domain.secret import random
from keylease.domain.terminal import challenge_of, number_of
from keylease.ports import Cloud
from keylease.settings import Settings
from keylease.testing import FakeClock, FakeCloud, MemoryStore
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling
from keylease.web.factory import attach

SOON = timedelta(seconds=8)
"""How old a sign-in may be for the grant that demands a fresh one."""
SETTINGS: dict[str, Any] = COMPANY | {
    "grants": {
        "media": COMPANY["grants"]["media"] | {"groups": PEOPLE["mara"]["groups"], "max_sign_in_age": "1m"},
        "logs": COMPANY["grants"]["logs"] | {"groups": PEOPLE["mara"]["groups"]},
    }
}


class RealTime(FakeClock):
    """The machine's own time; nobody waits."""

    def now(self) -> datetime:
        return SystemClock().now()


@dataclass(frozen=True)
class Place:
    """A keylease with a real directory."""

    address: str
    app: App
    provider: RealProvider


@pytest.fixture(scope="module")
def provider(server: tuple[str, Switch]) -> Iterator[RealProvider]:
    with real_provider((client(back=f"{server[0]}/sign-in/callback"),)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def place(server: tuple[str, Switch], web: FastAPI, provider: RealProvider) -> Place:
    address, switch = server
    clock = RealTime()
    cloud = FakeCloud(clock, groups=GROUPS)
    both = Cloud(issuer=cloud, remover=cloud)
    settings = _impatient(Settings(**SETTINGS))
    app = assemble(
        settings,
        MemoryStore(),
        {"media": both, "platform": both},
        clock,
        beside=Beside(kept=memory_kept(), telling=memory_telling()),
        sign_in=provider.entra().sign_in,
    )
    attach(web, app, address=address)
    switch.app = web
    return Place(address, app, provider)


def _impatient(settings: Settings) -> Settings:
    """Shorter than a configuration may say, so that a test need not wait for a minute."""
    media = settings.grants["media"].model_copy(update={"max_sign_in_age": SOON})
    return settings.model_copy(update={"grants": settings.grants | {"media": media}})


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    made.set_default_timeout(20_000)
    yield made
    made.close()


def sign_in(page: Page, person: str, *, again: bool = False) -> None:
    """Say who one is on the provider's own pages, and the first time let keylease know it."""
    page.get_by_placeholder("Enter any login").fill(person)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    if not again:
        page.get_by_role("button", name="Continue").click()


def test_a_person_signs_in_comes_back_to_the_page_and_signs_out(
    place: Place, context: BrowserContext, caplog: pytest.LogCaptureFixture
) -> None:
    for server in ("keylease", "uvicorn.error"):
        caplog.set_level(logging.DEBUG, server)
    page = context.new_page()
    page.goto(f"{place.address}/approvals?x=1")
    assert page.url.startswith(place.provider.issuer)
    sign_in(page, "mara")
    page.wait_for_url(f"{place.address}/approvals?x=1")
    expect(page.get_by_role("link", name="Mara Lind")).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in context.cookies(place.address)}
    kept = cookies["keylease"]
    assert (kept["httpOnly"], kept["sameSite"], kept["path"], kept["domain"]) == (True, "Lax", "/", "127.0.0.1")
    assert page.evaluate("document.cookie") == ""

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{place.address}/signed-out")
    assert "keylease" not in {cookie["name"] for cookie in context.cookies(place.address)}
    context.add_cookies([{"name": "keylease", "value": kept["value"], "url": place.address}])
    page.goto(f"{place.address}/healthz")
    assert page.evaluate("fetch('/leases', {redirect: 'manual'}).then((answer) => answer.type)") == "opaqueredirect"
    for cookie in cookies.values():
        assert cookie["value"] not in caplog.text


def test_who_is_signed_in_at_the_directory_walks_through(place: Place, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(place.address)
    sign_in(page, "mara")
    page.wait_for_url(f"{place.address}/leases")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").click()
    page.wait_for_url(f"{place.address}/leases")


def test_tabs_that_wake_up_at_once_all_come_back(place: Place, context: BrowserContext) -> None:
    first = context.new_page()
    first.goto(f"{place.address}/leases")
    sign_in(first, "mara")
    first.wait_for_url(f"{place.address}/leases")
    context.clear_cookies(name="keylease")
    paths = ("/leases", "/approvals", "/leases/new")
    tabs = [context.new_page() for _ in paths]
    for tab, path in zip(tabs, paths, strict=True):
        tab.evaluate("(address) => { location.href = address }", f"{place.address}{path}")
    for tab, path in zip(tabs, paths, strict=True):
        tab.wait_for_url(f"{place.address}{path}")


def test_a_grant_that_wants_a_fresh_sign_in_gets_one_and_the_form_goes_through(
    place: Place, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{place.address}/leases/new")
    sign_in(page, "mara")
    page.wait_for_url(f"{place.address}/leases/new")
    page.wait_for_timeout((SOON.total_seconds() + 1) * 1000)
    _ask(page)
    expect(page.get_by_role("heading", name="Sign in again")).to_be_visible()
    expect(page.get_by_text("no older than")).to_be_visible()
    assert place.app.visibility.mine(_mara(place)) == []

    page.get_by_role("link", name="Sign in", exact=True).click()
    sign_in(page, "mara", again=True)
    page.wait_for_url(f"{place.address}/leases/new")
    _ask(page)
    page.wait_for_url(re.compile(r"/leases/L-"))
    [lease] = place.app.visibility.mine(_mara(place))
    assert lease.reason == "Winter masters"


def test_a_form_that_is_sent_after_the_end_of_the_session_leads_through_the_directory(
    place: Place, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{place.address}/leases/new")
    sign_in(page, "mara")
    page.wait_for_url(f"{place.address}/leases/new")
    place.app.browsers.leave_everywhere(_mara(place))
    _ask(page)
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.wait_for_url(f"{place.address}/leases/new")


def test_a_no_at_the_directory_is_told_with_a_way_on(place: Place, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(place.address)
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="Sign in again")).to_be_visible()
    expect(page.get_by_text("KL-308")).to_be_visible()
    page.get_by_role("link", name="Sign in", exact=True).click()
    sign_in(page, "mara")
    page.wait_for_url(f"{place.address}/leases")


@pytest.mark.parametrize(
    ("button", "brought"), [("Yes, sign in this terminal", {"code", "state"}), ("No", {"error", "state"})]
)
def test_a_terminals_answer_arrives_on_this_machine(
    place: Place, context: BrowserContext, button: str, brought: set[str]
) -> None:
    page, verifier, state = context.new_page(), random(), random()
    challenge = challenge_of(verifier)
    with Landing(state=state, onwards=f"{place.address}/cli/done") as landing:
        page.goto(
            f"{place.address}/cli/authorize?code_challenge={challenge}&redirect={landing.redirect}"
            f"&state={state.reveal()}&machine=laptop"
        )
        sign_in(page, "mara")
        expect(page.get_by_text(number_of(challenge)).first).to_be_visible()
        page.get_by_role("button", name=button, exact=True).click()
        page.wait_for_url(f"{place.address}/cli/done")
        answer = landing.wait(10)
    assert answer is not None
    assert answer.keys() == brought
    if "code" in brought:
        assert len(answer["code"]) == 43


def test_a_code_is_shown_to_be_pasted_and_copied(place: Place, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{place.address}/cli/authorize?code_challenge={challenge_of(random())}")
    sign_in(page, "mara")
    page.get_by_role("button", name="Yes, sign in this terminal").click()
    code = page.get_by_label("Code, good for one minute").input_value()
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == code
    assert code not in page.url


def _ask(page: Page) -> None:
    page.get_by_label("Upload to media-archive").check()
    page.get_by_label("1 week").check()
    page.locator("#reason").fill("Winter masters")
    page.get_by_role("button", name=re.compile("^Ask")).click()


def _mara(place: Place) -> Principal:
    """Mara, as the directory names her."""
    names = [link.event.actor for link in place.app.store.events() if link.event.action == "signed-in"]
    issuer, subject = who_is(names[0])
    return Principal(issuer=issuer, subject=subject, name="Mara Lind")
