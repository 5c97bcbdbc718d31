"""The ledger over SQLAlchemy Core.

A lease and its event are written in one transaction: an act that cannot be recorded does not happen. Whoever
appends to the audit chain takes a turn until the commit, so the chain has one order. A save names the version it
follows, and a second one that follows the same is refused. The chain is read a page at a time: it only grows, so
pages fit together, and no reader holds a transaction open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from keylease.domain.event import AuditEvent, ChainedEvent, chain
from keylease.domain.lease import ENDED, IN_AWS, Lease, State
from keylease.domain.secret import Secret
from keylease.errors import ChangedMeanwhile, KeyleaseError, NoSuchLease
from keylease.ports import Figures, LeaseQuery
from keylease.store.database import Database, take_turn
from keylease.store.failures import failures
from keylease.store.migrate import migrate
from keylease.store.schema import events, leases, link_to_row, to_lease, to_link, to_row

PAGE = 1000
"""Records of the chain that are read at once."""

_ADD, _APPEND = leases.insert(), events.insert()
_GET = leases.select().where(leases.c.id == sa.bindparam("of"))
_SAVE = leases.update().where(leases.c.id == sa.bindparam("of"), leases.c.version == sa.bindparam("follows"))
_LAST = events.select().order_by(events.c.seq.desc()).limit(1)
"""Statements that are made once: to build one anew for each act takes longer than the database does."""


def open_ledger(url: str, password: Secret | None = None) -> Ledger:
    """Open the ledger, bring its schema up to date, and return it.

    Raises `StoreNewer` for one that a newer keylease has written, `BadConfiguration` for an address that is none,
    and what every method may raise.
    """
    database = Database(url, password)
    try:
        with failures(), database.engine.connect() as connection:
            migrate(connection)
    except KeyleaseError:
        database.close()
        raise
    return Ledger(database)


class Ledger:
    """Implements `ports.Store`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def add(self, lease: Lease, event: AuditEvent) -> None:
        """Write a new lease and its event."""
        with self.database.writing() as connection:
            connection.execute(_ADD, to_row(lease))
            _append(connection, event)

    def save(self, lease: Lease, event: AuditEvent) -> None:
        """Write a lease's next version and its event. Raises `ChangedMeanwhile`."""
        with self.database.writing() as connection:
            done = connection.execute(_SAVE, {**to_row(lease), "of": lease.id, "follows": lease.version - 1})
            if done.rowcount != 1:
                raise ChangedMeanwhile(f"{lease.id} was changed meanwhile.")
            _append(connection, event)

    def append(self, event: AuditEvent) -> None:
        """Write an event that changes no lease."""
        with self.database.writing() as connection:
            _append(connection, event)

    def get(self, lease_id: str) -> Lease:
        """The lease. Raises `NoSuchLease`."""
        with self.database.reading() as connection:
            row = connection.execute(_GET, {"of": lease_id}).mappings().first()
        if row is None:
            raise NoSuchLease(f"There is no lease {lease_id}.")
        return to_lease(row)

    def find(self, query: LeaseQuery) -> Sequence[Lease]:
        """The leases that match, newest request first."""
        found = leases.select().where(*_conditions(query))
        found = found.order_by(leases.c.requested_at.desc(), leases.c.id.desc()).limit(query.limit)
        found = found.offset(query.offset)
        with self.database.reading() as connection:
            return [to_lease(row) for row in connection.execute(found).mappings()]

    def count(self, query: LeaseQuery) -> int:
        """How many match."""
        counted = sa.select(sa.func.count()).select_from(leases).where(*_conditions(query))
        with self.database.reading() as connection:
            return connection.execute(counted).scalar_one()

    def figures(self, now: datetime) -> Figures:
        """What stands in the ledger, counted."""
        c, live = leases.c, leases.c.state.in_(sorted(frozenset(State) - ENDED))
        counted = sa.select(c.account, c.state, sa.func.count()).where(live).group_by(c.account, c.state)
        held = c.state.in_(sorted(IN_AWS)) & (c.expires_at <= now)
        oldest = sa.select(c.account, sa.func.min(c.expires_at)).where(held).group_by(c.account)
        with self.database.reading() as connection:
            states = {(account, state): count for account, state, count in connection.execute(counted)}
            overdue = {row[0]: row[1] for row in connection.execute(oldest)}
        return Figures(states=states, overdue_since=overdue)

    def events(
        self, lease_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Iterator[ChainedEvent]:
        """The audit chain, or one lease's part of it: what comes after a record, and no more than `limit`."""
        left = limit
        while left is None or left > 0:
            page = self._page(lease_id, after, PAGE if left is None else min(left, PAGE))
            yield from page
            if len(page) < PAGE:
                return
            after, left = page[-1].seq, None if left is None else left - len(page)

    def _page(self, lease_id: str | None, after: int, most: int) -> list[ChainedEvent]:
        wanted = events.select().where(events.c.seq > after).order_by(events.c.seq).limit(most)
        if lease_id is not None:
            wanted = wanted.where(events.c.lease_id == lease_id)
        with self.database.reading() as connection:
            return [to_link(row) for row in connection.execute(wanted).mappings()]


def _append(connection: Connection, event: AuditEvent) -> None:
    take_turn(connection)
    last = connection.execute(_LAST).mappings().first()
    connection.execute(_APPEND, link_to_row(chain(event, to_link(last) if last else None)))


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
    yield from _further(query)


def _further(query: LeaseQuery) -> Iterator[sa.ColumnElement[bool]]:
    if query.principal_ids is not None:
        yield leases.c.principal_id.in_(sorted(query.principal_ids))
    if query.permission_set is not None:
        yield leases.c.permission_set == query.permission_set
    if query.name is not None:
        yield sa.func.lower(leases.c.principal_name).contains(query.name.lower(), autoescape=True)
    if query.since is not None:
        yield leases.c.requested_at >= query.since
    if query.ends_after is not None:
        yield leases.c.expires_at > query.ends_after
    if query.ends_by is not None:
        yield leases.c.expires_at <= query.ends_by
