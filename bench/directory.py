"""A provider to measure beside: OpenID Connect as far as one sign-in needs it, and a stopwatch on its own part.

It believes whoever comes: a browser is sent back at once with a code. Tokens are real ones, signed with RS256, so
that keylease has what it verifies every day. `seconds` is how long it was busy answering since it was last asked,
from a request's first byte to its answer's last.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from keylease.domain.clock import SystemClock

CLIENT, SUBJECT = "keylease", "mara"
LASTS = 3600
"""Seconds that a token is good."""


class Directory:
    """The provider. Its nonces are those of the sign-ins under way, by their codes."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig", "alg": "RS256"})
        self._nonces: dict[str, str] = {}
        self._busy = 0.0
        self.issuer = ""

    def back(self, address: str) -> str:
        """Where a browser that was sent to this address is sent back to."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_urlsafe(16)
        self._nonces[code] = asked["nonce"]
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def seconds(self) -> float:
        """How long it was busy since this was asked last."""
        busy, self._busy = self._busy, 0.0
        return busy

    def answered(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        """The answer to one request."""
        if path.endswith("/keys"):
            return {"keys": [self._key.as_dict(private=False)]}
        if path.endswith("/token"):
            return {"access_token": "none", "token_type": "Bearer", "id_token": self._id_token(form["code"])}
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def was_busy(self, seconds: float) -> None:
        """Count what an answer took."""
        self._busy += seconds

    def _id_token(self, code: str) -> str:
        now = int(SystemClock().now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": SUBJECT,
            "name": "Mara Lind",
            "groups": ["media"],
            "nonce": self._nonces.pop(code),
            "iat": now,
            "exp": now + LASTS,
            "auth_time": now,
        }
        return jwt.encode({"alg": "RS256", "kid": "bench"}, claims, self._key)


class _Server(ThreadingHTTPServer):
    directory: Directory


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer, and say how long that took."""
        began = perf_counter()
        form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        content = json.dumps(self.server.directory.answered(self.path, form)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
        self.server.directory.was_busy(perf_counter() - began)

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def directory() -> Iterator[Directory]:
    """Run it on a port of this machine that was free, until the block is left."""
    made = Directory()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.directory = made
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
