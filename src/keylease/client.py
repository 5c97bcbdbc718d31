"""Our HTTP API seen from outside: what the command line and the agent know of a keylease server.

One method is one call. What the server refuses comes back as the very failure that it raised (errors.py, by its
code); whatever does not answer as keylease does is `ServerUnreachable`. Answers are passed on as they came, so a
newer server's further fields are not lost.

- The person's sign-in and the access key travel in these calls: plain http goes to this machine alone, and then
  past every proxy. Redirects are not followed.
- A secret access key leaves here as `Secret`, never in a text, a log or an error.
- Nothing is repeated here, but for a call that was refused since the access token was over: it has not acted.
  Else who calls knows what may be done twice.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, Self, cast
from urllib.parse import quote, urlsplit

import httpx

from keylease import received
from keylease.domain.clock import utc
from keylease.domain.secret import Secret
from keylease.errors import KeyleaseError, ServerUnreachable, UnsafeNotAllowed, by_code
from keylease.views import EventView, LeaseView, May, Me, Named, SetView, Verified

__all__ = [
    "Client",
    "Collected",
    "Credential",
    "Credentials",
    "EventView",
    "LeaseView",
    "May",
    "Me",
    "Named",
    "Prove",
    "SetView",
    "Verified",
]

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
COLLECT_SECONDS = 120
"""Making an access key takes up to 30 s, and longer where AWS asks for fewer calls."""
REFUSED = 401
LOST = "An access key that was made and did not arrive is taken away within minutes; collect again then."


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The one answer that holds an access key. `ready`: AWS accepted it before the answer was sent."""

    lease: LeaseView
    access_key_id: str
    secret_access_key: Secret
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The one answer that holds a session's credentials. AWS refuses them from `expiration` on."""

    lease: LeaseView
    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expiration: str
    region: str
    account_id: str


class Prove(Protocol):
    """Makes a proof that a call comes from this machine, for its method, its address and its access token."""

    def __call__(self, method: str, address: str, access_token: Secret | None) -> str:
        """A proof for this one call."""
        ...


class Credential(Protocol):
    """What keeps the person signed in here: gives the access token, and gets a new one when that is over."""

    def access_token(self, client: Client) -> Secret | None:
        """The access token; None where nobody has signed in. Raises `SignInNeeded` where the sign-in is over."""
        ...

    def renewed(self, client: Client, refused: Secret) -> Secret:
        """Another access token in place of one that the server refused. Raises `SignInNeeded`."""
        ...


class Client:
    """A keylease server, as whoever the `credential` is for; `person` is for one with the development sign-in.

    Raises `ServerUnreachable` for what is no address, and `UnsafeNotAllowed` for plain http to another machine.
    """

    def __init__(self, server: str, *, person: str | None = None, credential: Credential | None = None) -> None:
        self.server = server.rstrip("/")
        self._credential = credential
        self.answered_at: datetime | None = None
        """What time the server said it was in its last answer; None where it did not say, or there was none."""
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
        """`mine`, those `waiting` for my decision, all that I have `seen` or may, or `all` (auditors)."""
        return cast(list[LeaseView], self._many("leases", {"whose": whose}))

    def lease(self, lease_id: str) -> LeaseView:
        """One lease."""
        return cast(LeaseView, self._one("GET", _path(lease_id)))

    def request(
        self, *, permission_set: str, account: str, until: str, reason: str, kind: str | None = None
    ) -> LeaseView:
        """Ask for a lease; without a `kind` for the first that the permission set gives."""
        ask = {"permission_set": permission_set, "account": account, "until": until, "reason": reason}
        return cast(LeaseView, self._one("POST", "leases", ask | ({"kind": kind} if kind else {})))

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
        return self._handed_over(lease_id, "collect")

    def replace(self, lease_id: str) -> Collected:
        """Have the access key taken away, since it was lost, and take delivery of another with the same end."""
        return self._handed_over(lease_id, "replace")

    def _handed_over(self, lease_id: str, act: str) -> Collected:
        answer = self._one("POST", _path(lease_id, act), seconds=COLLECT_SECONDS, lost=LOST)
        if not received.is_access_key(answer):
            raise ServerUnreachable(f"{self.server} answered with what is no access key.", hint=LOST)
        return Collected(
            lease=answer["lease"],
            access_key_id=answer["access_key_id"],
            secret_access_key=Secret(answer["secret_access_key"]),
            ready=answer["ready"],
        )

    def undo(self, lease_id: str) -> LeaseView:
        """Take an approval back that nobody has collected."""
        return self._act(lease_id, "undo")

    def acknowledge(self, lease_id: str, access_key_id: str) -> LeaseView:
        """Say that the access key is where it belongs. Saying it twice is no error."""
        return self._act(lease_id, "acknowledge", access_key_id=access_key_id)

    def session(self, lease_id: str, *, seconds: int | None = None, prove: Prove) -> Credentials:
        """The next session of a lease, of at most so many seconds; `prove` says that this machine asks."""
        path = _path(lease_id, "session")
        answer = self._one("POST", path, {"seconds": seconds}, prove=prove)
        if not received.is_session(answer):
            raise ServerUnreachable(f"{self.server} answered with what are no credentials.")
        return Credentials(
            lease=answer["lease"],
            access_key_id=answer["access_key_id"],
            secret_access_key=Secret(answer["secret_access_key"]),
            session_token=Secret(answer["session_token"]),
            expiration=answer["expiration"],
            region=answer["region"],
            account_id=answer["account_id"],
        )

    def move_machine(self, lease_id: str, *, prove: Prove) -> LeaseView:
        """Let the lease give its sessions to this machine from now on. Raises `SignInTooOld`."""
        path = _path(lease_id, "machine")
        return cast(LeaseView, self._one("POST", path, {}, prove=prove))

    def events(self, lease_id: str | None = None) -> list[EventView]:
        """The audit trail (auditors), or one lease's part of it."""
        return cast(list[EventView], self._many(_path(lease_id, "events")) if lease_id else self._chain())

    def verify(self) -> Verified:
        """Follow the audit chain. Raises `ChainBroken`."""
        return cast(Verified, self._one("GET", "events/verify"))

    def launch_roles(self, lease_id: str) -> list[dict[str, Any]]:
        """The roles that a lease may pass to what it launches: `arn` and `instance_profiles` of each."""
        return self._many(_path(lease_id, "launch-roles"))

    def begin_device(self, machine: str) -> dict[str, Any]:
        """Begin a sign-in on another device."""
        return self._once("POST", "device", {"machine": machine})

    def tokens(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """What the token endpoint gives for a code, a refresh token or a device code. Raises `SignInNeeded`."""
        return self._once("POST", "token", dict(asked))

    def sign_out(self, token: Secret) -> None:
        """End the sign-in that a token of either kind belongs to."""
        self._once("DELETE", "token", token=token)

    def _once(self, method: str, path: str, body: object = None, *, token: Secret | None = None) -> dict[str, Any]:
        """A call that is itself about signing in, so it goes without the credential."""
        content = self._read(self._answer(method, path, body, headers=_authorized(token)))
        if not isinstance(content, dict):
            raise self._stranger()
        return content

    def _act(self, lease_id: str, act: str, **given: str | None) -> LeaseView:
        return cast(LeaseView, self._one("POST", _path(lease_id, act), given))

    def _proof(self, method: str, path: str, token: Secret | None, prove: Prove) -> str:
        return prove(method, f"{self.server}/api/{path}", token)

    def _one(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        seconds: int = ANSWER_SECONDS,
        lost: str | None = None,
        prove: Prove | None = None,
    ) -> dict[str, Any]:
        answer = self._send(method, path, body=body, seconds=seconds, lost=lost, prove=prove)
        if not isinstance(answer, dict):
            raise self._stranger(lost=lost)
        return answer

    def _chain(self) -> list[Any]:
        """The whole chain, page after page; a server that does not page sends all of it at once, and again."""
        found: list[Any] = []
        try:
            while page := self._many("events", {"after": str(found[-1]["seq"] if found else 0)}):
                if page[0]["seq"] <= (found[-1]["seq"] if found else 0):
                    break
                found += page
        except (KeyError, TypeError):
            raise self._stranger() from None
        return found

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
        prove: Prove | None = None,
    ) -> object:
        """`lost` is the hint for a call that may have acted although no answer of keylease's came."""

        def ask(token: Secret | None) -> httpx.Response:
            headers = _authorized(token) | ({"DPoP": self._proof(method, path, token, prove)} if prove else {})
            return self._answer(method, path, body, query=query, headers=headers, seconds=seconds, lost=lost)

        token = self._credential.access_token(self) if self._credential else None
        answer = ask(token)
        if answer.status_code == REFUSED and token is not None and self._credential is not None:
            answer = ask(self._credential.renewed(self, token))
        return self._read(answer, lost)

    def _answer(
        self,
        method: str,
        path: str,
        body: object,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: int = ANSWER_SECONDS,
        lost: str | None = None,
    ) -> httpx.Response:
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            answer = self._http.request(
                method, f"/api/{path}", json=body, params=query, headers=headers, timeout=timeout
            )
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerUnreachable(f"{self.server} does not answer.") from None
        except httpx.TimeoutException:
            raise ServerUnreachable(f"{self.server} did not answer in time.", hint=lost) from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise ServerUnreachable(f"{self.server} broke off its answer.", hint=lost) from None
        self.answered_at = _date(answer)
        log.debug("%s /api/%s: %s after %.0f ms", method, path, answer.status_code, _milliseconds(answer))
        return answer

    def _read(self, answer: httpx.Response, lost: str | None = None) -> object:
        try:
            content: object = answer.json()
        except ValueError:
            content = None
        if answer.is_success and content is not None:
            return content
        raise _failure(content) or self._stranger(f" (status {answer.status_code})", lost=lost)

    def _stranger(self, detail: str = "", *, lost: str | None = None) -> ServerUnreachable:
        return ServerUnreachable(f"{self.server} answers, but not as keylease does{detail}.", hint=lost)


def _authorized(token: Secret | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.reveal()}"} if token is not None else {}


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


def _date(answer: httpx.Response) -> datetime | None:
    try:
        return utc(parsedate_to_datetime(answer.headers.get("Date", "")))
    except ValueError:
        return None


def _milliseconds(answer: httpx.Response) -> float:
    return answer.elapsed.total_seconds() * 1000
