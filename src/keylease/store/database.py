"""The database: its connections, its turns, and its failures as ours.

Writers take turns (SQLite: a lock in the process, then BEGIN IMMEDIATE; PostgreSQL: its own row locks, and one turn
for all who append to the audit chain). SQLite runs in WAL mode and waits for the disk at every commit. A new file
of its is its owner's alone, and SQLite gives the files beside it (-wal, -shm) the same permissions; a file that is
there keeps those that it has. No exception of SQLAlchemy or a driver leaves here.

On PostgreSQL nothing waits for ever: a connection has seconds, a lock and a statement have their limits, and one
that was broken meanwhile is noticed before it is used.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from keylease.domain.secret import Secret
from keylease.errors import BadConfiguration
from keylease.store.failures import failures

BUSY_SECONDS = 15
"""How long a writer waits for another process's turn to end. SQLite's wait is not fair, so it must be long."""
CONNECT_SECONDS = 5
CONNECTIONS = 12
"""To PostgreSQL, from one process at a time. Who finds none free waits for `BUSY_SECONDS`."""
TURN = 0x6B65796C
"""The number of PostgreSQL's advisory lock that stands for the turn of those who append to the chain ("keyl")."""
_WAIT = f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout=60s -c idle_in_transaction_session_timeout=120s"


class Database:
    """One database, for all that lies in it."""

    def __init__(self, url: str, password: Secret | None = None) -> None:
        with failures():
            self.engine = _engine(address(url, password))
        self.is_shared = self.engine.dialect.name == "postgresql"
        """Whether processes on many machines may use it."""
        self._turn = nullcontext() if self.is_shared else threading.Lock()

    @property
    def parameters(self) -> dict[str, Any]:
        """What the driver's own `connect` takes to come here. They may hold a password."""
        return dict(self.engine.dialect.create_connect_args(self.engine.url)[1])

    def close(self) -> None:
        """Let go of it."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it or nothing. Raises `StoreBusy`, `StoreFull`, `StoreFailed`, `StoreAway`."""
        with self._turn, failures(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that changes nothing and waits for no writer."""
        with failures(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """All of it as it is at one moment. SQLite keeps writers out meanwhile."""
        level = {"isolation_level": "REPEATABLE READ"} if self.is_shared else {}
        with self._turn, failures(), self.engine.connect().execution_options(**level) as connection:
            yield connection


def address(url: str, password: Secret | None = None) -> sa.URL:
    """The address as SQLAlchemy takes it, with psycopg as PostgreSQL's driver. Raises `BadConfiguration`."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise BadConfiguration(
            "store.url is no address of a database.", hint="Write sqlite:///keylease.db or postgresql://host/name."
        ) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise BadConfiguration(
            f"store.url names {parsed.drivername}; keylease keeps its ledger in SQLite or PostgreSQL."
        )
    return parsed if password is None else parsed.set(password=password.reveal())


def take_turn(connection: Connection) -> None:
    """Be the only one who appends to the chain until the transaction ends. SQLite's writers are that anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(TURN)))


def _engine(url: sa.URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_SECONDS, "options": _WAIT, "application_name": "keylease"},
        )
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    _make_private(url.database)
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
