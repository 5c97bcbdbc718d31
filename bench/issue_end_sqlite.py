"""issue_end_sqlite: how many leases a second keylease takes from asking to their end, with a ledger in SQLite.

A real server, over loopback, driven by keylease's own client (`load.py`), against an AWS in memory that answers at
once: what is measured is the web, the rules and the ledger. Beside it, in turns of the same run, the same five
calls a lease go to a server of the same kind whose one route does nothing: the floor. The clients run on the same
machine and are part of both figures.

Every act on a lease is a transaction of its own, and SQLite waits for the disk at each commit (WAL,
synchronous=FULL): that wait is the price of an audit trail that a power cut does not shorten. A lease costs seven
commits; how many it really was is counted in the ledger. `bare_commits_ms` is what as many commits of a single
number take, a lease, on a SQLite file with the same settings in the same folder: the part of `p50_ms` that no
code of ours can take away. In a folder that lives in memory it is next to nothing. Commits take turns, so more
connections do not make them faster.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.company import ADMINISTRATOR
from bench.load import Load, drive, together
from bench.result import NotMeasured, Result
from bench.server import running
from keylease.client import Client

ROUNDS = 3
LEASES = {1: 60, 16: 160}
"""Leases a round, by the number of connections."""
ENOUGH = 100
"""Leases without which one in a hundred says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One turn of each: keylease, the floor, and as many bare commits as keylease has made."""

    ours: Load
    floor: Load
    commits: int
    bare_seconds: float


def measure() -> Iterator[Result]:
    """A line for each number of connections. `p50_ms` and `p99_ms` are of a whole lease, `calls` of each call.

    Raises `NotMeasured` where too few leases came to their end.
    """
    for connections, leases in LEASES.items():
        with tempfile.TemporaryDirectory(prefix="keylease-bench-") as folder:
            rounds = _rounds(Path(folder), connections, leases)
        yield _result(connections, rounds)


def _rounds(folder: Path, connections: int, leases: int) -> list[_Round]:
    with running("keylease", folder) as ours, running("floor", folder) as floor:
        for address in (ours, floor):
            drive(address, leases=2 * connections, connections=connections)  # what is loaded once is loaded
        return [_round(folder, ours, floor, connections, leases) for _ in range(ROUNDS)]


def _round(folder: Path, ours: str, floor: str, connections: int, leases: int) -> _Round:
    before = _records(ours)
    load = drive(ours, leases=leases, connections=connections)
    commits = _records(ours) - before
    return _Round(
        ours=load,
        floor=drive(floor, leases=leases, connections=connections),
        commits=commits,
        bare_seconds=bare_commits(folder / "bare.db", commits),
    )


def _records(address: str) -> int:
    """How many records the audit chain has: each stands for one commit."""
    with closing(Client(address, person=ADMINISTRATOR)) as administrator:
        return administrator.verify()["records"]


def bare_commits(path: Path, commits: int) -> float:
    """The seconds that so many commits take which write next to nothing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (number INTEGER)")
        began = perf_counter()
        for number in range(commits):
            connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        return perf_counter() - began


def _result(connections: int, rounds: list[_Round]) -> Result:
    ours, floor = together(one.ours for one in rounds), together(one.floor for one in rounds)
    leases, commits = len(ours.laps), sum(one.commits for one in rounds)
    if leases < ENOUGH or floor.failures:
        raise NotMeasured(f"{leases} leases came to their end: {dict(ours.failures + floor.failures)}")
    return Result(
        name="issue_end_sqlite",
        case="1 connection" if connections == 1 else f"{connections} connections",
        value=round(ours.rate, 2),
        unit="leases/s",
        against="five calls to a route that does nothing",
        ratio=round(ours.rate / floor.rate, 3),
        more={
            "connections": connections,
            "leases": leases,
            "failures": dict(ours.failures),
            **ours.whole(),
            "calls": ours.each_call(),
            "against_value": round(floor.rate, 2),
            **{f"against_{name}": value for name, value in floor.whole().items()},
            "commits_per_lease": round(commits / leases, 2),
            "bare_commits_ms": round(sum(one.bare_seconds for one in rounds) / leases * 1000, 2),
        },
    )
