"""The tables of the queue that workers share, which are Procrastinate's own.

Its release brings its schema and the steps from each earlier one, as files of SQL. Which of them a database has
seen is written beside them, so a later release of it finds what is still to be done. Whoever comes first does it,
in one transaction; the others wait and find it done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from procrastinate.schema import SchemaManager
from sqlalchemy.engine import Connection

from keylease.store.database import Database, take_turn

_SEEN = "CREATE TABLE IF NOT EXISTS queue_migrations (name text PRIMARY KEY)"


def prepare(database: Database) -> None:
    """See to it that the queue's tables are there and of this release. Raises what the ledger may fail with."""
    steps = {path.name: path for path in Path(SchemaManager.get_migrations_path()).glob("*.sql")}
    with database.writing() as connection:
        take_turn(connection)
        connection.execute(sa.text(_SEEN))
        seen = set(connection.execute(sa.text("SELECT name FROM queue_migrations")).scalars())
        if not seen:
            _run(connection, SchemaManager.get_schema())
        for name in sorted(steps.keys() - seen):
            if seen:
                _run(connection, steps[name].read_text(encoding="utf-8"))
            connection.execute(sa.text("INSERT INTO queue_migrations VALUES (:name)"), {"name": name})


def _run(connection: Connection, script: str) -> None:
    """A script of many statements, as it stands; the driver itself takes it whole."""
    driver: Any = connection.connection.driver_connection
    driver.execute(script)
