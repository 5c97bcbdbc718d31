"""A small HTTP server on this machine that answers as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; a body that is no bytes is JSON, an iterator is sent piece by piece."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def answer(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        asked = Asked(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        reply: Reply = self.server.reply(asked)  # type: ignore[attr-defined] # set where the server is made
        self.send_response_only(reply.status)
        always = {"Content-Type": "application/json", "Date": self.date_time_string()}
        for name, value in {**always, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in _pieces(reply.body):
                self.wfile.write(piece)
                self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            return

    do_GET = answer  # noqa: N815 - the names that http.server looks for
    do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _pieces(body: Any) -> Iterator[bytes]:
    if isinstance(body, bytes):
        yield body
    elif isinstance(body, Iterator):
        yield from body
    else:
        yield json.dumps(body).encode()


@contextmanager
def serving(reply: Callable[[Asked], Reply]) -> Iterator[str]:
    """Serve until the block is left; the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.reply = reply  # type: ignore[attr-defined] # read by the handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
