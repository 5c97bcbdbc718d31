"""A real server over a fake AWS, a server that answers what a test wants, and the command line at either."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from command_line import CommandLine

from keylease.app import App
from keylease.browsers import Browsers, Stay
from keylease.health import Health
from keylease.identity.unsafe import UnsafePeople
from keylease.notices import Book, Notices
from keylease.second_thoughts import SecondThoughts
from keylease.session_leases import SessionLeases
from keylease.terminals import TerminalSignIns
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling
from keylease.web import create
from world import ANNA, MARA, PRIYA, STRANGER, TOMAS, World

PEOPLE = (MARA, PRIYA, TOMAS, ANNA, STRANGER)


def app_of(world: World) -> App:
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
        session_leases=SessionLeases(
            store=world.store, clouds=world.clouds, catalogue=world.catalogue, clock=world.clock
        ),
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


@pytest.fixture
def app(world: World) -> App:
    """What the server serves."""
    return app_of(world)


@pytest.fixture
def server(app: App) -> Iterator[str]:
    """keylease's own server over the fake AWS; its address."""
    server = uvicorn.Server(uvicorn.Config(create(app), port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)  # noqa: TID251 - a real server in a real thread
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def keylease(server: str, tmp_path: Path) -> CommandLine:
    return CommandLine(server, tmp_path)


Answer = Callable[[str, str], tuple[int, str]]


@pytest.fixture
def stand_in() -> Iterator[Callable[[Answer], str]]:
    """A server that answers whatever the test wants; its address."""
    running: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, body = answer(self.command, self.path)
                content = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(BrokenPipeError):  # a command that was interrupted reads no answer
                    self.wfile.write(content)

            do_POST = do_GET  # noqa: N815 - the base class names it so

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
