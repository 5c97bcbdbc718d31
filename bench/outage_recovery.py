"""outage_recovery: AWS is away for 17 minutes while 192 leases end; how long after it is back are all removed?

The clock stands still until somebody waits, so it is the very schedule of a server that passes each minute.
OpenBao's figure beside it: 192 of 192 given up, the first after 6.7 minutes, none removed when the run ended 3
minutes after the target had healed; the next try is a day later.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bench.many import active, hold
from bench.result import Result
from keylease.broker import Broker
from keylease.domain.access import Catalogue
from keylease.domain.lease import State
from keylease.domain.plan import Rules
from keylease.health import Health
from keylease.ports import Cloud
from keylease.reconciler import Reconciler
from keylease.testing import FakeClock, FakeCloud, MemoryStore, away

LEASES, OUTAGE, EVERY = 192, timedelta(minutes=17), timedelta(minutes=1)
A_DAY = 86_400


def measure() -> Iterator[Result]:
    """Seconds from healing to the last removal; `given_up` counts leases that nobody would try again."""
    clock, store = FakeClock(), MemoryStore()
    cloud = FakeCloud(clock)
    leases = [active(number, "main", clock.now()) for number in range(LEASES)]
    store.leases = {one.id: one for one in leases}
    hold(cloud, leases)
    clouds = {"main": Cloud(issuer=cloud, remover=cloud)}
    nobody = Catalogue(accounts={}, permission_sets={}, grants=())
    health = Health(
        broker=Broker(store=store, clouds=clouds, catalogue=nobody, clock=clock),
        reconciler=Reconciler(store=store, clouds=clouds, clock=clock, rules=Rules()),
        clock=clock,
    )
    cloud.before, back, tries = away, clock.now() + OUTAGE, 0
    while cloud.users:
        if clock.now() >= back:
            cloud.before = lambda _: None
        for account in health.due(EVERY):
            health.run_account(account)
            tries += 1
        clock.sleep(1)
    seconds = (clock.now() - back).total_seconds()
    given_up = sum(one.state is not State.CLOSED for one in store.leases.values())
    yield Result(
        name="outage_recovery",
        value=seconds,
        unit="s after healing",
        against="OpenBao's next try, as it was measured before",
        ratio=round(seconds / A_DAY, 5),
        more={
            "leases": LEASES,
            "passes": tries,
            "given_up": given_up,
            "against_value": A_DAY,
            "against_given_up": 192,
        },
    )
