"""How often one may try to sign in: so many at once, then so many a second, for each address and altogether.

Nothing that is tried here can be guessed (every secret has 256 bits), so the limits are wide: they keep a flood
from filling the ledger and from reaching the directory, and let a whole office behind one address sign in at nine.
They are this process's own and begin anew with it. An IPv6 network of /64 counts as one address, since one machine
has as many as it likes in it.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from keylease.domain.clock import Clock
from keylease.errors import RateLimited

MOST_ADDRESSES = 10_000
"""Addresses that are remembered; those that were quiet for longest are forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many at once, and so many more each second."""

    at_once: int
    a_second: int


EACH = Rate(at_once=120, a_second=5)
ALL = Rate(at_once=1200, a_second=100)


class _Bucket:
    """What is left for one address."""

    __slots__ = ("left", "seen_at")

    def __init__(self, left: float, seen_at: datetime) -> None:
        self.left = left
        self.seen_at = seen_at


class Limits:
    """Counts, by a clock."""

    def __init__(self, clock: Clock, *, each: Rate = EACH, altogether: Rate = ALL) -> None:
        self._clock = clock
        self._each = each
        self._altogether = altogether
        self._turn = threading.Lock()
        self._all = _Bucket(altogether.at_once, clock.now())
        self._buckets: dict[str, _Bucket] = {}

    def take(self, address: str) -> None:
        """Count one try. Raises `RateLimited`; what is refused does not count."""
        with self._turn:
            now = self._clock.now()
            own = self._bucket(_network(address), now)
            for bucket, rate in ((own, self._each), (self._all, self._altogether)):
                _refill(bucket, rate, now)
                if bucket.left < 1:
                    seconds = math.ceil((1 - bucket.left) / rate.a_second)
                    raise RateLimited("Too many tries to sign in.", retry_after=seconds)
            own.left -= 1
            self._all.left -= 1

    def _bucket(self, name: str, now: datetime) -> _Bucket:
        bucket = self._buckets.pop(name, None) or _Bucket(self._each.at_once, now)
        self._buckets[name] = bucket  # the last in the order is the one that was seen last
        if len(self._buckets) > MOST_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
        return bucket


def limited(request: Request) -> None:
    """Count this request. Raises `RateLimited`."""
    limits: Limits = request.app.state.limits
    limits.take(request.client.host if request.client else "")


def _refill(bucket: _Bucket, rate: Rate, now: datetime) -> None:
    passed = max(0.0, (now - bucket.seen_at).total_seconds())
    bucket.left = min(rate.at_once, bucket.left + passed * rate.a_second)
    bucket.seen_at = now


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
