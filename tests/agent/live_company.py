"""A company with keylease's own server, on a ministack: real leases, and real sessions by real STS.

Between the machines and the server stands a proxy, as in many companies. It passes everything on as it is, but may
say that sessions end earlier than they do, so that renewals happen while a test looks on; AWS gives none of less
than a quarter of an hour.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keylease.client import Client
from keylease.domain.clock import SystemClock, to_text
from keylease.sandbox import company as sandbox
from keylease.sandbox.account import BUCKET, OBJECT, root
from keylease.sandbox.ministack import ministack

CLOCK = SystemClock()
ASK = {"permission_set": "media-archive", "account": "media", "reason": "Winter masters", "kind": "session"}
__all__ = ["BUCKET", "OBJECT", "LiveCompany", "live_company"]


@dataclass
class LiveCompany:
    """`lasts`: what the proxy says that a session lasts; None for the truth."""

    address: str
    endpoint: str
    iam: Any
    lasts: timedelta | None = None

    def lease(self, *, until: str = "2w") -> str:
        """A lease of Mara's that Priya has approved."""
        with Client(self.address, person="mara") as mara, Client(self.address, person="priya") as priya:
            asked = mara.request(until=until, **ASK)
            return str(priya.approve(asked["id"])["id"])

    def revoke(self, lease_id: str) -> dict[str, Any]:
        """Priya takes it away."""
        with Client(self.address, person="priya") as priya:
            return dict(priya.revoke(lease_id))

    def given(self, lease_id: str) -> list[str]:
        """The access key ids of all sessions that were given, as the audit trail has them."""
        with Client(self.address, person="anna") as anna:
            events = [one for one in anna.events() if one["lease_id"] == lease_id]
        return [one["details"]["access_key_id"] for one in events if one["action"] == "session-issued"]

    def refusals(self) -> list[str]:
        """The session role's inline policies."""
        found: list[str] = self.iam.list_role_policies(RoleName="media-archive")["PolicyNames"]
        return found


@contextmanager
def live_company(home: Path) -> Iterator[LiveCompany]:
    """Run it all until the block is left."""
    with ministack(home / "aws.log") as aws:
        inside = sandbox.found(home, aws, CLOCK)
        made = LiveCompany(address="", endpoint=aws.endpoint, iam=root(aws).iam())
        with _proxy(made, urlsplit(inside.address).port or 0) as made.address:
            _is_reached_at(inside, made.address)
            with inside.server(CLOCK):
                yield made


def _is_reached_at(inside: sandbox.Company, address: str) -> None:
    """Let the configuration name the proxy's address; the server goes on to listen at its own."""
    written = inside.configuration.read_text()
    inside.configuration.write_text(written.replace(f'address = "{inside.address}"', f'address = "{address}"'))


@contextmanager
def _proxy(company: LiveCompany, port: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request(self.command, self.path, self.rfile.read(length), dict(self.headers))
            answer = connection.getresponse()
            content = _shortened(answer.read(), company.lasts) if self.path.endswith("/session") else answer.read()
            self.send_response_only(answer.status)
            kept = {name: value for name, value in answer.getheaders() if name.lower() != "content-length"}
            for name, value in {**kept, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(BrokenPipeError):
                self.wfile.write(content)
            connection.close()

        do_POST = do_GET  # noqa: N815 - the base class names it so

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _shortened(content: bytes, lasts: timedelta | None) -> bytes:
    answer = json.loads(content)
    if lasts is None or "expiration" not in answer:
        return content
    return json.dumps(answer | {"expiration": to_text(CLOCK.now() + lasts)}).encode()
