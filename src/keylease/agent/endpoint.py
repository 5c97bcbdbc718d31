"""The loopback endpoint: credentials over HTTP, for programs on this machine and for nobody else.

Two ways in, each for one lease:

- `GET /sdk/LEASE` with the lease's token as `Authorization`: AWS's SDKs (AWS_CONTAINER_CREDENTIALS_FULL_URI).
- `GET /SECRET/LEASE/creds`: Cyberduck and Mountain Duck (`Context`), which can send no header. Newer ones first
  `PUT /latest/api/token`, as on an instance of EC2; any answer will do, since the secret is in the path.

Both answer with the same flat object of texts. A browser can be made to call any address, so a request is refused
that names another host than this one, comes from a page (`Origin`, `Sec-Fetch-…`) or through a proxy. Secrets are
compared in constant time; which of lease and secret was wrong is not said. Nothing of a request is logged.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from keylease.agent.doors import HOST, Doors
from keylease.agent.holding import Holding
from keylease.domain.clock import to_text
from keylease.errors import FileNotWritten, KeyleaseError, PortTaken, Refused, SignInNeeded, Unavailable

IDLE = 30
"""Seconds after which a connection that says nothing is closed."""
LARGEST_BODY = 4096
NAME = "keylease"
FOREIGN = ("origin", "forwarded", "via")
FOREIGN_BEGINNINGS = ("sec-fetch-", "x-forwarded-")
TTL = "X-aws-ec2-metadata-token-ttl-seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as it matters here; names of headers in small letters."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]]

    def only(self, name: str) -> str:
        """The value of a header that is there once; empty otherwise."""
        values = [value for header, value in self.headers if header == name]
        return values[0] if len(values) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Endpoint:
    """Answers requests."""

    def __init__(self, holding: Holding, doors: Doors) -> None:
        self._holding = holding
        self._doors = doors
        self._hosts = {doors.host, f"localhost:{doors.port}"}

    def answer(self, asked: Asked) -> Answer:
        """The answer to one request."""
        if asked.only("host") not in self._hosts or any(_is_foreign(name) for name, _ in asked.headers):
            return _said(403, "Refused", "This endpoint is for programs on this machine.")
        match asked.method, asked.path.split("/")[1:]:
            case "PUT", ["latest", "api", "token"]:
                return _token(asked)
            case "GET", ["sdk", lease_id]:
                return self._credentials(lease_id, asked.only("authorization"), self._doors.token(lease_id))
            case "GET", [secret, lease_id, "creds"]:
                return self._credentials(lease_id, secret, self._doors.path_secret(lease_id))
            case "GET", [secret, "status"]:
                return self._status(secret)
        return _said(404, "NotFound", "There is nothing here.")

    def _credentials(self, lease_id: str, given: str, wanted: str) -> Answer:
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            return _said(403, "AccessDenied", "The secret is wrong.")
        try:
            session = self._holding.get(lease_id)
        except KeyleaseError as failure:
            return _said(_status(failure), failure.code, f"{failure.sentence} {failure.hint}")
        return _json(200, session.as_container())

    def _status(self, secret: str) -> Answer:
        if not hmac.compare_digest(secret.encode(), self._doors.path_secret("status").encode()):
            return _said(404, "NotFound", "There is nothing here.")
        held = {lease_id: to_text(one.expiration) for lease_id, one in self._holding.held().items()}
        return _json(200, {"pid": os.getpid(), "sessions": held})


def serve(endpoint: Endpoint, doors: Doors) -> ThreadingHTTPServer:
    """A server for it that listens on this machine alone; the caller runs and closes it. Raises `PortTaken`."""

    class Handler(_Handler):
        answering = endpoint

    try:
        return _Server((HOST, doors.port), Handler)
    except OSError as error:
        raise PortTaken(f"Port {doors.port} of {HOST} cannot be had: {error.strerror}.") from None
    except OverflowError:
        raise FileNotWritten(f"There is no port {doors.port}.", hint="Name one from 1024 to 65535.") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = os.name == "posix"  # on Windows it would let two servers share one port

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A program that went away is no news; what else fails was answered already."""


class _Handler(BaseHTTPRequestHandler):
    answering: Endpoint
    protocol_version = "HTTP/1.1"
    timeout = IDLE
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        asked = Asked(method=self.command, path=self.path, headers=headers)
        length = asked.only("content-length") or "0"
        if not length.isdecimal() or int(length) > LARGEST_BODY or asked.only("transfer-encoding"):
            self.close_connection = True
            self._send(_said(413, "TooLarge", "No request here has a body."))
            return
        self.rfile.read(int(length))
        self._send(self.answering.answer(asked))

    do_PUT = do_GET  # noqa: N815 - the base class names it so

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Type": answer.media_type, "Content-Length": str(len(answer.body))}
        for name, value in (headers | {"Cache-Control": "no-store", **answer.headers}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def version_string(self) -> str:
        """Who answers."""
        return NAME

    def log_message(self, *_: Any) -> None:
        """Addresses hold secrets."""


def _is_foreign(header: str) -> bool:
    return header in FOREIGN or header.startswith(FOREIGN_BEGINNINGS)


def _token(asked: Asked) -> Answer:
    """A token as an instance of EC2 gives it; it opens nothing here."""
    seconds = asked.only(TTL.lower())
    if not seconds.isdecimal():
        return _said(400, "BadRequest", f"{TTL} is missing.")
    return Answer(status=200, body=NAME.encode(), media_type="text/plain", headers={TTL: seconds})


def _status(failure: KeyleaseError) -> int:
    if isinstance(failure, Unavailable):
        return 503
    if isinstance(failure, SignInNeeded):
        return 401
    return 403 if isinstance(failure, Refused) else 410


def _said(status: int, code: str, message: str) -> Answer:
    return _json(status, {"code": code, "message": message})


def _json(status: int, value: object) -> Answer:
    return Answer(status=status, body=json.dumps(value).encode())
