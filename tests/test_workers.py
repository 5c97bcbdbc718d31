"""Workers on one queue: what is due is passed once, whoever looks, and the queue's tables are made once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from cli.command_line import CommandLine
from keylease import workers
from keylease.domain.clock import SystemClock
from keylease.health import Health
from keylease.store import Ledger, open_ledger
from keylease.store.queue import prepare
from keylease.store.shared import SqlPaces, SqlPasses
from keylease.workers import Workers
from world import World

QUEUE = "SELECT count(*) FROM procrastinate_jobs"


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[Ledger]:
    opened = open_ledger(postgres_url)
    prepare(opened.database)
    yield opened
    opened.close()


def test_of_many_that_start_at_once_one_makes_the_queue_and_later_ones_find_it(postgres_url: str) -> None:
    ledgers = [open_ledger(postgres_url) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: prepare(one.database), ledgers))
    prepare(ledgers[0].database)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(QUEUE).fetchone() == (0,)
        [steps] = connection.execute("SELECT count(*) FROM queue_migrations").fetchone() or [0]
    assert steps > 30
    for ledger in ledgers:
        ledger.close()


def working(ledger: Ledger, world: World) -> Workers:
    """The workers of one process, over the ledger that all share."""
    health = Health(
        broker=world.broker,
        reconciler=world.reconciler,
        clock=SystemClock(),
        passes=SqlPasses(ledger.database),
        paces=SqlPaces(ledger.database),
    )
    return Workers(
        ledger.database.parameters,
        health=health,
        watch=None,
        tell=lambda: None,
        every=timedelta(hours=1),
        watch_every=timedelta(hours=1),
        at_once=2,
    )


def test_what_is_due_is_passed_once_however_many_workers_look(
    ledger: Ledger, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOK_EVERY", 0.1)
    passed, first = threading.Semaphore(0), threading.Event()

    def seen(call: str) -> None:
        if call == "GetAccountAuthorizationDetails":
            passed.release()
            first.set()

    world.cloud.before = seen
    with ExitStack() as processes:
        for _ in range(3):
            processes.enter_context(working(ledger, world).working())
        assert first.wait(30)
        SystemClock().sleep(1)
    assert passed.acquire(timeout=1)
    assert not passed.acquire(timeout=0)


def test_what_a_dead_worker_has_left_holds_nobody_up(
    ledger: Ledger, world: World, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOK_EVERY", 0.1)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(
            "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
            " RETURNING id) INSERT INTO procrastinate_jobs (queue_name, task_name, lock, status, worker_id)"
            " SELECT 'keylease', 'pass', 'pass main', 'doing', id FROM dead"
        )
    passed = threading.Event()
    world.cloud.before = lambda call: passed.set() if call.startswith("GetAccount") else None
    with working(ledger, world).working():
        assert passed.wait(30)


def test_workers_of_their_own_need_a_ledger_that_can_be_shared(tmp_path: Path) -> None:
    (tmp_path / "keylease.toml").touch()
    refused = CommandLine("http://127.0.0.1:9", tmp_path)("worker")
    assert (refused.status, refused.out) == (102, "")
    assert "store copy" in refused.err
