"""keylease's own server with leases of kind session, over the fake AWS, at the present time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import uvicorn

from keylease.app import App
from keylease.browsers import Browsers, Stay
from keylease.domain.clock import SystemClock
from keylease.health import Health
from keylease.identity.unsafe import UnsafePeople
from keylease.notices import Book, Notices
from keylease.sandbox.company import free_port
from keylease.second_thoughts import SecondThoughts
from keylease.terminals import TerminalSignIns
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling
from keylease.web import create
from session_world import SessionWorld
from world import ANNA, MARA, PRIYA

PEOPLE = (MARA, PRIYA, ANNA)


@contextmanager
def real_server() -> Iterator[tuple[str, SessionWorld]]:
    """Run one until the block is left; its address, and what is behind it."""
    world = SessionWorld()
    world.clock.move_to(SystemClock().now())
    address = f"http://127.0.0.1:{free_port()}"
    port = int(address.rsplit(":", 1)[1])
    web = create(_app(world), address=address)
    server = uvicorn.Server(uvicorn.Config(web, port=port, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        SystemClock().sleep(0.01)
    yield address, world
    server.should_exit = True
    thread.join(timeout=10)


def _app(world: SessionWorld) -> App:
    unsafe, kept = UnsafePeople(PEOPLE, world.clock), memory_kept()
    return App(
        catalogue=world.catalogue,
        store=world.store,
        clouds=world.clouds,
        clock=world.clock,
        broker=world.broker,
        visibility=world.visibility,
        reconciler=world.reconciler,
        health=Health(broker=world.broker, reconciler=world.reconciler, clock=world.clock),
        second_thoughts=SecondThoughts(
            broker=world.broker,
            store=world.store,
            clouds=world.clouds,
            catalogue=world.catalogue,
            clock=world.clock,
        ),
        session_leases=world.session_leases,
        sign_in=unsafe,
        browsers=Browsers(sign_in=unsafe, kept=kept, store=world.store, clock=world.clock, stay=Stay()),
        terminals=TerminalSignIns(kept=kept, store=world.store, clock=world.clock, lasts=timedelta(days=30)),
        unsafe=unsafe,
        telling=(telling := memory_telling()),
        notices=Notices(
            store=world.store,
            telling=telling,
            clouds=world.clouds,
            catalogue=world.catalogue,
            clock=world.clock,
            book=Book(),
            address="http://127.0.0.1",
        ),
        unsafe_people={person.subject: person.name for person in PEOPLE},
    )
