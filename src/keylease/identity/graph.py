"""Microsoft Graph, as keylease asks it: as itself, with nobody present, and only reading.

Twenty questions travel in one request (`$batch`), each answered with a status of its own. Whatever Graph asks to
wait for (429, 503 and `Retry-After`, of the whole or of a single question) is waited for by the clock, within a
stated patience; beyond it, `DirectoryUnreachable`. Further pages (`@odata.nextLink`) are read only from Graph's own
address, since the access token goes along.

From Microsoft's references of JSON batching, paging and throttling.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from keylease.domain.clock import Clock
from keylease.domain.secret import Secret
from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.identity.discovery import Discovery
from keylease.identity.fetch import Fetch, an_object
from keylease.identity.oauth import Client
from keylease.identity.refusals import SETTINGS

AT_ONCE = 20
"""Questions in one batch; Graph's own limit."""
LARGEST = 1024 * 1024
"""Bytes of an answer; the 11,000 groups that Graph lists at most take half of it."""
BUSY = frozenset({429, 503, 504})
UNSAID = 5.0
"""Seconds to wait where Graph does not say how long."""
EARLY = timedelta(minutes=5)
"""An access token is replaced so long before its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to ask; `path` begins after the version: `/users/…`."""

    path: str
    body: Mapping[str, Any] | None = None

    def in_batch(self, number: int) -> dict[str, Any]:
        """As a part of a batch."""
        if self.body is None:
            return {"id": str(number), "method": "GET", "url": self.path}
        headers = {"Content-Type": "application/json"}
        return {"id": str(number), "method": "POST", "url": self.path, "headers": headers, "body": self.body}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question; status 0 where Graph passed it over."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)


class Patience:
    """How long may be waited in all."""

    def __init__(self, clock: Clock, length: timedelta) -> None:
        self._clock = clock
        self._left = length.total_seconds()

    def wait(self, retry_after: str | None) -> None:
        """Wait as long as Graph wishes. Raises `DirectoryUnreachable` where that is longer than there is left."""
        seconds = _seconds(retry_after, self._clock.now())
        if seconds > self._left:
            raise DirectoryUnreachable("Microsoft Graph asks for fewer questions than keylease has.")
        self._left -= seconds
        self._clock.sleep(seconds)


class Graph:
    """Asks Graph."""

    def __init__(self, address: str, *, client: Client, discovery: Discovery, fetch: Fetch, clock: Clock) -> None:
        self._address = address.rstrip("/")
        self._client = client
        self._discovery = discovery
        self._fetch = fetch
        self._clock = clock
        self._turn = threading.Lock()
        self._token: tuple[Secret, datetime] | None = None

    def items(self, question: Question, *, patience: timedelta) -> list[Any]:
        """What the question lists, of all pages. Raises `DirectoryUnreachable`."""
        waiting, found = Patience(self._clock, patience), []
        address, body = self._to(question.path), question.body
        while address:
            page = an_object(self._send("GET" if body is None else "POST", address, body, waiting))
            found += _listed(page)
            address, body = page.get("@odata.nextLink", ""), None
            if not isinstance(address, str) or (address and not address.startswith(self._to("/"))):
                raise DirectoryUnreachable("Microsoft Graph continues at an address that is not its own.")
        return found

    def answers(self, questions: Sequence[Question], *, patience: timedelta) -> Iterator[Answer]:
        """An answer for each question, in their order. Raises `DirectoryUnreachable`."""
        waiting = Patience(self._clock, patience)
        for begin in range(0, len(questions), AT_ONCE):
            yield from self._batch(questions[begin : begin + AT_ONCE], waiting)

    def _batch(self, questions: Sequence[Question], waiting: Patience) -> list[Answer]:
        answers: dict[int, Answer] = {}
        left = list(range(len(questions)))
        while left:
            body = {"requests": [questions[number].in_batch(number) for number in left]}
            replies = _replies(an_object(self._send("POST", self._to("/$batch"), body, waiting)))
            answers |= {number: _answer(replies.get(str(number))) for number in left}
            left = [number for number in left if answers[number].status in BUSY]
            if left:
                waiting.wait(_longest(replies[str(number)] for number in left))
        return [answers[number] for number in range(len(questions))]

    def _send(self, method: str, address: str, body: Any, waiting: Patience) -> httpx2.Response:
        """The answer once Graph is not busy any more. One that it refuses says what is missing."""
        while True:
            headers = {"Authorization": f"Bearer {self._access_token().reveal()}"}
            answer = self._fetch.ask(method, address, headers=headers, json=body)
            if answer.status_code in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
                self._token = None
                raise DirectoryUnreachable("Microsoft Graph does not let keylease ask.", hint=PERMISSIONS)
            if answer.status_code not in BUSY:
                return answer
            waiting.wait(answer.headers.get("retry-after"))

    def _access_token(self) -> Secret:
        with self._turn:
            now = self._clock.now()
            if self._token is None or self._token[1] <= now:
                self._token = self._new_token(now)
            return self._token[0]

    def _new_token(self, now: datetime) -> tuple[Secret, datetime]:
        """keylease's own, and when to replace it. Nobody signs in here: a refusal is a matter of settings."""
        scope = f"{self._address}/.default"
        try:
            given = self._client.ask(self._discovery.read(), grant_type="client_credentials", scope=scope)
        except SignInRefused as refused:
            hint = OWN_SETTINGS if refused.hint in {SETTINGS, type(refused).hint} else refused.hint
            sentence = f"keylease gets no access token for Microsoft Graph. {refused.sentence}"
            raise DirectoryUnreachable(sentence, hint=hint) from None
        if given.access_token is None:
            raise DirectoryUnreachable("The directory gave keylease no access token for Microsoft Graph.")
        return given.access_token, now + timedelta(seconds=given.expires_in) - EARLY

    def _to(self, path: str) -> str:
        return f"{self._address}/v1.0{path}"


PERMISSIONS = (
    "Give keylease's application the application permissions User.Read.All and GroupMember.Read.All, with an "
    "administrator's consent."
)
OWN_SETTINGS = "Look at `client_id`, the client's secret and `graph` in [sign_in]."


def _listed(page: Mapping[str, Any]) -> list[Any]:
    value = page.get("value")
    if not isinstance(value, list):
        raise DirectoryUnreachable("Microsoft Graph answers without a list.")
    return value


def _replies(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """A batch's replies, which come in any order, by their numbers."""
    replies = content.get("responses")
    if not isinstance(replies, list):
        raise DirectoryUnreachable("Microsoft Graph answers a batch without a list.")
    return {str(one.get("id")): one for one in replies if isinstance(one, dict)}


def _answer(reply: Mapping[str, Any] | None) -> Answer:
    if reply is None or not isinstance(reply.get("status"), int):
        return Answer()
    body = reply.get("body")
    return Answer(reply["status"], body if isinstance(body, dict) else {})


def _longest(replies: Iterator[Mapping[str, Any]]) -> str | None:
    """The longest that any of a batch's busy parts asks to wait; names of headers may be in any case."""
    said = [
        str(value)
        for reply in replies
        for name, value in (reply.get("headers") or {}).items()
        if name.lower() == "retry-after"
    ]
    return max(said, key=lambda text: int(text) if text.isdecimal() else 0, default=None)


def _seconds(retry_after: str | None, now: datetime) -> float:
    """How long to wait: a number of seconds or a date (RFC 9110, section 10.2.3), and a moment at least."""
    if retry_after is None:
        return UNSAID
    if retry_after.isdecimal():
        return max(float(retry_after), 1.0)
    try:
        return max((parsedate_to_datetime(retry_after) - now).total_seconds(), 1.0)
    except (TypeError, ValueError):
        return UNSAID
