"""Leases, driven through the HTTP API as fast as they go.

A connection is a thread that takes one lease after the other through its five calls: the owner asks, the approver
approves, the owner collects, acknowledges and gives back. Each thread has a client for either of them, opened and
used once before the stopwatch starts, and one call on its way at any time. A lease that fails on its way is given
up and counted, and the thread goes on with the next.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

from bench.company import ACCOUNT, APPROVER, OWNER, PERMISSION_SET
from keylease.client import Client
from keylease.errors import KeyleaseError

CALLS = ("request", "approve", "collect", "acknowledge", "revoke")
Lap = tuple[float, ...]
"""One lease: the seconds that each of `CALLS` took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What was driven: the leases that came to their end, the failures by code, and the seconds all of it took."""

    laps: tuple[Lap, ...]
    failures: Counter[str]
    seconds: float

    @property
    def rate(self) -> float:
        """Leases a second."""
        return len(self.laps) / self.seconds

    def whole(self) -> dict[str, float]:
        """Milliseconds for a whole lease."""
        return milliseconds(sum(lap) for lap in self.laps)

    def each_call(self) -> dict[str, dict[str, float]]:
        """Milliseconds for each of the five calls."""
        return {call: milliseconds(lap[at] for lap in self.laps) for at, call in enumerate(CALLS)}


def together(loads: Iterable[Load]) -> Load:
    """Several rounds as one."""
    loads = tuple(loads)
    return Load(
        laps=tuple(lap for load in loads for lap in load.laps),
        failures=sum((load.failures for load in loads), Counter()),
        seconds=sum(load.seconds for load in loads),
    )


def milliseconds(seconds: Iterable[float]) -> dict[str, float]:
    """The middle, and what one in a hundred exceeds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49] * 1000, 2), "p99_ms": round(cuts[98] * 1000, 2)}


def drive(address: str, *, leases: int, connections: int) -> Load:
    """Take that many leases from asking to their end. Raises what the client raises where it cannot begin."""
    left = iter(range(leases))  # shared: whoever is free takes the next
    with ExitStack() as stack, ThreadPoolExecutor(connections) as pool:
        clients = [_pair(address, stack) for _ in range(connections)]
        began = perf_counter()
        working = [pool.submit(_work, pair, left) for pair in clients]
        ends = [end for one in working for end in one.result()]
        seconds = perf_counter() - began
    laps = tuple(end for end in ends if not isinstance(end, str))
    return Load(laps=laps, failures=Counter(end for end in ends if isinstance(end, str)), seconds=seconds)


def _pair(address: str, stack: ExitStack) -> tuple[Client, Client]:
    """The owner's client and the approver's, connected."""
    owner, approver = (stack.enter_context(closing(Client(address, person=one))) for one in (OWNER, APPROVER))
    owner.me()
    approver.me()
    return owner, approver


def _work(clients: tuple[Client, Client], left: Iterator[int]) -> list[Lap | str]:
    return [_end(*clients) for _ in left]


def _end(owner: Client, approver: Client) -> Lap | str:
    """A lease from asking to its end, or the code of the failure that kept it from it."""
    try:
        return _lap(owner, approver)
    except KeyleaseError as failure:
        return failure.code


def _lap(owner: Client, approver: Client) -> Lap:
    marks = [perf_counter()]
    lease = owner.request(permission_set=PERMISSION_SET, account=ACCOUNT, until="2w", reason="Winter masters")
    marks.append(perf_counter())
    approver.approve(lease["id"])
    marks.append(perf_counter())
    collected = owner.collect(lease["id"])
    marks.append(perf_counter())
    owner.acknowledge(lease["id"], collected.access_key_id)
    marks.append(perf_counter())
    owner.revoke(lease["id"])
    marks.append(perf_counter())
    return tuple(after - before for before, after in pairwise(marks))
