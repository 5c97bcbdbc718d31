"""A real server over a fake AWS, a server that answers what a test wants, and the command line at either."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from command_line import CommandLine

from keylease.app import App
from keylease.web import create
from world import ANNA, MARA, PRIYA, STRANGER, TOMAS, World
from world_app import app_of

PEOPLE = (MARA, PRIYA, TOMAS, ANNA, STRANGER)


@pytest.fixture
def app(world: World) -> App:
    """What the server serves."""
    return app_of(world, PEOPLE)


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
