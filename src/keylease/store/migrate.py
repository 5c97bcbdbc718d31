"""Brings a ledger's schema up to date, or refuses one that is newer than the program.

Migrations only add: a program of the release before goes on working with the schema of the next one's start. Of
several that start at once one migrates, in one transaction, and the others find it done.
Alembic is loaded only where something is to be done, since loading it takes longer than all the rest.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from keylease.errors import StoreNewer
from keylease.store.database import take_turn
from keylease.store.schema import metadata

HEAD = "0010"
"""The revision that this program writes. The known ones are those up to it."""


def migrate(connection: Connection) -> None:
    """Upgrade to `HEAD`. Raises `StoreNewer`."""
    if _is_current(connection):
        connection.rollback()
        return
    connection.rollback()
    with connection.begin():
        if connection.dialect.name == "postgresql":
            for limit in ("lock_timeout", "statement_timeout"):  # a migration takes what it takes
                connection.execute(sa.text(f"SET LOCAL {limit} = 0"))
        take_turn(connection)
        if not _is_current(connection):
            _upgrade(connection)


def _is_current(connection: Connection) -> bool:
    revision = _revision(connection)
    if revision is not None and revision > HEAD:
        raise StoreNewer(f"The ledger has schema {revision}; this keylease knows {HEAD}.")
    return revision == HEAD


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "postgresql":
        _without_lengths(connection)


def _without_lengths(connection: Connection) -> None:
    """On PostgreSQL texts are as long as they are, as SQLite has them anyway; it rewrites nothing for that."""
    found = sa.inspect(connection)
    for table in metadata.sorted_tables:
        for column in found.get_columns(table.name):
            if getattr(column["type"], "length", None):
                alter = f'ALTER TABLE {table.name} ALTER COLUMN "{column["name"]}" TYPE text'
                connection.execute(sa.text(alter))


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return revision
