"""People walk through each flow in a real Chromium; how often they press and how much they write is counted.

Each flow is walked on a phone without JavaScript, on a desk with it, and with the keyboard alone; what has the
focus must show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from chromium import chromium
from playwright.sync_api import Browser, BrowserContext, Page
from web_world import World

from keylease.domain.lease import Lease, State

MOST_TABS = 60
FOCUS = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const label = one.labels && one.labels.length ? one.labels[0].innerText : "";
    const shown = style.outlineStyle !== "none" ? style : getComputedStyle(one.closest("label") || one);
    const name = (label || one.innerText || "").trim();
    return {is_page: one === document.body, name, shows: shown.outlineStyle !== "none"};
}"""


@dataclass(frozen=True)
class Way:
    """How somebody walks."""

    name: str
    width: int
    scheme: str
    scripts: bool
    keyboard: bool = False


WAYS = (
    Way("phone-without-scripts", 390, "dark", scripts=False),
    Way("desk", 1280, "light", scripts=True),
    Way("keyboard", 1280, "dark", scripts=True, keyboard=True),
)


@dataclass
class Walk:
    """One person on their way, and what it has cost them."""

    page: Page
    way: Way
    pressed: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def press(self, name: str, *, role: str = "button") -> None:
        """A button or a link."""
        with self.page.expect_navigation():
            if self.way.keyboard:
                self._tab_to(name)
                self.page.keyboard.press("Enter")
            else:
                self.page.get_by_role(role, name=re.compile(f"^{re.escape(name)}")).first.click()  # type: ignore[arg-type] # its roles are literals
        self.pressed.append(name)

    def choose(self, name: str) -> None:
        """A radio button."""
        if self.way.keyboard:
            self._tab_to(name)
            self.page.keyboard.press("Space")
        else:
            self.page.get_by_label(name).first.check()
        self.pressed.append(name)

    def write(self, label: str, words: str) -> None:
        """A text."""
        if self.way.keyboard:
            self._tab_to(label)
            self.page.keyboard.type(words)
        else:
            self.page.get_by_label(label).fill(words)
        self.written.append(label)

    @property
    def cost(self) -> tuple[int, int]:
        """How often something was pressed, and how many texts were written."""
        return len(self.pressed), len(self.written)

    def _tab_to(self, name: str) -> None:
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            at = self.page.evaluate(FOCUS)
            assert at["shows"] or at["is_page"], f"{at['name']!r} does not show that it has the focus"
            if at["name"].startswith(name):
                return
        pytest.fail(f"the keyboard does not reach {name!r}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(params=WAYS, ids=[way.name for way in WAYS])
def walk(request: pytest.FixtureRequest, world: World, browser: Browser) -> Iterator[Callable[[str, str], Walk]]:
    """Somebody, from a page on."""
    way: Way = request.param
    opened: list[BrowserContext] = []

    def begin(who: str, path: str) -> Walk:
        context = browser.new_context(
            viewport={"width": way.width, "height": 844},
            color_scheme="dark" if way.scheme == "dark" else "light",
            java_script_enabled=way.scripts,
            extra_http_headers={"Authorization": f"Unsafe-Person {who}"},
        )
        context.set_default_timeout(10_000)
        opened.append(context)
        page = context.new_page()
        page.goto(world.address + path)
        return Walk(page, way)

    yield begin
    for context in opened:
        context.close()


Begin = Callable[[str, str], Walk]


def test_asking_takes_three_presses_and_one_sentence(world: World, walk: Begin) -> None:
    tomas = walk("tomas", "/leases")
    tomas.press("New request", role="link")
    tomas.choose("Upload to media-archive")
    tomas.write("What for?", "Winter masters")
    tomas.press("Ask for it")
    [lease] = world.store.leases.values()
    assert (lease.state, lease.reason, lease.asked.days) == (State.REQUESTED, "Winter masters", 14)  # type: ignore[union-attr] # a length
    assert "can approve" in tomas.page.inner_text("main")
    assert tomas.cost == (3, 1)


def test_renewing_takes_two_presses_from_the_first_day_on(world: World, walk: Begin) -> None:
    old = world.active()
    tomas = walk("tomas", "/leases")
    tomas.press("Renew", role="link")
    tomas.press("Ask again")
    assert [one.renewal_of for one in world.store.leases.values() if one.id != old.id] == [old.id]
    assert tomas.cost == (2, 0)


def test_approving_takes_one_press_on_the_page_that_a_link_opens(world: World, walk: Begin) -> None:
    lease = world.ask()
    priya = walk("priya", f"/leases/{lease.id}")
    assert world.store.get(lease.id) == lease, "looking decides nothing"
    for name in ("Approve until", "Deny"):
        place = priya.page.get_by_text(name, exact=False).first.bounding_box()
        assert place is not None
        assert place["y"] + place["height"] <= 844, f"{name} is not on the first screen"
    priya.press("Approve until Tue 8 Dec")
    assert world.store.get(lease.id).state is State.APPROVED
    assert priya.cost == (1, 0)
    priya.press("Take the approval back")
    assert world.store.get(lease.id).state is State.REQUESTED
    assert "waits again" in priya.page.inner_text("main")


def test_shortening_takes_two_presses_and_a_length(world: World, walk: Begin) -> None:
    lease = world.ask()
    priya = walk("priya", f"/leases/{lease.id}")
    priya.press("Shorter", role="link")
    priya.write("Until when, at most?", "3d")
    priya.press("Approve")
    assert (world.store.get(lease.id).expires_at - world.clock.now()).days == 3
    assert priya.cost == (2, 1)


def test_denying_takes_two_presses_and_a_sentence(world: World, walk: Begin) -> None:
    lease = world.ask()
    priya = walk("priya", f"/leases/{lease.id}")
    priya.press("Deny", role="link")
    priya.write("Why not?", "Logs are enough for this.")
    priya.press("Deny")
    assert world.store.get(lease.id).decision_reason == "Logs are enough for this."
    assert priya.cost == (2, 1)


def test_collecting_takes_two_presses_and_the_first_makes_nothing(world: World, walk: Begin) -> None:
    lease = world.approved()
    tomas = walk("tomas", "/leases")
    tomas.press("Collect", role="link")
    assert not world.cloud.users
    tomas.press("Show my access key")
    assert tomas.cost == (2, 0)
    shown = tomas.page.get_by_label("Secret access key", exact=True).input_value()
    assert shown.startswith("fake/secret/")
    tomas.press("I have saved it")
    assert world.store.get(lease.id).state is State.ACTIVE
    assert shown not in tomas.page.content()


@pytest.mark.parametrize("act", ["give back", "lost"])
def test_giving_back_and_replacing_take_two_presses(world: World, walk: Begin, act: str) -> None:
    lease: Lease = world.active()
    tomas = walk("tomas", f"/leases/{lease.id}")
    if act == "give back":
        tomas.press("Give back", role="link")
        tomas.press("Give back")
        assert world.store.get(lease.id).state is State.CLOSED
    else:
        tomas.press("New key, same end", role="link")
        assert world.cloud.accepts(lease.access_key_id or "")
        tomas.press("Take the old one away")
        assert not world.cloud.accepts(lease.access_key_id or "")
        assert world.store.get(lease.id).expires_at == lease.expires_at
    assert tomas.cost == (2, 0)
