"""How long pages take through the real server, and what the first one weighs.

The ledger is a SQLite file with 100,000 leases in it, 200 of them of the person who looks: 4 that wait, 16 in use,
the rest over. They are written straight into its tables, since nobody could ask for as many in a day. A connection
is a thread that asks for the page again and again; each has used its connection once before the stopwatch starts.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx

from bench.company import ACCOUNT, GROUP, OWNER, PERMISSION_SET
from bench.load import milliseconds
from bench.result import NotMeasured, Result
from bench.server import LEDGER, running
from keylease.domain.clock import SystemClock
from keylease.domain.lease import EndReason, Kind, Lease, State
from keylease.store import open_ledger
from keylease.store.schema import leases, to_row

STORED, OWN, WAIT, IN_USE = 100_000, 200, 4, 16
AT_ONCE = 5_000
PAGES = 400
"""Pages that are asked for in one measurement."""
GOAL_P99_MS, GOAL_BYTES = 50, 30_000
AS_OWNER = {"Authorization": f"Unsafe-Person {OWNER}"}


def my_leases(*, connections: int) -> Iterator[Result]:
    """The page of one's leases."""
    yield _page("page_my_leases", "/leases", connections)


def history(*, connections: int) -> Iterator[Result]:
    """The first page of one's history."""
    yield _page("page_history", "/history", connections)


def weight() -> Iterator[Result]:
    """The page of one's leases with everything that a browser fetches for it, gzipped one by one."""
    with TemporaryDirectory() as folder:
        fill(Path(folder), stored=OWN)
        with running("keylease", Path(folder)) as address, _client(address) as client:
            page = client.get("/leases")
            paths = sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)))
            parts = {"/leases": page, **{path: client.get(path) for path in paths}}
    if any(answer.status_code != 200 for answer in parts.values()):
        raise NotMeasured("a part of the page could not be fetched")
    sizes = {path: len(gzip.compress(answer.content, 6)) for path, answer in parts.items()}
    total = sum(sizes.values())
    yield Result(
        name="page_weight",
        value=total,
        unit="bytes gzipped",
        against=f"goal {GOAL_BYTES}",
        ratio=round(total / GOAL_BYTES, 2),
        more={"parts": sizes, "leases": OWN},
    )


def _page(name: str, path: str, connections: int) -> Result:
    with TemporaryDirectory() as folder:
        fill(Path(folder))
        with running("keylease", Path(folder)) as address:
            seconds = _drive(address, path, connections)
    times = milliseconds(seconds)
    return Result(
        name=f"{name}_{connections}",
        value=times["p50_ms"],
        unit="ms p50",
        against=f"goal {GOAL_P99_MS} ms p99 at 1 connection",
        ratio=round(times["p99_ms"] / GOAL_P99_MS, 2),
        more={**times, "connections": connections, "pages": len(seconds), "stored": STORED, "own": OWN},
    )


def _drive(address: str, path: str, connections: int) -> list[float]:
    left = iter(range(PAGES))

    def work(client: httpx.Client) -> list[float]:
        took = []
        for _ in left:
            began = perf_counter()
            if client.get(path).status_code != 200:
                raise NotMeasured(f"{path} could not be fetched")
            took.append(perf_counter() - began)
        return took

    clients = [_client(address) for _ in range(connections)]
    for client in clients:
        client.get(path)
    with ThreadPoolExecutor(connections) as pool:
        seconds = [one for took in pool.map(work, clients) for one in took]
    for client in clients:
        client.close()
    return seconds


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers=AS_OWNER, trust_env=False, timeout=60)


def fill(folder: Path, *, stored: int = STORED) -> None:
    """A ledger with so many leases, the owner's own among them."""
    ledger = open_ledger(f"sqlite:///{folder / LEDGER}")
    with ledger.database.writing() as connection:
        for many in batched(map(to_row, _leases(stored)), AT_ONCE):
            connection.execute(leases.insert(), many)
    ledger.close()


def batched(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """The rows, so many at once."""
    while many := list(islice(rows, size)):
        yield many


def _leases(stored: int) -> Iterator[Lease]:
    now = SystemClock().now()
    for number in range(stored):
        own = number < OWN
        asked = now - timedelta(minutes=number)
        lease = Lease(
            id=f"L-{number:08d}",
            kind=Kind.ACCESS_KEY,
            state=State.REQUESTED,
            principal_id=f"unsafe-people#{OWNER}" if own else f"unsafe-people#somebody-{number % 997}",
            principal_name="Mara Lind" if own else f"Somebody {number % 997}",
            account=ACCOUNT,
            permission_set=PERMISSION_SET,
            group=GROUP,
            grant="media",
            reason="Winter masters",
            asked=timedelta(weeks=2),
            requested_at=asked,
            expires_at=asked + timedelta(weeks=2),
        )
        yield _in_state(lease, number)


def _in_state(lease: Lease, number: int) -> Lease:
    if number < WAIT:
        return lease
    decided = {
        "decided_at": lease.requested_at,
        "approver_id": "unsafe-people#priya",
        "approver_name": "Priya Raman",
    }
    if number < WAIT + IN_USE:
        return replace(lease, state=State.ACTIVE, issued_at=lease.requested_at, collections=1, **decided)  # type: ignore[arg-type] # a table
    ended = lease.requested_at + timedelta(days=3)
    return replace(lease, state=State.CLOSED, ended_at=ended, end_reason=EndReason.RETURNED, **decided)  # type: ignore[arg-type] # a table
