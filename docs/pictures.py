"""Pictures of the pages: `make pictures` writes them to docs/pictures, from the same scenes that tests look at.

Each is what a real Chromium shows of a real server over fakes, at a fixed moment; a picture changes when its page
does. A phone is 390 px wide, a desk 1280.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests" / "web"), str(HERE.parent / "tests")]

from chromium import chromium  # noqa: E402 - the tests' own folder comes first
from gallery import SCENES, Scene  # noqa: E402
from web_world import Switch, World, doctor_says  # noqa: E402

from keylease.web import create  # noqa: E402
from keylease.web.factory import attach  # noqa: E402

PICTURES = HERE / "pictures"
SHAPES = {"phone": (390, 844), "desk": (1280, 800)}
SHOWN = (
    ("leases", "desk", "light"),
    ("leases", "desk", "dark"),
    ("leases", "phone", "light"),
    ("request", "desk", "light"),
    ("request-error", "phone", "light"),
    ("lease-to-decide", "phone", "light"),
    ("approvals", "desk", "light"),
    ("approvals-done", "desk", "light"),
    ("shorten", "phone", "light"),
    ("deny", "phone", "light"),
    ("collect", "phone", "light"),
    ("access-key", "desk", "light"),
    ("access-key", "phone", "dark"),
    ("lease-active", "desk", "light"),
    ("lease-ending", "phone", "dark"),
    ("lease-stuck", "phone", "light"),
    ("renew", "desk", "light"),
    ("replace", "phone", "light"),
    ("give-back", "phone", "light"),
    ("all-leases-filtered", "desk", "light"),
    ("history", "desk", "light"),
    ("administration", "desk", "light"),
    ("administration", "phone", "dark"),
    ("doctor", "desk", "light"),
    ("notices", "desk", "light"),
    ("sign-in", "phone", "light"),
    ("sign-ins", "desk", "light"),
    ("not-there", "phone", "light"),
)
"""The scene, the shape and the colours of each picture."""


@contextmanager
def serving() -> Iterator[tuple[str, Switch]]:
    """A server on a free port of this machine, and the switch behind it."""
    switch = Switch()
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(switch, lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", switch
    running.should_exit = True
    thread.join(timeout=10)


def draw(browser: Any, address: str, switch: Switch, scene: Scene, shape: str, scheme: str) -> None:
    """Make one picture."""
    world = World(address)
    web = create(world.app, address=address, doctor=doctor_says)
    attach(web, world.app, address=address)
    switch.app = web
    width, height = SHAPES[shape]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        extra_http_headers={"Authorization": f"Unsafe-Person {scene.who}"} if scene.who else {},
    )
    page = context.new_page()
    page.goto(address + scene.made(world))
    if scene.press:
        page.get_by_role("button", name=scene.press, exact=True).click()
        page.wait_for_load_state()
    page.screenshot(path=PICTURES / f"{scene.name}-{shape}-{scheme}.png", full_page=True)
    context.close()


def main(wanted: list[str]) -> None:
    """Make all pictures, or those whose scenes are named."""
    PICTURES.mkdir(exist_ok=True)
    scenes = {scene.name: scene for scene in SCENES}
    with serving() as (address, switch), chromium() as browser:
        for name, shape, scheme in SHOWN:
            if not wanted or name in wanted:
                draw(browser, address, switch, scenes[name], shape, scheme)


if __name__ == "__main__":
    main(sys.argv[1:])
