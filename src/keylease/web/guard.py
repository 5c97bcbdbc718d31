"""What every request meets first and every answer leaves through.

A request is refused before any route sees it where
- its Host is not, to the letter, a name of this server and perhaps a port: a foreign name that was pointed here
  (DNS rebinding) would make a stranger's page same-origin with ours;
- its address holds a zero byte, which no name of ours does and not every store takes;
- it changes something, rests on a browser's sign-in, and does not come from a page of our own. Browsers say where
  a request comes from in Sec-Fetch-Site, older ones in Origin alone; where neither is said, the answer is no;
- its body is larger than any form of ours.

Every answer carries the headers below. Nothing is loaded from elsewhere, no page may be framed, and what is not
a static file is never kept. A failure that nobody foresaw ends here: it is logged with the request's id, and the
answer holds nothing of it.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keylease import log as keylease_log
from keylease.errors import BadRequest, CrossSite, KeyleaseError
from keylease.web import errors

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
LARGEST_BODY = 65_536
"""Bytes; the longest form of ours stays far below."""

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not no-referrer: with it browsers send `Origin: null` along with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

log = logging.getLogger(__name__)


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, complete the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        keylease_log.request_id.set(request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        departure = _Departure(send, request_id)
        try:
            check(scope, self._hosts)
            await self._app(scope, _limited(receive), departure.send)
        except KeyleaseError as refusal:
            await errors.answer(Request(scope), refusal)(scope, receive, departure.send)
        except Exception as unforeseen:
            log.exception("request %s failed", request_id)
            if departure.begun:
                raise
            await errors.answer(Request(scope), errors.unforeseen(unforeseen))(scope, receive, departure.send)


class _Departure:
    """Sends an answer on its way, with the headers that every answer carries."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = self._request_id
        await self._send(message)


def check(scope: Scope, hosts: frozenset[str]) -> None:
    """Refuse what no route should see. Raises `CrossSite` and `BadRequest`."""
    headers = Headers(scope=scope)
    if _name(headers.getlist("host")) not in hosts:
        raise CrossSite(
            "keylease does not go by the name under which this request came.",
            hint="Open it under the address that the configuration gives as `server.address`.",
        )
    if scope["method"] not in _SAFE and _rests_on_browser(scope["path"], headers) and not _is_our_own(headers):
        raise CrossSite("The request does not come from one of keylease's own pages.")
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise BadRequest("The address holds a zero byte.")
    if int(headers.get("content-length", "0")) > LARGEST_BODY:
        raise _too_large()


def _limited(receive: Receive) -> Receive:
    """The body, up to the limit: one without a stated length is counted as it comes."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LARGEST_BODY:
            raise _too_large()
        return message

    return limited


def _too_large() -> BadRequest:
    return BadRequest(f"The request is larger than {LARGEST_BODY} bytes.")


def _rests_on_browser(path: str, headers: Headers) -> bool:
    """Whether a browser may have sent this on its own: a page's form, or a cookie without the API's header."""
    if not path.startswith("/api/"):
        return True
    return "authorization" not in headers and "cookie" in headers


def _is_our_own(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get("host")


def _name(hosts: Sequence[str]) -> str | None:
    """The name in the only Host header, without port and brackets."""
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    return (found[1] or found[2]).lower() if found else None
