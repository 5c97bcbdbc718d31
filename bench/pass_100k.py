"""pass_100k: one pass over 100,000 active leases in 100 accounts, of which one in a hundred is due.

The ledger is SQLite on the disk; each account's AWS is in memory and made when its turn comes, so that it is
keylease's memory that is measured, and answers at once. One call to it lists an account, as one page of a
thousand users does. `least` is what cannot be saved: that listing for each account, three calls for each lease
that is due (group, access key, user), and one for each fence that nobody wears any more.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import psutil

from bench.many import active, hold, over, put
from bench.result import Result
from keylease.domain.lease import Lease
from keylease.domain.plan import Rules
from keylease.ports import Cloud
from keylease.reconciler import Reconciler
from keylease.store import Ledger, open_ledger
from keylease.testing import FakeClock, FakeCloud

ACCOUNTS, EACH, DUE = 100, 1000, 10
MOST_MIB = 300


def measure() -> Iterator[Result]:
    """Wall time, calls and memory."""
    clock = FakeClock()
    folder = tempfile.TemporaryDirectory(prefix="keylease-bench-")
    with folder as place, closing(open_ledger(f"sqlite:///{Path(place) / 'keylease.db'}")) as ledger:
        for number in range(ACCOUNTS):
            put(ledger, _leases(f"a{number:03d}", clock))
        yield _measured(ledger, clock)


def _leases(account: str, clock: FakeClock) -> list[Lease]:
    later, now = clock.now() + timedelta(days=3), clock.now()
    made = [active(number, account, later + timedelta(hours=number % 50)) for number in range(EACH)]
    return [over(one, now) if at < DUE else one for at, one in enumerate(made)]


def _measured(ledger: Ledger, clock: FakeClock) -> Result:
    calls, seconds, peak, process = Counter[str](), 0.0, 0, psutil.Process()
    before = process.memory_info().rss
    for number in range(ACCOUNTS):
        account, cloud = f"a{number:03d}", FakeCloud(clock)
        hold(cloud, _leases(account, clock))
        reconciler = Reconciler(
            store=ledger, clouds={account: Cloud(issuer=cloud, remover=cloud)}, clock=clock, rules=Rules()
        )
        began = perf_counter()
        [report] = reconciler.run()
        seconds += perf_counter() - began
        assert (report.failures, report.done) == ((), {"End": DUE})
        calls += cloud.calls
        peak = max(peak, process.memory_info().rss)
    least = ACCOUNTS * (1 + 3 * DUE + 1)
    return Result(
        name="pass_100k",
        value=round(seconds, 2),
        unit="s",
        against="the least calls to AWS",
        ratio=round(calls.total() / least, 3),
        more={
            "calls": calls.total(),
            "least": least,
            "peak_mib": round(peak / 2**20),
            "grown_mib": round((peak - before) / 2**20),
            "limit_mib": MOST_MIB,
        },
    )
