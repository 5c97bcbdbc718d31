"""The ledger: one contract for the fake and the real one, and what is the database's own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keylease.domain.event import AuditEvent, verify
from keylease.domain.lease import EndReason, Event, Kind, Lease, State
from keylease.errors import (
    ChainBroken,
    ChangedMeanwhile,
    KeyleaseError,
    NoSuchLease,
    StoreBusy,
    StoreFailed,
    StoreFull,
    StoreNewer,
)
from keylease.ports import LeaseQuery, Store
from keylease.store import Ledger, open_ledger
from keylease.store.migrate import HEAD
from keylease.store.schema import metadata, to_lease, to_row
from keylease.testing import MemoryStore

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_lease(number: int = 1, **changes: object) -> Lease:
    lease = Lease(
        id=f"L-{number:08d}",
        kind=Kind.ACCESS_KEY,
        state=State.REQUESTED,
        principal_id="dir#mara",
        principal_name="Mara Lind",
        account="main",
        permission_set="archive",
        group="archive",
        grant="media",
        reason="Winter masters “VID-311”",
        asked=timedelta(weeks=2),
        requested_at=NOW + timedelta(minutes=number),
        expires_at=NOW + timedelta(weeks=2),
    )
    return replace(lease, **changes)  # type: ignore[arg-type] - a table of fields


def an_event(lease: Lease | None = None, action: str = "requested") -> AuditEvent:
    return AuditEvent(
        at=NOW,
        action=action,
        actor="dir#mara",
        lease_id=lease and lease.id,
        details={"n": 1, "ok": True, "x": None, "s": "ü"},
    )


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path}/keylease.db")
    yield opened
    opened.close()


@pytest.fixture
def postgres_ledger(emptied_url: str) -> Iterator[Ledger]:
    opened = open_ledger(emptied_url)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    made: Ledger = request.getfixturevalue(f"{request.param}_ledger")
    return made


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue(f"{request.param}_ledger")


def test_what_is_added_is_found(store: Store) -> None:
    lease = a_lease()
    store.add(lease, an_event(lease))
    assert store.get(lease.id) == lease
    assert store.find(LeaseQuery()) == [lease]


def test_what_is_not_there_is_said_so(store: Store) -> None:
    with pytest.raises(NoSuchLease):
        store.get("L-nothing0")


def test_a_save_follows_the_version_it_was_made_from(store: Store) -> None:
    lease = a_lease()
    store.add(lease, an_event(lease))
    approved, denied = lease.after(Event.APPROVE), lease.after(Event.DENY)
    store.save(approved, an_event(lease, "approved"))
    with pytest.raises(ChangedMeanwhile):
        store.save(denied, an_event(lease, "denied"))
    assert store.get(lease.id) == approved
    assert [link.event.action for link in store.events()] == ["requested", "approved"]


def test_a_save_of_what_was_never_added_writes_nothing(store: Store) -> None:
    with pytest.raises((ChangedMeanwhile, NoSuchLease)):
        store.save(a_lease().after(Event.APPROVE), an_event())
    assert list(store.events()) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LeaseQuery(), [4, 3, 2, 1]),
        (LeaseQuery(limit=2), [4, 3]),
        (LeaseQuery(principal_id="dir#tomas"), [2]),
        (LeaseQuery(states=frozenset({State.ACTIVE, State.CLOSED})), [3, 2]),
        (LeaseQuery(states=frozenset()), []),
        (LeaseQuery(account="other"), [4]),
        (LeaseQuery(fence="f1", states=frozenset({State.ACTIVE})), [3]),
        (LeaseQuery(limit=2, offset=1), [3, 2]),
        (LeaseQuery(offset=9), []),
        (LeaseQuery(principal_ids=frozenset({"dir#tomas", "dir#nobody"})), [2]),
        (LeaseQuery(principal_ids=frozenset()), []),
        (LeaseQuery(permission_set="none-such"), []),
        (LeaseQuery(since=NOW + timedelta(minutes=3)), [4, 3]),
        (LeaseQuery(before=NOW + timedelta(minutes=3)), [2, 1]),
    ],
)
def test_queries_find_what_matches_newest_first(store: Store, query: LeaseQuery, found: list[int]) -> None:
    for lease in (
        a_lease(1),
        a_lease(2, principal_id="dir#tomas", state=State.CLOSED, fence="f1"),
        a_lease(3, state=State.ACTIVE, fence="f1"),
        a_lease(4, account="other"),
    ):
        store.add(lease, an_event(lease))
    assert [int(lease.id[2:]) for lease in store.find(query)] == found


def test_events_make_one_chain_and_can_be_read_by_lease(store: Store) -> None:
    for number in range(5):
        lease = a_lease(number)
        store.add(lease, an_event(lease))
        store.append(an_event(action="alarm"))
    last = verify(store.events())
    assert last is not None
    assert last.seq == 10
    assert [link.event.lease_id for link in store.events("L-00000003")] == ["L-00000003"]


instants = st.integers(0, 10**9).map(lambda at: datetime.fromtimestamp(1_700_000_000 + at, UTC))
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    asked=st.one_of(instants, st.integers(10, 10**7).map(lambda n: timedelta(seconds=n))),
    reason=texts,
    instant=st.none() | instants,
    state=st.sampled_from(State),
    end_reason=st.none() | st.sampled_from(EndReason),
)
def test_a_lease_comes_back_as_it_was(ledger: Ledger, **fields: object) -> None:
    instant = fields.pop("instant")
    number = len(ledger.find(LeaseQuery(limit=10**6)))
    lease = a_lease(number, decided_at=instant, retry_at=instant, retire_at=instant, **fields)
    ledger.add(lease, an_event(lease))
    assert ledger.get(lease.id) == lease


def test_the_table_has_the_fields_of_a_lease() -> None:
    assert set(metadata.tables["leases"].columns.keys()) == set(to_row(a_lease()))


def test_a_fresh_ledger_has_the_tables_of_this_program(tmp_path: Path) -> None:
    open_ledger(f"sqlite:///{tmp_path}/made.db").close()
    connection = sqlite3.connect(tmp_path / "made.db")
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type='table' OR name LIKE '%_by_%'").fetchall()
    columns = {row[1] for row in connection.execute("PRAGMA table_info(leases)")}
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    indexes = {index.name for table in metadata.tables.values() for index in table.indexes}
    assert {row[0] for row in rows} == {*metadata.tables, "alembic_version", *indexes}
    assert columns == set(metadata.tables["leases"].columns.keys())


def test_the_last_migration_is_the_one_that_the_program_names() -> None:
    folder = Path(sys.modules["keylease.store"].__file__ or "").parent / "migrations" / "versions"
    assert max(one.name for one in folder.glob("0*.py")).startswith(HEAD)


def test_a_ledger_of_a_newer_keylease_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keylease.db"
    open_ledger(url).close()
    with sqlite3.connect(tmp_path / "keylease.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreNewer, match="9999"):
        open_ledger(url)


def test_events_are_read_a_page_at_a_time(store: Store) -> None:
    for number in range(1, 6):
        store.add(a_lease(number), an_event(a_lease(number)))

    def seqs(lease_id: str | None = None, **which: int) -> list[int]:
        return [link.seq for link in store.events(lease_id, **which)]

    assert seqs(after=2) == [3, 4, 5]
    assert seqs(after=1, limit=2) == [2, 3]
    assert seqs(limit=2) == [1, 2]
    assert seqs(after=5) == []
    assert seqs("L-00000004", after=3) == [4]
    assert seqs("L-00000004", after=4) == []


def test_a_new_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ledger = open_ledger(f"sqlite:///{tmp_path}/keylease.db")
    finally:
        os.umask(before)
    ledger.append(an_event())
    modes = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
    ledger.close()
    assert modes == {"keylease.db": 0o600, "keylease.db-wal": 0o600, "keylease.db-shm": 0o600}


def test_a_ledger_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keylease.db"
    open_ledger(url).close()
    (tmp_path / "keylease.db").chmod(0o640)
    open_ledger(url).close()
    assert (tmp_path / "keylease.db").stat().st_mode & 0o777 == 0o640


def test_a_changed_record_is_found_in_the_database(ledger: Ledger) -> None:
    for number in range(3):
        ledger.append(an_event(action=f"n{number}"))
    with ledger.database.writing() as connection:
        connection.execute(sa.text("UPDATE events SET actor = 'dir#thief' WHERE seq = 2"))
    with pytest.raises(ChainBroken, match="Record 2"):
        verify(ledger.events())


def test_a_locked_ledger_is_busy_and_nothing_is_written(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_ledger.append(an_event())
    monkeypatch.setattr("keylease.store.database.BUSY_SECONDS", 0.05)
    impatient = open_ledger(f"sqlite:///{tmp_path}/keylease.db")
    holder = sqlite3.connect(tmp_path / "keylease.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    lease = a_lease()
    with pytest.raises(StoreBusy):
        impatient.add(lease, an_event(lease))
    assert impatient.find(LeaseQuery()) == [], "a reader is not kept out"
    holder.execute("ROLLBACK")
    holder.close()
    impatient.add(lease, an_event(lease))
    impatient.close()


def test_a_full_disk_is_said_so_and_nothing_is_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keylease.db"
    open_ledger(url).close()
    pages = (tmp_path / "keylease.db").stat().st_size // 4096
    opened = open_ledger(url)
    opened.close()
    sa.event.listen(
        opened.database.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages + 2}")
    )
    with pytest.raises(StoreFull):
        _fill(opened)
    assert verify(opened.events()) is None or len(opened.find(LeaseQuery(limit=10**6))) == len(
        list(opened.events())
    )
    opened.close()


def _fill(ledger: Ledger) -> None:
    for number in range(1000):
        lease = a_lease(number, reason="x" * 200)
        ledger.add(lease, an_event(lease))


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match="unable to open"):
        open_ledger(f"sqlite:///{tmp_path}/nowhere/keylease.db")


def test_a_file_that_is_no_ledger_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "keylease.db").write_text("this is no database at all, whatever its name says" * 50)
    with pytest.raises(StoreFailed):
        open_ledger(f"sqlite:///{tmp_path}/keylease.db")


def test_writers_at_once_make_one_chain(ledger: Ledger) -> None:
    refused: list[KeyleaseError] = []

    def write(start: int) -> None:
        for number in range(start, start + 20):
            lease = a_lease(number)
            try:
                ledger.add(lease, an_event(lease))
            except KeyleaseError as failure:
                refused.append(failure)

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    last = verify(ledger.events())
    assert last is not None
    assert last.seq == 80


def test_of_two_decisions_at_once_one_counts(ledger: Ledger) -> None:
    lease = a_lease()
    ledger.add(lease, an_event(lease))
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def decide(event: Event) -> None:
        start.wait()
        try:
            ledger.save(lease.after(event), an_event(lease, str(event)))
            outcomes.append("saved")
        except ChangedMeanwhile:
            outcomes.append("refused")

    threads = [threading.Thread(target=decide, args=(event,)) for event in (Event.APPROVE, Event.DENY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "saved"]


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
from test_store import a_lease, an_event
from keylease.store import open_ledger
ledger = open_ledger({url!r})
for number in range(1000):
    lease = a_lease(number)
    ledger.add(lease, an_event(lease))
    print(number, flush=True)
    if number == 7:
        os.kill(os.getpid(), 9)
"""


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keylease.db"
    program = KILLED.format(tests=str(Path(__file__).parent), url=url)
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    written = [int(line) for line in killed.stdout.split()]
    assert written == list(range(8))
    ledger = open_ledger(url)
    assert len(ledger.find(LeaseQuery())) == len(written)
    assert verify(ledger.events()) is not None
    ledger.close()


def test_a_row_and_its_lease_are_the_same() -> None:
    lease = a_lease(end_reason=EndReason.GHOST, state=State.CLOSED)
    assert to_lease(to_row(lease)) == lease  # type: ignore[arg-type] - a dict serves as a row here
