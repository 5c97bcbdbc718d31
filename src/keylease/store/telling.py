"""What people are told, over SQLAlchemy Core: the outbox, what they have chosen, and their private calendars.

It lies beside the leases. A notice whose key is known is passed over, in the same transaction that moves the
cursor; of two who claim one, the first has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from keylease.domain.notice import Notice, Text, Told
from keylease.ports import Choice, Telling, Waiting
from keylease.store.database import Database
from keylease.store.schema import feeds, notice_choices, notice_cursor, notices

CHAIN = "chain"


def telling(database: Database) -> Telling:
    """Where this database keeps it."""
    return Telling(outbox=SqlOutbox(database), choices=SqlChoices(database), feeds=SqlFeeds(database))


class SqlOutbox:
    """Implements `ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self) -> int | None:
        """Up to which record of the chain it was filled."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(notice_cursor.c.seq)).scalar()

    def put(self, new: Sequence[Notice], *, cursor: int | None) -> None:
        """Add what is new, and move the cursor."""
        if not new and cursor is None:
            return
        with self._database.writing() as connection:
            for notice in new:
                _add(connection, notice)
            if cursor is not None:
                connection.execute(notice_cursor.delete())
                connection.execute(notice_cursor.insert().values(name=CHAIN, seq=cursor))

    def due(self, now: datetime, limit: int = 100) -> Sequence[Waiting]:
        """What is to be sent by now."""
        found = notices.select().where(notices.c.due_at <= now).order_by(notices.c.at, notices.c.key).limit(limit)
        with self._database.reading() as connection:
            return [
                Waiting(notice=_notice(row), tries=row["tries"]) for row in connection.execute(found).mappings()
            ]

    def claim(self, waiting: Waiting, *, again_at: datetime) -> bool:
        """Count one more try."""
        same = (
            (notices.c.key == waiting.notice.key)
            & (notices.c.tries == waiting.tries)
            & notices.c.due_at.is_not(None)
        )
        with self._database.writing() as connection:
            changed = notices.update().where(same).values(tries=waiting.tries + 1, due_at=again_at)
            return connection.execute(changed).rowcount == 1

    def done(self, key: str, *, at: datetime, failure: str | None) -> None:
        """Never try it again."""
        with self._database.writing() as connection:
            changed = notices.update().where(notices.c.key == key)
            connection.execute(changed.values(due_at=None, done_at=at, failure=failure))

    def sent(self, lease_id: str) -> Sequence[tuple[datetime, Notice]]:
        """What was sent of a lease."""
        went_out = (notices.c.lease_id == lease_id) & notices.c.done_at.is_not(None) & notices.c.failure.is_(None)
        found = notices.select().where(went_out).order_by(notices.c.done_at)
        with self._database.reading() as connection:
            return [(row["done_at"], _notice(row)) for row in connection.execute(found).mappings()]

    def given_up(self) -> int:
        """How many were given up."""
        given_up = notices.c.failure.is_not(None) & (notices.c.failure != "stale")
        counted = sa.select(sa.func.count()).select_from(notices).where(given_up)
        with self._database.reading() as connection:
            return connection.execute(counted).scalar_one()


def _add(connection: Connection, notice: Notice) -> None:
    known = connection.execute(sa.select(notices.c.key).where(notices.c.key == notice.key)).first()
    if known is not None:
        return
    text = {"subject": notice.text.subject, "lines": list(notice.text.lines), "link": notice.text.link}
    connection.execute(
        notices.insert().values(
            key=notice.key,
            told=notice.told,
            to=notice.to,
            lease_id=notice.lease_id,
            text=text,
            at=notice.at,
            due_at=notice.at,
            tries=0,
        )
    )


def _notice(row: RowMapping) -> Notice:
    text = row["text"]
    return Notice(
        key=row["key"],
        told=Told(row["told"]),
        to=row["to"],
        lease_id=row["lease_id"],
        text=Text(subject=text["subject"], lines=tuple(text["lines"]), link=text["link"]),
        at=row["at"],
    )


class SqlChoices:
    """Implements `ports.Choices`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, principal_id: str) -> Choice | None:
        """Somebody's."""
        found = notice_choices.select().where(notice_choices.c.principal_id == principal_id)
        with self._database.reading() as connection:
            row = connection.execute(found).mappings().first()
        return None if row is None else _choice(row)

    def all(self) -> Sequence[Choice]:
        """Everybody's."""
        with self._database.reading() as connection:
            return [_choice(row) for row in connection.execute(notice_choices.select()).mappings()]

    def keep(self, choice: Choice) -> None:
        """Write one down, in place of what was."""
        with self._database.writing() as connection:
            mine = notice_choices.c.principal_id == choice.principal_id
            connection.execute(notice_choices.delete().where(mine))
            connection.execute(
                notice_choices.insert().values(
                    principal_id=choice.principal_id,
                    address=choice.address,
                    mails=choice.mails,
                    reminders=choice.reminders,
                    groups=sorted(choice.groups),
                )
            )


def _choice(row: RowMapping) -> Choice:
    return Choice(**(dict(row) | {"groups": frozenset(row["groups"])}))


class SqlFeeds:
    """Implements `ports.Feeds`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, digest: str, principal_id: str, at: datetime) -> None:
        """Let this open somebody's, and nothing that did before."""
        with self._database.writing() as connection:
            connection.execute(feeds.delete().where(feeds.c.principal_id == principal_id))
            connection.execute(feeds.insert().values(digest=digest, principal_id=principal_id, made_at=at))

    def whose(self, digest: str) -> str | None:
        """Whose it opens."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(feeds.c.principal_id).where(feeds.c.digest == digest)).scalar()

    def made_at(self, principal_id: str) -> datetime | None:
        """When somebody's was made."""
        mine = sa.select(feeds.c.made_at).where(feeds.c.principal_id == principal_id)
        with self._database.reading() as connection:
            return connection.execute(mine).scalar()
