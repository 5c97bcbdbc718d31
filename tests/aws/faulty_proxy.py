"""A proxy on the loopback address that forwards to ministack and does what networks and AWS do on bad days.

It can lose an answer after the request has been carried out, break off before, or answer in AWS's place. It knows
IAM's and STS's calls by the `Action` in their bodies; every other call is called `-`.
"""

from __future__ import annotations

import http.client
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_ERROR = (
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>{message}</Message></Error><RequestId>faulty</RequestId></ErrorResponse>"
)


@dataclass(frozen=True)
class Lost:
    """The request is carried out and its answer lost; or, with `done=False`, it is not even carried out."""

    done: bool = True


@dataclass(frozen=True)
class Answer:
    """An answer in AWS's place; the request is not carried out."""

    status: int
    code: str
    message: str = "told to"


@dataclass(frozen=True)
class Said:
    """A good answer in AWS's place, as XML; the request is not carried out."""

    text: str


Fault = Lost | Answer | Said
THROTTLED = Answer(429, "Throttling", "Rate exceeded")
UNAVAILABLE = Answer(503, "ServiceUnavailable")
CONFLICT = Answer(409, "DeleteConflict")


class FaultyProxy(ThreadingHTTPServer):
    """Forwards to `target`. `seen` are the actions that came, in order; `forwarded` those that went on.

    `said` are the parameters of each call to IAM and STS.
    """

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.seen: list[str] = []
        self.forwarded: list[str] = []
        self.said: list[dict[str, str]] = []
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def plan(self, action: str, *faults: Fault | None) -> None:
        """What befalls the next requests for this action, one each; None and all later ones pass."""
        self._faults[action].extend(faults)

    def next_fault(self, action: str) -> Fault | None:
        return self._faults[action].popleft() if self._faults[action] else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
        action = said.get("Action", "-")
        self.server.seen.append(action)
        self.server.said.append(said)
        match self.server.next_fault(action):
            case Answer(status, code, message):
                self._send(status, {"Content-Type": "text/xml"}, _ERROR.format(code=code, message=message).encode())
            case Said(text):
                self._send(200, {"Content-Type": "text/xml"}, text.encode())
            case Lost(done):
                if done:
                    self._forward(action, body)
                self.close_connection = True
            case None:
                self._send(*self._forward(action, body))

    def _forward(self, action: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.server.forwarded.append(action)
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


for _method in ("DELETE", "GET", "HEAD", "POST", "PUT"):
    setattr(_Handler, f"do_{_method}", _Handler._any)


@contextmanager
def faulty_proxy(target: str) -> Iterator[FaultyProxy]:
    """Run a proxy in front of `target` until the block is left."""
    with FaultyProxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
