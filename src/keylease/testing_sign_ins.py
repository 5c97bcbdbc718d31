"""Where sign-ins are kept, in memory: the twins of store/sessions.py, proven by the same contract suite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from keylease.domain.access import Principal
from keylease.errors import SignInRefused
from keylease.ports import Exchange, Kept, Outcome, TerminalSignIn, Tokens, WebSession


def memory_kept() -> Kept:
    """All three, empty."""
    return Kept(sessions=MemorySessions(), terminals=MemoryTerminals(), one_time=MemoryOneTime())


class MemorySessions:
    """Browsers' sessions in memory."""

    def __init__(self) -> None:
        self.sessions: dict[str, WebSession] = {}

    def begin(self, digest: str, session: WebSession) -> None:
        """Keep a new session."""
        self.sessions[digest] = session

    def find(self, digest: str) -> WebSession | None:
        """The session, unless it was ended."""
        return self.sessions.get(digest)

    def seen(self, digest: str, at: datetime) -> None:
        """Write down that it was used."""
        if digest in self.sessions:
            self.sessions[digest] = replace(self.sessions[digest], last_seen_at=at)

    def end(self, digest: str, at: datetime) -> None:  # noqa: ARG002 - what was ended is gone here
        """End it."""
        self.sessions.pop(digest, None)

    def end_all(self, principal_id: str, at: datetime) -> int:
        """End all of somebody's."""
        theirs = [one for one, kept in self.sessions.items() if kept.signed_in.principal.id == principal_id]
        for one in theirs:
            self.end(one, at)
        return len(theirs)

    def forget(self, created_before: datetime) -> None:
        """Delete what is that old."""
        self.sessions = {one: kept for one, kept in self.sessions.items() if kept.created_at >= created_before}

    def people(self) -> Mapping[str, frozenset[str]]:
        """Everybody with a session, and the groups."""
        return _people(one.signed_in.principal for one in self.sessions.values())


@dataclass(slots=True)
class _Token:
    terminal_id: str
    until: datetime | None = None
    successor: str | None = None


class MemoryTerminals:
    """Terminals and their tokens in memory."""

    def __init__(self) -> None:
        self.terminals: dict[str, TerminalSignIn] = {}
        self.ended: set[str] = set()
        self.tokens: dict[str, _Token] = {}

    def begin(self, terminal: TerminalSignIn, tokens: Tokens) -> None:
        """Keep a new one. Raises `SignInRefused`."""
        if tokens.refresh in self.tokens:
            raise SignInRefused("The terminal sent a refresh token that was used before.")
        self.terminals[terminal.id] = terminal
        self.tokens[tokens.refresh] = _Token(terminal.id)
        self.tokens[tokens.access] = _Token(terminal.id, until=tokens.access_until)

    def exchange(self, refresh: str, tokens: Tokens, now: datetime) -> Exchange:
        """Let the next refresh token take this one's place."""
        shown = self.tokens.get(refresh)
        if shown is None or shown.until is not None:
            return Exchange(outcome=Outcome.UNKNOWN)
        terminal = self.terminals[shown.terminal_id]
        outcome = self._outcome(shown, terminal, tokens, now)
        if outcome is Outcome.REUSED:
            self.ended.add(terminal.id)
        elif outcome is Outcome.DONE:
            self.terminals[terminal.id] = replace(terminal, last_used_at=now)
            self.tokens[tokens.access] = _Token(terminal.id, until=tokens.access_until)
        return Exchange(outcome=outcome, terminal=terminal)

    def find(self, access: str, now: datetime) -> TerminalSignIn | None:
        """Whose access token this is."""
        held, token = self.holder(access), self.tokens.get(access)
        over = held is None or token is None or token.until is None or now >= min(token.until, held.expires_at)
        return None if over else held

    def holder(self, token: str) -> TerminalSignIn | None:
        """Whose token of either kind this is."""
        known = self.tokens.get(token)
        return None if known is None or known.terminal_id in self.ended else self.terminals[known.terminal_id]

    def of(self, principal_id: str, now: datetime) -> Sequence[TerminalSignIn]:
        """Somebody's terminals that are signed in, newest first."""
        live = [one for one in self.terminals.values() if one.id not in self.ended and one.expires_at > now]
        theirs = sorted((one for one in live if one.signed_in.principal.id == principal_id), key=lambda one: one.id)
        return sorted(theirs, key=lambda one: one.created_at, reverse=True)

    def end(self, terminal_id: str, at: datetime) -> bool:  # noqa: ARG002 - the order is all that counts here
        """End a sign-in with all its tokens."""
        is_live = terminal_id in self.terminals and terminal_id not in self.ended
        self.ended.add(terminal_id)
        return is_live

    def forget(self, now: datetime) -> None:
        """Delete access tokens and sign-ins that are over."""
        self.terminals = {name: one for name, one in self.terminals.items() if one.expires_at > now}
        self.tokens = {
            name: token
            for name, token in self.tokens.items()
            if token.terminal_id in self.terminals and (token.until is None or token.until > now)
        }

    def people(self, now: datetime) -> Mapping[str, frozenset[str]]:
        """Everybody whose terminal is signed in, and the groups."""
        live = [one for one in self.terminals.values() if one.id not in self.ended and one.expires_at > now]
        return _people(one.signed_in.principal for one in live)

    def _outcome(self, shown: _Token, terminal: TerminalSignIn, tokens: Tokens, now: datetime) -> Outcome:
        if terminal.id in self.ended or terminal.expires_at <= now:
            return Outcome.OVER
        following = self.tokens.get(tokens.refresh)
        if shown.successor is None and following is None:
            shown.successor = tokens.refresh
            self.tokens[tokens.refresh] = _Token(terminal.id)
            return Outcome.DONE
        is_said_again = shown.successor == tokens.refresh and following is not None and following.successor is None
        return Outcome.DONE if is_said_again else Outcome.REUSED


def _people(principals: Iterable[Principal]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for who in principals:
        found[who.id] = found.get(who.id, frozenset()) | who.groups
    return found


class MemoryOneTime:
    """What is remembered for one use, in memory, as JSON like in a database."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, datetime]] = {}

    def keep(self, digest: str, content: Mapping[str, Any], until: datetime) -> None:
        """Remember plain values."""
        self.kept[digest] = json.dumps(dict(content)), until

    def take(self, digest: str, now: datetime) -> Mapping[str, Any] | None:
        """What was remembered, to the first who asks."""
        content, until = self.kept.get(digest, ("null", now))
        if until <= now:
            return None
        del self.kept[digest]
        taken: Mapping[str, Any] = json.loads(content)
        return taken

    def forget(self, now: datetime) -> None:
        """Delete what is over."""
        self.kept = {name: one for name, one in self.kept.items() if one[1] > now}
