"""Waiting for the browser on this machine: a small server on 127.0.0.1 that takes one answer (RFC 8252).

It listens on a port that was free, answers at one path, and takes an answer only if it carries the state that was
sent along; anything else that comes is turned away and waited past. The browser is then sent on to a page of the
server's, so what it brought does not stay in its address line.
"""

from __future__ import annotations

import hmac
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from keylease.domain.secret import Secret
from keylease.domain.terminal import LANDING

MOST = 8192
"""Bytes of an address; a code and a state stay far below."""
_SECONDS = 10
"""For one request: a browser that keeps a connection open holds nobody up."""


class Landing:
    """Listens while the block runs."""

    def __init__(self, *, state: Secret, onwards: str) -> None:
        self._answer: dict[str, str] | None = None
        self._came = threading.Event()
        self._server = _Server(self._take, state, onwards)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )

    @property
    def redirect(self) -> str:
        """The address to be sent to."""
        return f"http://127.0.0.1:{self._server.server_port}{LANDING}"

    def wait(self, seconds: float) -> dict[str, str] | None:
        """What the browser brought; None where it did not come in time."""
        self._came.wait(seconds)
        return self._answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, answer: dict[str, str]) -> None:
        if self._answer is None:
            self._answer = answer
            self._came.set()


class _Server(ThreadingHTTPServer):
    def __init__(self, take: Any, state: Secret, onwards: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.take = take
        self.state = state
        self.onwards = onwards


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS
    server_version, sys_version = "keylease", ""

    def do_GET(self) -> None:
        """Take the answer, or turn it away."""
        parts = urlsplit(self.path)
        brought = {name: values[0] for name, values in parse_qs(parts.query).items()}
        is_ours = self.headers.get("Host") == f"127.0.0.1:{self.server.server_port}" and parts.path == LANDING
        is_asked = hmac.compare_digest(brought.get("state", "").encode(), self.server.state.reveal().encode())
        if len(self.path) > MOST or not (is_ours and is_asked):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", self.server.onwards)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.server.take(brought)

    def log_message(self, *_: Any) -> None:
        """What comes here is written nowhere."""
