"""Brings a ledger's schema up to date, or refuses one that is newer than the program.

Migrations only add: a program of the release before goes on working with the schema of the next one's start.
Alembic is loaded only where something is to be done, since loading it takes longer than all the rest.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from keylease.errors import StoreNewer

HEAD = "0010"
"""The revision that this program writes. The known ones are those up to it."""


def migrate(connection: Connection) -> None:
    """Upgrade to `HEAD`. Raises `StoreNewer`."""
    revision = _revision(connection)
    if revision == HEAD:
        return
    if revision is not None and revision > HEAD:
        raise StoreNewer(f"The ledger has schema {revision}; this keylease knows {HEAD}.")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        connection.rollback()
        return None
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    connection.rollback()
    return revision
