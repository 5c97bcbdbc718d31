"""The database: its connections, its turns, and its failures as ours.

Writers take turns (SQLite: a lock in the process, then BEGIN IMMEDIATE; PostgreSQL: its own row and table locks).
SQLite runs in WAL mode and waits for the disk at every commit. A new file of its is its owner's alone, and SQLite
gives the files beside it (-wal, -shm) the same permissions; a file that is there keeps those that it has. No
exception of SQLAlchemy or a driver leaves here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from keylease.errors import KeyleaseError, StoreBusy, StoreFailed, StoreFull

BUSY_SECONDS = 15
"""How long a writer waits for another process's turn to end. SQLite's wait is not fair, so it must be long."""


class Database:
    """One database, for all that lies in it."""

    def __init__(self, url: str) -> None:
        with failures():
            self.engine = _engine(url)
        self._turn = threading.Lock() if self.engine.dialect.name == "sqlite" else nullcontext()

    def close(self) -> None:
        """Let go of it."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it or nothing. Raises `StoreBusy`, `StoreFull` and `StoreFailed`."""
        with self._turn, failures(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that changes nothing and waits for no writer."""
        with failures(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _engine(url: str) -> Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS} if url.startswith("sqlite") else {})
    if engine.dialect.name == "sqlite":
        _make_private(engine.url.database)
        sa.event.listen(engine, "connect", _sqlite_connect)
        sa.event.listen(engine, "begin", _sqlite_begin)
    return engine


def _make_private(file: str | None) -> None:
    """Make the file, where there is none, before SQLite makes it with whatever the umask lets through."""
    if not file or file.startswith((":memory:", "file:")):
        return
    with suppress(OSError):  # it is there already, or SQLite says what is wrong with the place
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _sqlite_connect(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver starts no transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def failures() -> Iterator[None]:
    """No exception of SQLAlchemy or a driver leaves the store."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise _failure(error) from None


def _failure(error: sa.exc.SQLAlchemyError) -> KeyleaseError:
    text = str(getattr(error, "orig", None) or type(error).__name__)
    if "locked" in text or "busy" in text:
        return StoreBusy(f"The ledger is in use by somebody else ({text}).")
    if any(word in text for word in ("disk is full", "readonly", "disk I/O", "unable to open", "No space")):
        return StoreFull(f"The ledger cannot be written ({text}).")
    return StoreFailed(f"The ledger's database said: {text}.")
