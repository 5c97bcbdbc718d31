"""What processes tell one another through the database: what passes saw, and how fast accounts are asked.

None of it is part of the record: it is overwritten, and a ledger without it loses nothing but a minute.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from keylease.domain.pace import Pace
from keylease.ports import Passed
from keylease.store.database import Database
from keylease.store.schema import paces, passes

R = TypeVar("R")


class SqlPasses:
    """Implements `ports.Passes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, name: str, passed: Passed) -> None:
        """Let this be what is known of the last one of that name."""
        with self._database.writing() as connection:
            _upsert(connection, passes, "name", {"name": name, "at": passed.at, "content": dict(passed.content)})

    def kept(self) -> Mapping[str, Passed]:
        """All that is known, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(passes.select()).mappings().all()
        return {row["name"]: Passed(at=row["at"], content=row["content"]) for row in rows}


class SqlPaces:
    """Implements `ports.Paces`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def change(self, account: str, rule: Callable[[Pace], tuple[Pace, R]]) -> R:
        """Let a rule change an account's pace, one at a time."""
        which = paces.c.account == account
        with self._database.writing() as connection:
            row = connection.execute(paces.select().where(which).with_for_update()).mappings().first()
            before = Pace() if row is None else Pace(**{name: row[name] for name in _FIELDS})
            after, answer = rule(before)
            if row is None or after != before:
                _upsert(connection, paces, "account", {"account": account, **dataclasses.asdict(after)})
        return answer


_FIELDS = tuple(field.name for field in dataclasses.fields(Pace))


def _upsert(connection: Connection, table: sa.Table, key: str, row: Mapping[str, object]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(table).values(**row)
    others = {name: value for name, value in row.items() if name != key}
    connection.execute(insert.on_conflict_do_update(index_elements=[key], set_=others))
