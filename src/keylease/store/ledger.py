"""The ledger over SQLAlchemy Core.

A lease and its event are written in one transaction: an act that cannot be recorded does not happen. Writers
take turns, so the audit chain has one order (SQLite: a lock in the process, then BEGIN IMMEDIATE; PostgreSQL: a
lock on the events). A save names the version it follows, and a second one that follows the same is refused.
SQLite runs in WAL mode and waits for the disk at every commit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from keylease.domain.event import AuditEvent, ChainedEvent, chain
from keylease.domain.lease import Lease
from keylease.errors import ChangedMeanwhile, KeyleaseError, NoSuchLease, StoreBusy, StoreFailed, StoreFull
from keylease.ports import LeaseQuery
from keylease.store.migrate import migrate
from keylease.store.schema import events, leases, link_to_row, to_lease, to_link, to_row

BUSY_SECONDS = 15
"""How long a writer waits for another process's turn to end. SQLite's wait is not fair, so it must be long."""


def open_ledger(url: str) -> Ledger:
    """Open the ledger, bring its schema up to date, and return it.

    Raises `StoreNewer` for one that a newer keylease has written, and what every method may raise.
    """
    with _failures():
        engine = _engine(url)
        with engine.connect() as connection:
            migrate(connection)
    return Ledger(engine)


class Ledger:
    """Implements `ports.Store`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def add(self, lease: Lease, event: AuditEvent) -> None:
        """Write a new lease and its event."""
        with self._writing() as connection:
            connection.execute(leases.insert().values(to_row(lease)))
            _append(connection, event)

    def save(self, lease: Lease, event: AuditEvent) -> None:
        """Write a lease's next version and its event. Raises `ChangedMeanwhile`."""
        with self._writing() as connection:
            before = (leases.c.id == lease.id) & (leases.c.version == lease.version - 1)
            done = connection.execute(leases.update().where(before).values(to_row(lease)))
            if done.rowcount != 1:
                raise ChangedMeanwhile(f"{lease.id} was changed meanwhile.")
            _append(connection, event)

    def append(self, event: AuditEvent) -> None:
        """Write an event that changes no lease."""
        with self._writing() as connection:
            _append(connection, event)

    def get(self, lease_id: str) -> Lease:
        """The lease. Raises `NoSuchLease`."""
        with self._reading() as connection:
            row = connection.execute(leases.select().where(leases.c.id == lease_id)).mappings().first()
        if row is None:
            raise NoSuchLease(f"There is no lease {lease_id}.")
        return to_lease(row)

    def find(self, query: LeaseQuery) -> Sequence[Lease]:
        """The leases that match, newest request first."""
        found = leases.select().where(*_conditions(query))
        found = found.order_by(leases.c.requested_at.desc(), leases.c.id.desc()).limit(query.limit)
        with self._reading() as connection:
            return [to_lease(row) for row in connection.execute(found).mappings()]

    def events(self, lease_id: str | None = None) -> Iterator[ChainedEvent]:
        """The audit chain from its start, or one lease's part of it."""
        wanted = events.select().order_by(events.c.seq)
        if lease_id is not None:
            wanted = wanted.where(events.c.lease_id == lease_id)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(wanted).mappings():
                yield to_link(row)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn, _failures(), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE events IN EXCLUSIVE MODE"))
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _failures(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _append(connection: Connection, event: AuditEvent) -> None:
    last = connection.execute(events.select().order_by(events.c.seq.desc()).limit(1)).mappings().first()
    connection.execute(events.insert().values(link_to_row(chain(event, to_link(last) if last else None))))


def _conditions(query: LeaseQuery) -> Iterator[sa.ColumnElement[bool]]:
    if query.principal_id is not None:
        yield leases.c.principal_id == query.principal_id
    if query.states is not None:
        yield leases.c.state.in_(sorted(query.states))
    if query.account is not None:
        yield leases.c.account == query.account
    if query.fence is not None:
        yield leases.c.fence == query.fence
    if query.before is not None:
        yield leases.c.requested_at < query.before


def _engine(url: str) -> Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS} if url.startswith("sqlite") else {})
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _sqlite_connect)
        sa.event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver starts no transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _failures() -> Iterator[None]:
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
