"""Signing in with a browser, and staying signed in.

A sign-in begins with a `state` that the directory hands back. What must be remembered until then is kept at the
server, for one use, and only the browser that began may finish: it holds a secret of its own in a cookie. So one
browser may sign in in several tabs at once, and a link that somebody else began leads nowhere.

Who signs in gets a session with a new id. It ends when it was not used for as long as `idle` says, when it is as
old as `absolute` says, or when it is ended here; an id is kept as its digest alone. Where somebody came from is
remembered here too and never taken from what the directory brings back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from keylease.domain.access import Principal
from keylease.domain.clock import Clock
from keylease.domain.event import AuditEvent
from keylease.domain.secret import Secret, digest, random
from keylease.errors import SignInNeeded, SignInRefused
from keylease.ports import Kept, SignedIn, SignIn, Store, WebSession

BEGUN_FOR = timedelta(minutes=10)
"""How long somebody may take at the directory."""
NOTED_EVERY = 100
"""A session's use is written down once in a hundredth of `idle`, so most requests write nothing."""
STATE, BROWSER, SESSION = "state", "browser", "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """How long a browser stays signed in."""

    idle: timedelta = timedelta(hours=12)
    absolute: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Through the directory and back: to our own address there, then to the page that was asked for."""

    redirect_uri: str
    to: str
    max_age: timedelta | None = None
    """How old the sign-in may be at most, where something asked for a fresher one."""
    mfa: bool = False
    """Whether it must have had a second factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Somebody has signed in: the session's id for their browser, and the page that they had asked for."""

    session: Secret
    to: str


class Browsers:
    """The use cases of a browser that signs in, stays and leaves."""

    def __init__(self, *, sign_in: SignIn, kept: Kept, store: Store, clock: Clock, stay: Stay) -> None:
        self._sign_in = sign_in
        self._kept = kept
        self._store = store
        self._clock = clock
        self._stay = stay

    def begin(self, browser: Secret, way: Way) -> str:
        """Where to send the browser. Raises `DirectoryUnreachable`."""
        begun = self._sign_in.begin(redirect_uri=way.redirect_uri, max_age=way.max_age, mfa=way.mfa)
        content = {"memory": begun.memory, "browser": digest(BROWSER, browser.reveal()), "to": way.to}
        [state] = parse_qs(urlsplit(begun.address).query)["state"]
        self._kept.one_time.keep(digest(STATE, state), content, self._clock.now() + BEGUN_FOR)
        return begun.address

    def complete(self, browser: Secret, unverified_answer: Mapping[str, str], *, redirect_uri: str) -> Entered:
        """Verify what the browser brought back from the directory, and let it stay.

        Raises `SignInRefused` and `DirectoryUnreachable`; either way this sign-in is used up.
        """
        state = digest(STATE, unverified_answer.get("state", ""))
        begun = self._kept.one_time.take(state, self._clock.now())
        if begun is None or begun["browser"] != digest(BROWSER, browser.reveal()):
            raise SignInRefused("This sign-in was not begun here, is over, or was finished before.")
        signed_in = self._sign_in.complete(
            memory=begun["memory"], unverified_answer=unverified_answer, redirect_uri=redirect_uri
        )
        self._forget()
        return Entered(session=self._enter(signed_in), to=begun["to"])

    def who(self, session: Secret) -> WebSession:
        """The session with this id. Raises `SignInNeeded` where it is over."""
        name, now = digest(SESSION, session.reveal()), self._clock.now()
        found = self._kept.sessions.find(name)
        if found is None or now >= min(found.last_seen_at + self._stay.idle, self.ends_at(found)):
            raise SignInNeeded("The sign-in is over.")
        if now >= found.last_seen_at + self._stay.idle / NOTED_EVERY:
            self._kept.sessions.seen(name, now)
            return replace(found, last_seen_at=now)
        return found

    def ends_at(self, session: WebSession) -> datetime:
        """When a session ends at the latest."""
        return session.created_at + self._stay.absolute

    def leave(self, session: Secret) -> None:
        """End a session. That it is over already is no error."""
        name = digest(SESSION, session.reveal())
        found = self._kept.sessions.find(name)
        if found is not None:
            self._record("signed-out", found.signed_in.principal)
            self._kept.sessions.end(name, self._clock.now())

    def leave_everywhere(self, principal: Principal) -> int:
        """End all of somebody's sessions; how many that were."""
        self._record("signed-out", principal, everywhere=True)
        return self._kept.sessions.end_all(principal.id, self._clock.now())

    def _enter(self, signed_in: SignedIn) -> Secret:
        session, now = random(), self._clock.now()
        self._record("signed-in", signed_in.principal, methods=" ".join(sorted(signed_in.methods)))
        self._kept.sessions.begin(
            digest(SESSION, session.reveal()),
            WebSession(signed_in=signed_in, created_at=now, last_seen_at=now),
        )
        return session

    def _record(self, action: str, who: Principal, **more: str | bool) -> None:
        details = {"name": who.name, **more}
        self._store.append(AuditEvent(at=self._clock.now(), action=action, actor=who.id, details=details))

    def _forget(self) -> None:
        now = self._clock.now()
        self._kept.one_time.forget(now)
        self._kept.sessions.forget(now - self._stay.absolute)
