"""A keylease server that hands out sessions: the documented calls, every proof checked, faults on demand.

with stand_in() as server:
    server.lease("L-4k7m9q2x")
    ...
    server.asked                 how many sessions were asked for
    server.refuse = (409, "KL-405")
    server.clock_ahead = timedelta(minutes=10)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from cli.command_line import view
from keylease.domain.clock import SystemClock, from_text, to_text

LEEWAY = timedelta(minutes=5)
Mint = Callable[[], dict[str, str]]
"""Makes credentials, with the names that AWS gives them."""


def made_up() -> dict[str, str]:
    """Credentials that no AWS knows, different each time."""
    number = f"{time.monotonic_ns():020d}"
    return {
        "AccessKeyId": f"ASIA{number[-16:]}",
        "SecretAccessKey": f"fake/secret/{number}",
        "SessionToken": f"fake/token/{number}" + "x" * 900,
    }


@dataclass
class StandIn:
    """A server that answers. Instants are by its own clock, `clock_ahead` of this machine's."""

    address: str = ""
    leases: dict[str, dict[str, Any]] = field(default_factory=dict)
    mint: Mint = made_up
    lasts: timedelta = timedelta(hours=1)
    clock_ahead: timedelta = timedelta()
    refuse: tuple[int, str] | None = None
    delay: float = 0
    silent: bool = False
    """Breaks off every connection, as a server that is gone."""
    asked: int = 0
    calls: list[str] = field(default_factory=list)
    machines: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    given: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lease(self, lease_id: str, *, left: timedelta = timedelta(days=14), **differing: Any) -> dict[str, Any]:
        """A lease of kind session that is active."""
        ends = to_text(self.now() + left)
        facts = {
            "id": lease_id,
            "kind": "session",
            "expires_at": ends,
            "seconds_left": int(left.total_seconds()),
            "permission_set": "media-archive",
            "title": "Read, add and delete files in media-archive",
            "role_arn": "arn:aws:iam::123456789012:role/keylease/session/media",
            "session_seconds": 3600,
            "last_session_at": None,
        }
        self.leases[lease_id] = json.loads(view(**(facts | differing)))
        return self.leases[lease_id]

    def now(self) -> datetime:
        return SystemClock().now() + self.clock_ahead

    def answer(self, method: str, path: str, headers: Any) -> tuple[int, Any]:
        self.calls.append(f"{method} {path}")
        if self.refuse is not None and (method == "POST" or self.refuse[0] == 503):
            status, code = self.refuse
            return status, _failure(code)
        if path.startswith("/api/leases?whose="):
            return 200, list(self.leases.values())
        _, _, _, lease_id, *act = path.split("/")
        if lease_id not in self.leases:
            return 404, _failure("KL-401")
        if act == ["session"]:
            return self._session(lease_id, headers)
        if act == ["machine"]:
            self.machines[lease_id] = self._thumbprint(f"{method} {path}", headers) or ""
        return 200, self.leases[lease_id]

    def _session(self, lease_id: str, headers: Any) -> tuple[int, Any]:
        thumbprint = self._thumbprint(f"POST /api/leases/{lease_id}/session", headers)
        if thumbprint is None:
            return 403, _failure("KL-312")
        if self.machines.setdefault(lease_id, thumbprint) != thumbprint:
            return 403, _failure("KL-311")
        lease = self.leases[lease_id]
        if from_text(lease["expires_at"]) <= self.now():
            return 409, _failure("KL-405")
        with self.lock:
            self.asked += 1
        made = self.mint()
        self.given.append(made)
        lease["last_session_at"] = to_text(self.now())
        return 200, {
            "lease": lease,
            "access_key_id": made["AccessKeyId"],
            "secret_access_key": made["SecretAccessKey"],
            "session_token": made["SessionToken"],
            "expiration": to_text(self.now() + self.lasts),
            "region": "us-east-1",
            "account_id": lease["account_id"],
        }

    def _thumbprint(self, call: str, headers: Any) -> str | None:
        """Whose proof it is; None where it proves nothing."""
        method, _, path = call.partition(" ")
        proof = headers.get("DPoP", "")
        with suppress(ValueError):
            header = jws.extract_compact(proof.encode()).headers()
            pair = ECKey.import_key(header["jwk"])
            claims = json.loads(jws.deserialize_compact(proof, pair, algorithms=["ES256"]).payload or b"")
            at = self.now().timestamp() - claims["iat"]
            good = (
                header["typ"] == "dpop+jwt"
                and "d" not in header["jwk"]
                and claims["htm"] == method
                and claims["htu"] == f"{self.address}{path}"
                and abs(at) <= LEEWAY.total_seconds()
                and claims["jti"] not in self.seen
            )
            self.seen.add(claims["jti"])
            return pair.thumbprint() if good else None
        return None


def _failure(code: str) -> dict[str, str]:
    return {"code": code, "sentence": f"So it is ({code}).", "hint": "Do this."}


@contextmanager
def stand_in(**given: Any) -> Iterator[StandIn]:
    """Run one until the block is left."""
    standing = StandIn(**given)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if standing.silent:
                self.close_connection = True
                return
            time.sleep(standing.delay)  # noqa: TID251 - a server that takes its time
            status, answer = standing.answer(self.command, self.path, self.headers)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):
                self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the base class names it so

        def date_time_string(self, timestamp: float | None = None) -> str:
            del timestamp
            return format_datetime(standing.now(), usegmt=True)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    standing.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield standing
    finally:
        server.shutdown()
        server.server_close()
