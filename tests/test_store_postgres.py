"""What is PostgreSQL's own: who migrates, what it fails with, and the turn of those who append."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg
import pytest
import sqlalchemy as sa

from keylease.domain.clock import SystemClock
from keylease.domain.event import verify
from keylease.domain.secret import Secret
from keylease.errors import BadConfiguration, KeyleaseError, StoreAway, StoreBusy, StoreFull, StoreNewer
from keylease.ports import LeaseQuery
from keylease.sandbox.postgres import Postgres
from keylease.store import open_ledger
from keylease.store.database import Database
from keylease.store.migrate import HEAD
from keylease.store.schema import metadata
from test_store import a_lease, an_event


def test_a_fresh_ledger_has_the_columns_of_this_program_and_no_lengths(migrated_url: str) -> None:
    database = Database(migrated_url)
    found = sa.inspect(database.engine)
    for name, table in metadata.tables.items():
        columns = {one["name"]: one["type"] for one in found.get_columns(name)}
        assert set(columns) == set(table.columns.keys())
        assert not any(getattr(kind, "length", None) for kind in columns.values())
        assert {one["name"] for one in found.get_indexes(name)} == {one.name for one in table.indexes}
    database.close()


def test_of_many_that_start_at_once_one_migrates(postgres_url: str) -> None:
    start = threading.Barrier(6)

    def begin(_: int) -> None:
        start.wait()
        open_ledger(postgres_url).close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(begin, range(6)))
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_a_ledger_of_a_newer_keylease_is_refused(postgres_url: str) -> None:
    open_ledger(postgres_url).close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreNewer, match="9999"):
        open_ledger(postgres_url)


def test_many_processes_append_to_one_chain(emptied_url: str) -> None:
    ledgers = [open_ledger(emptied_url) for _ in range(4)]  # as processes have them: they share no lock

    def write(number: int) -> None:
        for at in range(number * 100, number * 100 + 15):
            ledgers[number].add(a_lease(at), an_event(a_lease(at)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    last = verify(ledgers[0].events())
    assert last is not None
    assert last.seq == 60
    assert len(ledgers[0].find(LeaseQuery())) == 60
    for ledger in ledgers:
        ledger.close()


def test_a_long_name_is_kept_whole(emptied_url: str) -> None:
    ledger = open_ledger(emptied_url)
    lease = a_lease(principal_name="ü" * 3000)
    ledger.add(lease, an_event(lease))
    assert ledger.get(lease.id) == lease
    ledger.close()


FAILURES: list[tuple[str, type[KeyleaseError]]] = [
    ("SET TRANSACTION READ ONLY", StoreFull),
    ("SET lock_timeout = '50ms'", StoreBusy),
    ("SET statement_timeout = '50ms'", StoreBusy),
]


@pytest.mark.parametrize(("setting", "failure"), FAILURES)
def test_what_cannot_be_written_is_said_in_our_words_and_nothing_is_written(
    emptied_url: str, setting: str, failure: type[KeyleaseError]
) -> None:
    ledger = open_ledger(emptied_url)
    sa.event.listen(ledger.database.engine, "begin", lambda connection: connection.exec_driver_sql(setting))
    with psycopg.connect(emptied_url) as holder:
        if failure is StoreBusy:
            holder.execute("LOCK TABLE leases IN EXCLUSIVE MODE")
        with pytest.raises(failure):
            ledger.add(a_lease(), an_event(a_lease()))
    assert (list(ledger.events()), ledger.find(LeaseQuery())) == ([], [])
    ledger.close()


def test_a_connection_that_was_cut_is_noticed_and_replaced(emptied_url: str) -> None:
    ledger = open_ledger(emptied_url)
    ledger.append(an_event())
    with psycopg.connect(emptied_url, autocommit=True) as other:
        mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user"
        other.execute(f"{mine} AND pid <> pg_backend_pid()")
    ledger.append(an_event())
    assert verify(ledger.events()) is not None
    ledger.close()


def test_a_server_that_is_gone_is_away_and_its_password_is_told_to_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StoreAway) as away:
        open_ledger(f"postgresql://mara@127.0.0.1:{port}/x", Secret("hunter2"))
    assert "hunter2" not in str(away.value) + away.value.hint


def test_a_kill_in_the_middle_of_commits_loses_nothing_that_was_said_to_be_written(
    postgres_server: Postgres, emptied_url: str
) -> None:
    """All that serve connections die at once; PostgreSQL throws its memory away and recovers from its log."""
    ledger, written = open_ledger(emptied_url), list[int]()
    cut = threading.Timer(0.4, _kill_backends, [postgres_server])
    cut.start()
    for number in range(100_000):
        try:
            ledger.add(a_lease(number), an_event(a_lease(number)))
        except StoreAway:
            break
        written.append(number)
    cut.join()
    found = _once_it_is_back(lambda: {int(one.id[2:]) for one in ledger.find(LeaseQuery(limit=10**6))})
    assert set(written) <= found <= {*written, len(written)}
    last = verify(ledger.events())
    assert last is not None
    assert last.seq == len(found)
    ledger.close()


def _kill_backends(server: Postgres) -> None:
    for one in psutil.Process(server.pid).children():
        if "keylease" in " ".join(one.cmdline()):
            one.kill()


def _once_it_is_back(ask: Callable[[], set[int]]) -> set[int]:
    for _ in range(100):
        try:
            return ask()
        except StoreAway:
            SystemClock().sleep(0.1)
    return ask()


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "postgresql://[::1/x", ""])
def test_an_address_that_is_none_is_said_so(url: str) -> None:
    with pytest.raises(BadConfiguration, match=r"store\.url"):
        open_ledger(url)
