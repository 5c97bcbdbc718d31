"""Signing in a terminal, and staying signed in there.

A person who is signed in with a browser allows a terminal: they get a code, good for a minute and for one use,
that only the terminal can exchange which began. From then on the terminal has an access token, good for a quarter
of an hour, and a refresh token, good once, for the next pair.

- Tokens are random texts that say nothing; the server keeps their digests.
- The terminal itself makes its next refresh token and sends it along. So an answer that was lost costs nothing:
  the terminal says the very same again. A refresh token that was exchanged and comes back with another
  successor is in two hands, and ends the sign-in with all its tokens.
- A code that comes back after it was exchanged ends the sign-in that it was exchanged for.
- The sign-in rests on what the directory said when it was allowed, and ends `lasts` later whatever happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from keylease.domain.access import Principal
from keylease.domain.clock import Clock, from_text, to_text
from keylease.domain.event import AuditEvent
from keylease.domain.secret import Secret, digest, random
from keylease.domain.terminal import (
    ACCESS_PREFIX,
    AGAIN,
    REFRESH_PREFIX,
    Wish,
    answers,
    is_refresh_token,
    named,
)
from keylease.errors import SignInNeeded, SignInRefused, Unavailable
from keylease.ports import (
    DeviceBegun,
    DeviceSignIn,
    Kept,
    Outcome,
    SignedIn,
    Store,
    TerminalSignIn,
    Tokens,
)

CODE_LASTS = timedelta(seconds=60)
ACCESS_LASTS = timedelta(minutes=15)
CODE, DEVICE, ACCESS, REFRESH = "code", "device", "access", "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A terminal is signed in, and may show this access token until then."""

    access: Secret
    access_until: datetime
    terminal: TerminalSignIn


class TerminalSignIns:
    """The use cases of a terminal that signs in, stays and leaves."""

    def __init__(
        self, *, kept: Kept, store: Store, clock: Clock, lasts: timedelta, device: DeviceSignIn | None = None
    ) -> None:
        self._kept = kept
        self._store = store
        self._clock = clock
        self._device = device
        self.lasts = lasts

    def allow(self, signed_in: SignedIn, wish: Wish) -> Secret:
        """The code for a terminal that this person allows."""
        code = random()
        content = {
            "signed_in": signed_in.to_values(),
            "challenge": wish.challenge,
            "redirect": wish.redirect,
            "machine": named(wish.machine),
        }
        self._kept.one_time.keep(digest(CODE, code.reveal()), content, self._clock.now() + CODE_LASTS)
        return code

    def exchange_code(self, code: Secret, *, verifier: Secret, redirect: str, refresh: Secret) -> Admitted:
        """Sign the terminal in; one try a code. `refresh` is its first refresh token. Raises `SignInRefused`."""
        name = digest(CODE, code.reveal())
        allowed = self._kept.one_time.take(name, self._clock.now())
        if allowed is None:
            self._end(_id(name), why="code used twice")
            raise SignInRefused("The code is unknown, over, or was used before.", hint=AGAIN)
        _check(allowed, verifier, redirect)
        signed_in = SignedIn.from_values(allowed["signed_in"])
        return self._begin(signed_in, name=name, machine=allowed["machine"], refresh=refresh)

    def begin_device(self, machine: str) -> tuple[Secret, DeviceBegun]:
        """Begin a sign-in on another device: what the terminal polls with, and what the person does there.

        Raises `SignInRefused` where there is no such sign-in here, and `DirectoryUnreachable`.
        """
        begun, waiting = self._on_device().begin_device(), random()
        self._wait(waiting, begun.memory, named(machine), self._clock.now() + begun.expires_in)
        return waiting, begun

    def poll_device(self, waiting: Secret, *, refresh: Secret) -> Admitted | None:
        """Sign the terminal in once its person has signed in on the other device; None until then.

        Raises `SignInRefused` where nobody did in time or the directory says no, and `DirectoryUnreachable`.
        """
        name, now = digest(DEVICE, waiting.reveal()), self._clock.now()
        begun = self._kept.one_time.take(name, now)
        if begun is None:
            raise SignInRefused("Nobody signed in on another device in time.", hint=AGAIN)
        try:
            signed_in = self._on_device().poll_device(begun["memory"])
        except Unavailable:
            self._wait(waiting, begun["memory"], begun["machine"], from_text(begun["until"]))
            raise
        if signed_in is None:
            self._wait(waiting, begun["memory"], begun["machine"], from_text(begun["until"]))
            return None
        return self._begin(signed_in, name=name, machine=begun["machine"], refresh=refresh)

    def _on_device(self) -> DeviceSignIn:
        if self._device is None:
            raise SignInRefused("There is no sign-in with a device code here.", hint="Sign in with a browser.")
        return self._device

    def _wait(self, waiting: Secret, memory: str, machine: str, until: datetime) -> None:
        content = {"memory": memory, "machine": machine, "until": to_text(until)}
        self._kept.one_time.keep(digest(DEVICE, waiting.reveal()), content, until)

    def _begin(self, signed_in: SignedIn, *, name: str, machine: str, refresh: Secret) -> Admitted:
        """Sign a terminal in for somebody whose sign-in was verified; `name` is a digest of no other one."""
        now, access = self._clock.now(), random(ACCESS_PREFIX)
        terminal = TerminalSignIn(
            id=_id(name),
            signed_in=signed_in,
            machine=machine,
            created_at=now,
            expires_at=now + self.lasts,
            last_used_at=now,
        )
        self._kept.terminals.forget(now)
        self._record("terminal-signed-in", signed_in, terminal=terminal.id, machine=machine)
        self._kept.terminals.begin(terminal, _tokens(refresh, access, now))
        return _admitted(terminal, access, now)

    def refresh(self, refresh: Secret, *, following: Secret) -> Admitted:
        """A new access token, and the following refresh token in place of this one.

        Raises `SignInNeeded` where the sign-in is over, also since this very token was used before.
        """
        now, access = self._clock.now(), random(ACCESS_PREFIX)
        tokens = _tokens(following, access, now)
        shown = self._kept.terminals.exchange(digest(REFRESH, refresh.reveal()), tokens, now)
        terminal = shown.terminal
        if terminal is None or shown.outcome is Outcome.OVER:
            raise SignInNeeded("This terminal's sign-in is over.", hint=AGAIN)
        if shown.outcome is Outcome.REUSED:
            self._record("terminal-ended", terminal.signed_in, terminal=terminal.id, why="refresh token used twice")
            raise SignInNeeded("A refresh token came back after its use, so the sign-in was ended.", hint=AGAIN)
        return _admitted(terminal, access, now)

    def who(self, access: Secret) -> TerminalSignIn:
        """The sign-in of the terminal that sent this access token. Raises `SignInNeeded`."""
        found = self._kept.terminals.find(digest(ACCESS, access.reveal()), self._clock.now())
        if found is None:
            raise SignInNeeded("This terminal's access token is over.", hint=AGAIN)
        return found

    def leave(self, token: Secret) -> bool:
        """End the sign-in to which a token of either kind belongs. False where there is none."""
        kind = REFRESH if token.reveal().startswith(REFRESH_PREFIX) else ACCESS
        found = self._kept.terminals.holder(digest(kind, token.reveal()))
        return found is not None and self._end(found.id, found, why="signed out")

    def of(self, principal: Principal) -> Sequence[TerminalSignIn]:
        """Where somebody is signed in with a terminal, newest first."""
        return self._kept.terminals.of(principal.id, self._clock.now())

    def end(self, principal: Principal, terminal_id: str) -> bool:
        """End one of one's own from elsewhere: the laptop is lost. False where there is none of that id."""
        own = {one.id: one for one in self.of(principal)}
        return terminal_id in own and self._end(terminal_id, own[terminal_id], why="signed out elsewhere")

    def _end(self, terminal_id: str, terminal: TerminalSignIn | None = None, *, why: str) -> bool:
        ended = self._kept.terminals.end(terminal_id, self._clock.now())
        if ended:
            owner = terminal.signed_in if terminal else None
            self._record("terminal-ended", owner, terminal=terminal_id, why=why)
        return ended

    def _record(self, action: str, signed_in: SignedIn | None, **details: str) -> None:
        actor = signed_in.principal.id if signed_in else "keylease"
        self._store.append(AuditEvent(at=self._clock.now(), action=action, actor=actor, details=details))


def _tokens(refresh: Secret, access: Secret, now: datetime) -> Tokens:
    if not is_refresh_token(refresh.reveal()):
        raise SignInRefused("The terminal sent no proper refresh token.", hint=AGAIN)
    return Tokens(
        refresh=digest(REFRESH, refresh.reveal()),
        access=digest(ACCESS, access.reveal()),
        access_until=now + ACCESS_LASTS,
    )


def _admitted(terminal: TerminalSignIn, access: Secret, now: datetime) -> Admitted:
    until = min(now + ACCESS_LASTS, terminal.expires_at)
    return Admitted(access=access, access_until=until, terminal=terminal)


def _check(allowed: Mapping[str, Any], verifier: Secret, redirect: str) -> None:
    if not answers(verifier, allowed["challenge"]):
        raise SignInRefused("The code belongs to another terminal.", hint=AGAIN)
    if redirect != allowed["redirect"]:
        raise SignInRefused("The code was sent to another address.", hint=AGAIN)


def _id(name: str) -> str:
    return f"T-{name[:16]}"
