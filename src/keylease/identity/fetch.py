"""The one way out to the directory.

Every request to the provider and to Microsoft Graph goes through here, those of the OAuth client too:

- https alone; plain http only to this machine, and only where the issuer is on it as well;
- a redirect is not followed: nothing that a provider's documents name has to redirect;
- an answer has a greatest size and a longest time in all, however slowly it drips; compressed ones are refused,
  since a small one may become a large one.

Proxies (`HTTPS_PROXY`, `NO_PROXY`) and certificate authorities (`SSL_CERT_FILE`) are the machine's own. What goes
wrong on the way is `DirectoryUnreachable`; its sentence names the host and never the query or the body. An answer
with an error status comes back as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx2

from keylease.domain.clock import Clock
from keylease.errors import DirectoryUnreachable

LARGEST = 256 * 1024
"""Bytes of an answer. Entra's own set of keys has about 15 KiB."""
LONGEST = timedelta(seconds=15)
"""From asking to the end of the answer."""
AUTHORITY = (
    "Where a proxy looks into encrypted connections, add its authority to the system's store, or name its file in "
    "SSL_CERT_FILE."
)
_STEP_SECONDS = 5.0
"""For each of: connecting, sending, waiting for the next bytes."""


class Fetch(httpx2.BaseTransport):
    """Fetches; also the transport that the OAuth client is given."""

    def __init__(self, clock: Clock, *, loopback: bool = False, largest: int = LARGEST) -> None:
        self._clock = clock
        self._loopback = loopback
        self._largest = largest
        self._client = httpx2.Client(timeout=_STEP_SECONDS, follow_redirects=False)

    def get(self, address: str) -> httpx2.Response:
        """The answer to a GET. Raises `DirectoryUnreachable`."""
        return self.ask("GET", address)

    def ask(
        self, method: str, address: str, *, headers: Mapping[str, str] | None = None, json: Any = None
    ) -> httpx2.Response:
        """The answer, whatever its status. Raises `DirectoryUnreachable`."""
        try:
            request = httpx2.Request(method, address, headers=headers, json=json)
        except httpx2.InvalidURL:
            raise DirectoryUnreachable("The directory names an address that is none.") from None
        return self.handle_request(request)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and read its answer to the end."""
        host = self._checked(str(request.url))
        request.headers["Accept-Encoding"] = "identity"
        request.headers["User-Agent"] = "keylease"
        request.extensions = {"timeout": httpx2.Timeout(_STEP_SECONDS).as_dict()}
        ends_at = self._clock.now() + LONGEST
        try:
            answer = self._client.send(request, auth=None, stream=True)
            try:
                return self._read(answer, host, ends_at)
            finally:
                answer.close()
        except httpx2.HTTPError as failure:
            raise _away(host, failure) from None

    def close(self) -> None:
        """Let go of the connections that are kept open."""
        self._client.close()

    def _checked(self, address: str) -> str:
        """The host of an address that may be asked."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme == "https" or (parts.scheme == "http" and self._loopback and is_loopback(address)):
            return host
        raise DirectoryUnreachable(f"{host or 'The directory'} would be asked without encryption: refused.")

    def _read(self, answer: httpx2.Response, host: str, ends_at: datetime) -> httpx2.Response:
        if answer.has_redirect_location:
            raise DirectoryUnreachable(f"{host} redirects elsewhere: refused.")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise DirectoryUnreachable(f"{host} answers compressed, which was not asked for.")
        body = b""
        for some in answer.iter_raw():
            body += some
            if len(body) > self._largest:
                raise DirectoryUnreachable(f"{host} answers with more than {self._largest // 1024} KiB.")
            if self._clock.now() > ends_at:
                raise DirectoryUnreachable(f"{host} takes more than {LONGEST.seconds} seconds to answer.")
        return httpx2.Response(
            answer.status_code, headers=_kept(answer.headers), content=body, request=answer.request
        )


def _away(host: str, failure: httpx2.HTTPError) -> DirectoryUnreachable:
    if "CERTIFICATE_VERIFY_FAILED" in str(failure):
        return DirectoryUnreachable(f"{host} shows a certificate that this machine does not trust.", hint=AUTHORITY)
    return DirectoryUnreachable(f"{host} does not answer ({type(failure).__name__}).")


def _kept(headers: httpx2.Headers) -> list[tuple[str, str]]:
    """The headers that somebody here reads: no cookie of a provider is kept, and the length is known."""
    return [(name, value) for name, value in headers.items() if name in {"content-type", "date", "retry-after"}]


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def an_object(answer: httpx2.Response) -> dict[str, Any]:
    """The JSON object that a good answer holds. Raises `DirectoryUnreachable`."""
    host = answer.request.url.host
    if answer.status_code != httpx2.codes.OK:
        raise DirectoryUnreachable(f"{host} answers with status {answer.status_code}.")
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DirectoryUnreachable(f"{host} answers with something that is no JSON object.")
    return content
