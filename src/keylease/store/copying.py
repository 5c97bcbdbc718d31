"""A ledger from one database into another: from SQLite to PostgreSQL as a company grows, or back.

All of it or nothing: one transaction at the target, from one moment of the source. Before the commit the copy is
read back: its chain must hold from the first record to the very last one of the source, and every lease must be
what its last record says. A source that does not hold is not copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from keylease.domain.event import ChainedEvent
from keylease.domain.lease import Lease
from keylease.errors import ChainBroken, StoreNotEmpty
from keylease.store.ledger import Ledger
from keylease.store.schema import events, leases, metadata, to_lease, to_link
from keylease.visibility import hold

AT_ONCE = 1000
"""Rows that are read and written together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied: rows by table, and the last link of the chain, the same on both sides."""

    rows: dict[str, int]
    last: ChainedEvent | None


def copy(source: Ledger, target: Ledger) -> Copied:
    """Copy everything. Raises `StoreNotEmpty`, `ChainBroken` and what either database may fail with."""
    with source.database.snapshot() as reading, target.database.writing() as writing:
        _refuse_what_is_there(writing)
        rows = {table.name: _table(table, reading, writing) for table in metadata.sorted_tables}
        last = hold(_links(writing), _leases(writing))
        if last != _last(reading):
            raise ChainBroken("The copy ends with another record than the ledger; nothing was kept of it.")
    return Copied(rows=rows, last=last)


def _refuse_what_is_there(target: Connection) -> None:
    for table in metadata.sorted_tables:
        if target.execute(sa.select(sa.exists(table.select()))).scalar():
            raise StoreNotEmpty(f"There are rows in the table {table.name} of the database to copy to.")


def _table(table: sa.Table, source: Connection, target: Connection) -> int:
    copied = 0
    for part in _parts(source, table):
        target.execute(table.insert(), [dict(row) for row in part])
        copied += len(part)
    return copied


def _parts(connection: Connection, table: sa.Table) -> Iterator[Sequence[sa.RowMapping]]:
    """A table's rows by their primary key, which is one column in each."""
    [key] = table.primary_key
    query = table.select().order_by(key).limit(AT_ONCE)
    part = connection.execute(query).mappings().all()
    while part:
        yield part
        part = connection.execute(query.where(key > part[-1][key])).mappings().all()


def _links(connection: Connection) -> Iterator[ChainedEvent]:
    return (to_link(row) for part in _parts(connection, events) for row in part)


def _leases(connection: Connection) -> Iterator[Lease]:
    return (to_lease(row) for part in _parts(connection, leases) for row in part)


def _last(connection: Connection) -> ChainedEvent | None:
    row = connection.execute(events.select().order_by(events.c.seq.desc()).limit(1)).mappings().first()
    return to_link(row) if row else None
