"""keylease's own server with leases of kind session, over the fake AWS, at the present time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from keylease.domain.clock import SystemClock
from keylease.sandbox.company import free_port
from keylease.web import create
from session_world import SessionWorld
from world import ANNA, MARA, PRIYA
from world_app import app_of

PEOPLE = (MARA, PRIYA, ANNA)


@contextmanager
def real_server() -> Iterator[tuple[str, SessionWorld]]:
    """Run one until the block is left; its address, and what is behind it."""
    world = SessionWorld()
    world.clock.move_to(SystemClock().now())
    address = f"http://127.0.0.1:{free_port()}"
    port = int(address.rsplit(":", 1)[1])
    web = create(app_of(world, PEOPLE), address=address)
    server = uvicorn.Server(uvicorn.Config(web, port=port, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        SystemClock().sleep(0.01)
    yield address, world
    server.should_exit = True
    thread.join(timeout=10)
