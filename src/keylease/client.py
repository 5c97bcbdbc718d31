"""Our HTTP API seen from outside: what the command line and the agent know of a keylease server.

One method is one call. What the server refuses comes back as the very failure that it raised (errors.py, by its
code); whatever does not answer as keylease does is `ServerUnreachable`. Answers are passed on as they came, so a
newer server's further fields are not lost.

- The person's sign-in and the access key travel in these calls: plain http goes to this machine alone, and then
  past every proxy. Redirects are not followed.
- A secret access key leaves here as `Secret`, never in a text, a log or an error.
- Nothing is repeated here; who calls knows what may be done twice.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypedDict, cast
from urllib.parse import quote, urlsplit

import httpx

from keylease.domain.secret import Secret
from keylease.errors import KeyleaseError, ServerUnreachable, UnsafeNotAllowed, by_code

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
COLLECT_SECONDS = 120
"""Making an access key takes up to 30 s, and longer where AWS asks for fewer calls."""
LOST = "An access key that was made and did not arrive is taken away within minutes; collect again then."


class Named(TypedDict):
    """Somebody: a stable id, none for a grant that approves by itself, and what the directory calls them."""

    id: str | None
    name: str


class May(TypedDict):
    """What the one who asks may do with a lease now."""

    approve: bool
    collect: bool
    revoke: bool
    renew: bool


class LeaseView(TypedDict):
    """A lease as the server shows it. Instants are ISO 8601 with `Z`; `asked` is a duration or an instant."""

    id: str
    kind: str
    state: str
    status: str
    account: str
    account_id: str
    permission_set: str
    title: str
    warnings: list[str]
    share: bool
    reason: str
    owner: Named
    approver: Named | None
    approvers: list[str]
    decision_reason: str | None
    requested_at: str
    decided_at: str | None
    issued_at: str | None
    asked: str
    expires_at: str
    ended_at: str | None
    end_reason: str | None
    seconds_left: int
    renewal_of: str | None
    retire_at: str | None
    user_name: str | None
    access_key_id: str | None
    may: May


class SetView(TypedDict):
    """A permission set in an account that one may ask for."""

    permission_set: str
    title: str
    account: str
    account_id: str
    max_ttl: str
    automatic: bool
    share: bool
    warnings: list[str]


class EventView(TypedDict):
    """A record of the audit trail."""

    seq: int
    at: str
    action: str
    actor: str
    lease_id: str | None
    details: dict[str, Any]
    hash: str


class Me(TypedDict):
    """Who one is, as the server sees it."""

    id: str
    subject: str
    name: str
    groups: list[str]
    administrator: bool
    auditor: bool


class Verified(TypedDict):
    """A chain that holds."""

    ok: bool
    records: int
    last_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The one answer that holds an access key. `ready`: AWS accepted it before the answer was sent."""

    lease: LeaseView
    access_key_id: str
    secret_access_key: Secret
    ready: bool


class Client:
    """A keylease server. `person` is for a server with the development sign-in.

    Raises `ServerUnreachable` for what is no address, and `UnsafeNotAllowed` for plain http to another machine.
    """

    def __init__(self, server: str, *, person: str | None = None) -> None:
        self.server = server.rstrip("/")
        local = _checked(self.server)
        self._http = httpx.Client(
            base_url=self.server,
            headers={"Authorization": f"Unsafe-Person {person}"} if person else None,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=not local,
            verify=self.server.startswith("https:"),  # to load the certificates for plain http takes 40 ms
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def me(self) -> Me:
        """Who I am here."""
        return cast(Me, self._one("GET", "me"))

    def sets(self) -> list[SetView]:
        """What I may ask for."""
        return cast(list[SetView], self._many("sets"))

    def leases(self, whose: str) -> list[LeaseView]:
        """`mine`, those `waiting` for my decision, or `all` (auditors and administrators)."""
        return cast(list[LeaseView], self._many("leases", {"whose": whose}))

    def lease(self, lease_id: str) -> LeaseView:
        """One lease."""
        return cast(LeaseView, self._one("GET", _path(lease_id)))

    def request(self, *, permission_set: str, account: str, until: str, reason: str) -> LeaseView:
        """Ask for a lease."""
        ask = {"permission_set": permission_set, "account": account, "until": until, "reason": reason}
        return cast(LeaseView, self._one("POST", "leases", ask))

    def approve(self, lease_id: str, *, until: str | None = None) -> LeaseView:
        """Approve a request, perhaps for less than was asked."""
        return self._act(lease_id, "approve", until=until)

    def deny(self, lease_id: str, *, reason: str) -> LeaseView:
        """Deny a request."""
        return self._act(lease_id, "deny", reason=reason)

    def renew(self, lease_id: str, *, until: str | None = None, reason: str | None = None) -> LeaseView:
        """Ask again for what a lease gave; the answer is the new request."""
        return self._act(lease_id, "renew", until=until, reason=reason)

    def revoke(self, lease_id: str) -> LeaseView:
        """End a lease early."""
        return self._act(lease_id, "revoke")

    def collect(self, lease_id: str) -> Collected:
        """Take delivery of the access key, once. What is never acknowledged is taken away again."""
        answer = self._one("POST", _path(lease_id, "collect"), seconds=COLLECT_SECONDS, lost=LOST)
        if not {"lease", "access_key_id", "secret_access_key", "ready"} <= answer.keys():
            raise self._stranger(lost=LOST)
        if not _is_access_key(answer):
            raise self._stranger(lost=LOST)
        return Collected(
            lease=answer["lease"],
            access_key_id=answer["access_key_id"],
            secret_access_key=Secret(answer["secret_access_key"]),
            ready=answer["ready"],
        )

    def acknowledge(self, lease_id: str, access_key_id: str) -> LeaseView:
        """Say that the access key is where it belongs. Saying it twice is no error."""
        return self._act(lease_id, "acknowledge", access_key_id=access_key_id)

    def events(self, lease_id: str | None = None) -> list[EventView]:
        """The audit trail (auditors), or one lease's part of it."""
        return cast(list[EventView], self._many(_path(lease_id, "events") if lease_id else "events"))

    def verify(self) -> Verified:
        """Follow the audit chain. Raises `ChainBroken`."""
        return cast(Verified, self._one("GET", "events/verify"))

    def _act(self, lease_id: str, act: str, **given: str | None) -> LeaseView:
        return cast(LeaseView, self._one("POST", _path(lease_id, act), given))

    def _one(
        self, method: str, path: str, body: object = None, *, seconds: int = ANSWER_SECONDS, lost: str | None = None
    ) -> dict[str, Any]:
        answer = self._send(method, path, body=body, seconds=seconds, lost=lost)
        if not isinstance(answer, dict):
            raise self._stranger(lost=lost)
        return answer

    def _many(self, path: str, query: Mapping[str, str] | None = None) -> list[Any]:
        answer = self._send("GET", path, query=query)
        if not isinstance(answer, list):
            raise self._stranger()
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        seconds: int = ANSWER_SECONDS,
        lost: str | None = None,
    ) -> object:
        """`lost` is the hint for a call that may have acted although no answer of keylease's came."""
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            answer = self._http.request(method, f"/api/{path}", json=body, params=query, timeout=timeout)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerUnreachable(f"{self.server} does not answer.") from None
        except httpx.TimeoutException:
            raise ServerUnreachable(f"{self.server} did not answer in time.", hint=lost) from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise ServerUnreachable(f"{self.server} broke off its answer.", hint=lost) from None
        log.debug("%s /api/%s: %s after %.0f ms", method, path, answer.status_code, _milliseconds(answer))
        return self._read(answer, lost)

    def _read(self, answer: httpx.Response, lost: str | None) -> object:
        try:
            content: object = answer.json()
        except ValueError:
            content = None
        if answer.is_success and content is not None:
            return content
        raise _failure(content) or self._stranger(f" (status {answer.status_code})", lost=lost)

    def _stranger(self, detail: str = "", *, lost: str | None = None) -> ServerUnreachable:
        return ServerUnreachable(f"{self.server} answers, but not as keylease does{detail}.", hint=lost)


def _failure(content: object) -> KeyleaseError | None:
    """The failure that the server raised, if this is one."""
    if not isinstance(content, dict) or not {"code", "sentence", "hint"} <= content.keys():
        return None
    code, hint = str(content["code"]), str(content["hint"])
    failure = by_code(code)
    if failure.code != code:
        hint += f" The server's code is {code}, which this keylease does not know yet."
    return failure(str(content["sentence"]), hint=hint)


def _path(lease_id: str, act: str | None = None) -> str:
    return f"leases/{quote(lease_id, safe='')}" + (f"/{act}" if act else "")


def _checked(server: str) -> bool:
    """Whether the server is on this machine. Raises `ServerUnreachable`, `UnsafeNotAllowed`."""
    scheme, host = _parts(server)
    if scheme not in {"http", "https"} or not host or "@" in server:
        raise ServerUnreachable("The server's address is not of the form https://keylease.example.")
    local = _is_loopback(host)
    if scheme == "http" and not local:
        raise UnsafeNotAllowed(
            f"Over plain http others could read your access keys on their way from {host}.",
            hint="Use the server's https address, or reach it through a tunnel to 127.0.0.1.",
        )
    return local


def _parts(server: str) -> tuple[str, str]:
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError:
        return "", ""
    return parts.scheme, "" if port == 0 else parts.hostname or ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _milliseconds(answer: httpx.Response) -> float:
    return answer.elapsed.total_seconds() * 1000


def _is_access_key(answer: Mapping[str, Any]) -> bool:
    """Whether what stands where an access key should be has its form: it goes into files that programs read."""
    lease = answer["lease"]
    texts = (
        (answer["access_key_id"], r"[A-Z0-9]{16,128}"),
        (answer["secret_access_key"], r"[A-Za-z0-9/+=]{1,128}"),
        (lease.get("id") if isinstance(lease, dict) else None, r"L-[0-9a-z]{8}"),
        (lease.get("expires_at") if isinstance(lease, dict) else None, r"[0-9T:Z+.-]{16,40}"),
    )
    return all(isinstance(text, str) and re.fullmatch(form, text, re.ASCII) for text, form in texts)
