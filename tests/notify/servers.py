"""A real SMTP server, and a webhook, on this machine alone: what came in is kept, and they can misbehave."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from keylease.domain.clock import SystemClock
from keylease.sandbox.company import free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aiosmtpd.controller import Controller


class Postman:
    """Takes mail; `refuse` is what it answers instead, for so many times."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refuse: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        if self.refuse:
            return self.refuse.pop()
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.rcpt_tos, mail))
        return "250 taken"


@contextmanager
def smtp() -> Iterator[tuple[Postman, str]]:
    """One, and the address of it as Apprise takes it."""
    postman = Postman()
    port = free_port()
    controller = Controller(postman, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield postman, f"mailto://127.0.0.1:{port}?from=keylease@example.com&name=keylease&mode=insecure"
    finally:
        controller.stop()


@contextmanager
def webhook(*, status: int = 200, slow: float = 0) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """What was posted to it, and its address as Apprise takes it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            SystemClock().sleep(slow)
            posted.append(json.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield posted, f"json://127.0.0.1:{server.server_address[1]}/hook"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
