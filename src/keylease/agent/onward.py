"""Handing a browser an address that nobody else should see: a server on 127.0.0.1 that sends one request on.

What opens a browser shows its address in the machine's list of processes. So the browser is given one of this
machine that opens once, for whoever comes first, and is of no use afterwards; that one leads to the real address.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from keylease.domain.secret import Secret

_SECONDS = 10
"""For one request: a connection that says nothing holds nobody up."""


class Onward:
    """Listens while the block runs."""

    def __init__(self, to: Secret) -> None:
        self._server = _Server(f"/{secrets.token_urlsafe(32)}", to)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )

    @property
    def address(self) -> str:
        """What the browser is given."""
        return f"http://127.0.0.1:{self._server.server_port}{self._server.path}"

    def wait(self, seconds: float) -> bool:
        """Whether somebody came in time and was sent on."""
        return self._server.came.wait(seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, path: str, to: Secret) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.path = path
        self.came = threading.Event()
        self._to: Secret | None = to
        self._turn = threading.Lock()

    def taken(self, path: str) -> str | None:
        """The address, for the first who names the path."""
        with self._turn:
            if self._to is None or not hmac.compare_digest(path.encode(), self.path.encode()):
                return None
            to, self._to = self._to, None
            return to.reveal()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS
    server_version, sys_version = "keylease", ""

    def do_GET(self) -> None:
        """Send the first who asks for the path on; nobody else."""
        is_ours = self.headers.get("Host") == f"127.0.0.1:{self.server.server_port}"
        to = self.server.taken(self.path) if is_ours else None
        if to is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", to)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.server.came.set()

    def log_message(self, *_: Any) -> None:
        """What comes here is written nowhere."""
