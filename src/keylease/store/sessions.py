"""Sign-ins over SQLAlchemy Core: browsers' sessions, terminals, and what is remembered for one use.

They lie beside the leases and take turns with them. Only digests come in here. What is taken or exchanged is so in
one transaction, so of two who come at once one is first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from keylease.domain.clock import to_text
from keylease.domain.terminal import AGAIN
from keylease.errors import SignInRefused
from keylease.ports import (
    Exchange,
    Kept,
    Outcome,
    SignedIn,
    TerminalSignIn,
    Tokens,
    WebSession,
)
from keylease.store.database import Database
from keylease.store.schema import one_time, terminal_tokens, terminals, web_sessions


def kept(database: Database) -> Kept:
    """Where sign-ins are kept in this database."""
    return Kept(sessions=SqlSessions(database), terminals=SqlTerminals(database), one_time=SqlOneTime(database))


class SqlSessions:
    """Implements `ports.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, digest: str, session: WebSession) -> None:
        """Keep a new session."""
        row = {
            "digest": digest,
            **_signed_in_to_row(session.signed_in),
            "created_at": session.created_at,
            "last_seen_at": session.last_seen_at,
        }
        with self._database.writing() as connection:
            connection.execute(web_sessions.insert().values(row))

    def find(self, digest: str) -> WebSession | None:
        """The session, unless it was ended."""
        wanted = web_sessions.select().where(_live(digest))
        with self._database.reading() as connection:
            row = connection.execute(wanted).mappings().first()
        if row is None:
            return None
        return WebSession(
            signed_in=_to_signed_in(row),
            created_at=row["created_at"],
            last_seen_at=row["last_seen_at"],
        )

    def seen(self, digest: str, at: datetime) -> None:
        """Write down that it was used."""
        self._update(_live(digest), last_seen_at=at)

    def end(self, digest: str, at: datetime) -> None:
        """End it."""
        self._update(_live(digest), ended_at=at)

    def end_all(self, principal_id: str, at: datetime) -> int:
        """End all of somebody's."""
        return self._update(_of(web_sessions, principal_id), ended_at=at)

    def forget(self, created_before: datetime) -> None:
        """Delete what is that old."""
        with self._database.writing() as connection:
            connection.execute(web_sessions.delete().where(web_sessions.c.created_at < created_before))

    def people(self) -> Mapping[str, frozenset[str]]:
        """Everybody with a session, and the groups."""
        return _people(self._database, web_sessions, web_sessions.c.ended_at.is_(None))

    def _update(self, which: sa.ColumnElement[bool], **values: datetime) -> int:
        with self._database.writing() as connection:
            return connection.execute(web_sessions.update().where(which).values(values)).rowcount


class SqlTerminals:
    """Implements `ports.Terminals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, terminal: TerminalSignIn, tokens: Tokens) -> None:
        """Keep a new one. Raises `SignInRefused`."""
        row = {
            "id": terminal.id,
            **_signed_in_to_row(terminal.signed_in),
            "machine": terminal.machine,
            "created_at": terminal.created_at,
            "expires_at": terminal.expires_at,
            "last_used_at": terminal.last_used_at,
        }
        with self._database.writing() as connection:
            if _token(connection, tokens.refresh) is not None:
                raise SignInRefused("The terminal sent a refresh token that was used before.", hint=AGAIN)
            connection.execute(terminals.insert().values(row))
            _keep(connection, terminal.id, refresh=tokens.refresh)
            _keep(connection, terminal.id, access=tokens.access, until=tokens.access_until)

    def exchange(self, refresh: str, tokens: Tokens, now: datetime) -> Exchange:
        """Let the next refresh token take this one's place."""
        with self._database.writing() as connection:
            wanted = (terminal_tokens.c.digest == refresh) & terminal_tokens.c.until.is_(None)
            shown = connection.execute(terminal_tokens.select().where(wanted).with_for_update()).mappings().first()
            if shown is None:
                return Exchange(outcome=Outcome.UNKNOWN)
            which = terminals.c.id == shown["terminal_id"]
            row = connection.execute(terminals.select().where(which).with_for_update()).mappings().one()
            outcome = _outcome(connection, shown, row, tokens, now)
            if outcome is not Outcome.OVER:
                changed = {"ended_at" if outcome is Outcome.REUSED else "last_used_at": now}
                connection.execute(terminals.update().where(which).values(changed))
            return Exchange(outcome=outcome, terminal=_to_terminal(row))

    def find(self, access: str, now: datetime) -> TerminalSignIn | None:
        """Whose access token this is."""
        return self._held(access, terminal_tokens.c.until > now, terminals.c.expires_at > now)

    def holder(self, token: str) -> TerminalSignIn | None:
        """Whose token of either kind this is."""
        return self._held(token)

    def of(self, principal_id: str, now: datetime) -> Sequence[TerminalSignIn]:
        """Somebody's terminals that are signed in, newest first."""
        wanted = terminals.select().where(_of(terminals, principal_id), terminals.c.expires_at > now)
        wanted = wanted.order_by(terminals.c.created_at.desc(), terminals.c.id)
        with self._database.reading() as connection:
            return [_to_terminal(row) for row in connection.execute(wanted).mappings()]

    def end(self, terminal_id: str, at: datetime) -> bool:
        """End a sign-in with all its tokens."""
        which = (terminals.c.id == terminal_id) & terminals.c.ended_at.is_(None)
        with self._database.writing() as connection:
            return connection.execute(terminals.update().where(which).values(ended_at=at)).rowcount == 1

    def forget(self, now: datetime) -> None:
        """Delete access tokens and sign-ins that are over."""
        over = sa.select(terminals.c.id).where(terminals.c.expires_at <= now)
        with self._database.writing() as connection:
            gone = (terminal_tokens.c.until <= now) | terminal_tokens.c.terminal_id.in_(over)
            connection.execute(terminal_tokens.delete().where(gone))
            connection.execute(terminals.delete().where(terminals.c.expires_at <= now))

    def people(self, now: datetime) -> Mapping[str, frozenset[str]]:
        """Everybody whose terminal is signed in, and the groups."""
        return _people(self._database, terminals, terminals.c.ended_at.is_(None) & (terminals.c.expires_at > now))

    def _held(self, token: str, *further: sa.ColumnElement[bool]) -> TerminalSignIn | None:
        wanted = (
            sa.select(terminals)
            .join(terminal_tokens, terminal_tokens.c.terminal_id == terminals.c.id)
            .where(terminal_tokens.c.digest == token, terminals.c.ended_at.is_(None), *further)
        )
        with self._database.reading() as connection:
            row = connection.execute(wanted).mappings().first()
        return _to_terminal(row) if row else None


class SqlOneTime:
    """Implements `ports.OneTime`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, digest: str, content: Mapping[str, Any], until: datetime) -> None:
        """Remember plain values."""
        with self._database.writing() as connection:
            connection.execute(one_time.insert().values(digest=digest, content=dict(content), until=until))

    def take(self, digest: str, now: datetime) -> Mapping[str, Any] | None:
        """What was remembered, to the first who asks."""
        which = (one_time.c.digest == digest) & (one_time.c.until > now)
        with self._database.writing() as connection:
            row = connection.execute(one_time.select().where(which)).mappings().first()
            is_first = connection.execute(one_time.delete().where(which)).rowcount == 1
        return row["content"] if row and is_first else None

    def forget(self, now: datetime) -> None:
        """Delete what is over."""
        with self._database.writing() as connection:
            connection.execute(one_time.delete().where(one_time.c.until <= now))


def _outcome(
    connection: Connection, shown: RowMapping, terminal: RowMapping, tokens: Tokens, now: datetime
) -> Outcome:
    """What has become of a refresh token, with its successor in its place where it was its turn."""
    if terminal["ended_at"] is not None or terminal["expires_at"] <= now:
        return Outcome.OVER
    following = _token(connection, tokens.refresh)
    if shown["successor"] is None and following is None:
        this = terminal_tokens.c.digest == shown["digest"]
        connection.execute(terminal_tokens.update().where(this).values(successor=tokens.refresh))
        _keep(connection, terminal["id"], refresh=tokens.refresh)
    elif following is None or (shown["successor"], following["successor"]) != (tokens.refresh, None):
        return Outcome.REUSED
    _keep(connection, terminal["id"], access=tokens.access, until=tokens.access_until)
    return Outcome.DONE


def _token(connection: Connection, digest: str) -> RowMapping | None:
    return connection.execute(terminal_tokens.select().where(terminal_tokens.c.digest == digest)).mappings().first()


def _keep(
    connection: Connection,
    terminal_id: str,
    *,
    refresh: str | None = None,
    access: str | None = None,
    until: datetime | None = None,
) -> None:
    """One token: a refresh token, or an access token with its end."""
    row = {"digest": refresh or access, "terminal_id": terminal_id, "successor": None, "until": until}
    connection.execute(terminal_tokens.insert().values(row))


def _live(digest: str) -> sa.ColumnElement[bool]:
    return (web_sessions.c.digest == digest) & web_sessions.c.ended_at.is_(None)


def _of(table: sa.Table, principal_id: str) -> sa.ColumnElement[bool]:
    """Somebody's sign-ins that were not ended. A subject may hold the sign that parts it from its issuer."""
    whole = table.c.issuer + "#" + table.c.subject == principal_id
    return whole & table.c.ended_at.is_(None)


def _people(database: Database, table: sa.Table, which: sa.ColumnElement[bool]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    with database.reading() as connection:
        for row in connection.execute(table.select().where(which)).mappings():
            who = _to_signed_in(row).principal
            found[who.id] = found.get(who.id, frozenset()) | who.groups
    return found


def _signed_in_to_row(signed_in: SignedIn) -> dict[str, Any]:
    return signed_in.to_values() | {
        "authenticated_at": signed_in.authenticated_at,
        "proven_at": signed_in.principal.authenticated_at,
    }


def _to_signed_in(row: RowMapping) -> SignedIn:
    texts = {name: row[name] and to_text(row[name]) for name in ("authenticated_at", "proven_at")}
    return SignedIn.from_values(dict(row) | texts)


def _to_terminal(row: RowMapping) -> TerminalSignIn:
    return TerminalSignIn(
        id=row["id"],
        signed_in=_to_signed_in(row),
        machine=row["machine"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
    )
