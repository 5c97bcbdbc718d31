"""Each page in each state, looked at by a judge of accessibility (axe-core) in a real Chromium.

The pages are seen on a phone and on a desk, light and dark; nothing scrolls sideways at 320 px, and the console of
the browser, which tells of all that the content security policy has blocked, stays empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium
from gallery import SCENES, Scene
from playwright.sync_api import Browser, Page
from web_world import World

import nodejs

HERE = Path(__file__).parent / "axe"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = ((390, 844, "light"), (1280, 900, "dark"))
NARROW = 320


@pytest.fixture(scope="module")
def axe() -> str:
    nodejs.install(HERE)
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def look(browser: Browser, world: World, scene: Scene) -> tuple[Page, list[str]]:
    """Open the scene; the page, and what its console says meanwhile."""
    headers = {"Authorization": f"Unsafe-Person {scene.who}"} if scene.who else {}
    page = browser.new_context(extra_http_headers=headers).new_page()
    page.set_default_timeout(20_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    answer = page.goto(world.address + scene.made(world))
    if scene.press:
        with page.expect_navigation() as pressed:
            page.get_by_role("button", name=scene.press, exact=True).click()
        answer = pressed.value
    assert answer is not None
    assert answer.status == scene.status
    return page, said


def judged(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """The rules that are broken, and where."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


def shape(page: Page, width: int, height: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_each_page_is_usable_by_everybody(world: World, browser: Browser, axe: str, scene: Scene) -> None:
    page, said = look(browser, world, scene)
    for width, height, scheme in LOOKS:
        shape(page, width, height, scheme)
        assert judged(page, axe) == [], f"at {width} px, {scheme}"
    shape(page, NARROW, 640, "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, "it scrolls sideways"
    failed = "Failed to load resource: the server responded with a status of"
    assert [words for words in said if scene.status == 200 or not words.startswith(failed)] == []
    page.context.close()


def test_the_judge_finds_what_is_broken_on_purpose(world: World, browser: Browser, axe: str) -> None:
    page, said = look(browser, world, SCENES[2])
    page.evaluate(
        """() => {
            document.documentElement.removeAttribute("lang");
            document.querySelector("h1").remove();
            document.querySelector("#reason").removeAttribute("id");
            document.querySelector("main").insertAdjacentHTML("beforeend", "<p><img src=/static/keylease.svg></p>");
            document.querySelector("main p").style.color = "#bbb";
            const script = document.createElement("script");
            script.textContent = "1";
            document.head.append(script);
        }"""
    )
    page.wait_for_timeout(100)
    rules = {rule for rule, _ in judged(page, axe)}
    assert {"html-has-lang", "page-has-heading-one", "label", "image-alt", "color-contrast"} <= rules
    assert any("Content Security Policy" in words for words in said), "and the console tells what was blocked"
    page.context.close()
