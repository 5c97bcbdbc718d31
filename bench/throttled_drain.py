"""throttled_drain, throttled_waste: 3,000 removals that are due at once, at a target that takes ten calls a second.

The target is AWS in memory, with a clock that stands still until somebody waits, and it refuses what is too much;
how much it takes nobody tells keylease. The ideal is as many seconds as the calls that were needed, divided by
ten. Beside it stand OpenBao's figures for as many removals at such a target, as reference/brokers.md of the
project has them: it is not run here, since it takes seven minutes of real time.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.many import active, hold
from bench.result import Result
from keylease.domain.plan import Rules
from keylease.pacing import MemoryPaces, Pacing
from keylease.ports import Cloud
from keylease.reconciler import Reconciler
from keylease.testing import FakeClock, FakeCloud, Limit, MemoryStore

REMOVALS, A_SECOND, BURST = 3000, 10, 10
OPENBAO_DRAIN, OPENBAO_WASTE = 1.4, 0.74


def measure() -> Iterator[Result]:
    """How long the drain took against the ideal, and which part of the calls was refused."""
    clock, store = FakeClock(), MemoryStore()
    cloud = FakeCloud(clock, pacing=Pacing(MemoryPaces(), "main", clock))
    leases = [active(number, "main", clock.now()) for number in range(REMOVALS)]
    store.leases = {one.id: one for one in leases}
    hold(cloud, leases)
    limit = Limit(clock, a_second=A_SECOND, burst=BURST)
    cloud.before = limit
    began = clock.precise()
    clouds = {"main": Cloud(issuer=cloud, remover=cloud)}
    [report] = Reconciler(store=store, clouds=clouds, clock=clock, rules=Rules()).run()
    assert (report.failures, cloud.users) == ((), {})
    seconds, calls = clock.precise() - began, cloud.calls.total()
    more = {"removals": REMOVALS, "calls": calls, "refused": limit.refused}
    slower, wasted = seconds / (calls / A_SECOND), limit.refused / (calls + limit.refused)
    against = "OpenBao at such a target, as it was measured before"
    yield Result(
        name="throttled_drain",
        value=round(slower, 3),
        unit="of the ideal time",
        against=against,
        ratio=round(slower / OPENBAO_DRAIN, 3),
        more={**more, "seconds": round(seconds, 1), "against_value": OPENBAO_DRAIN},
    )
    yield Result(
        name="throttled_waste",
        value=round(wasted, 4),
        unit="of the calls",
        against=against,
        ratio=round(wasted / OPENBAO_WASTE, 3),
        more={**more, "against_value": OPENBAO_WASTE},
    )
