"""One company in memory: its rules, its people, and a clock, a ledger and an AWS that obey tests."""

from __future__ import annotations

from datetime import timedelta

from keylease.broker import Ask, Broker
from keylease.domain.access import Catalogue, Grant, PermissionSet, Principal, Probe, Who
from keylease.domain.lease import Lease
from keylease.domain.plan import Rules
from keylease.domain.until import Until
from keylease.issuing import Collected
from keylease.ports import Cloud, Store
from keylease.reconciler import PassReport, Reconciler
from keylease.second_thoughts import SecondThoughts
from keylease.testing import FakeClock, FakeCloud, MemoryStore
from keylease.visibility import Visibility

MARA = Principal(issuer="dir", subject="mara", name="Mara Lind", groups=frozenset({"media"}))
PRIYA = Principal(issuer="dir", subject="priya", name="Priya Raman", groups=frozenset({"leads"}))
TOMAS = Principal(issuer="dir", subject="tomas", name="Tomás Ortega", groups=frozenset({"media", "leads"}))
STRANGER = Principal(issuer="dir", subject="stranger", name="Sam Stranger")
ANNA = Principal(issuer="dir", subject="anna", name="Anna Holm", groups=frozenset({"platform"}))

ARCHIVE = PermissionSet(
    name="archive",
    title="Read, add and delete files in media-archive",
    group="archive",
    probe=Probe(service="s3", operation="list_buckets"),
)
LOGS = PermissionSet(name="logs", title="Read the logs", group="logs")
CATALOGUE = Catalogue(
    accounts={"main": "123456789012"},
    permission_sets={"archive": ARCHIVE, "logs": LOGS},
    grants=(
        Grant(
            name="media",
            who=Who(groups=frozenset({"media"})),
            permission_sets=frozenset({"archive"}),
            accounts=frozenset({"main"}),
            max_ttl=timedelta(weeks=4),
            approvers=Who(groups=frozenset({"leads"})),
        ),
        Grant(
            name="readers",
            who=Who(groups=frozenset({"media"})),
            permission_sets=frozenset({"logs"}),
            accounts=frozenset({"main"}),
            max_ttl=timedelta(days=2),
            automatic=True,
        ),
    ),
    administrators=Who(groups=frozenset({"platform"})),
)


class World:
    """The parts, wired as app.py wires them, with shorthands for the acts that most tests begin with."""

    def __init__(self, *, store: Store | None = None, catalogue: Catalogue = CATALOGUE) -> None:
        self.clock = FakeClock()
        self.cloud = FakeCloud(self.clock, groups=["archive", "logs"])
        self.store: Store = store or MemoryStore()
        self.clouds = {"main": Cloud(issuer=self.cloud, remover=self.cloud)}
        self.catalogue = catalogue
        self.start()

    def start(self, *, trust_empty_ledger: bool = False) -> None:
        """A new process: nothing is remembered but the ledger and AWS."""
        self.broker = Broker(store=self.store, clouds=self.clouds, catalogue=self.catalogue, clock=self.clock)
        self.second_thoughts = SecondThoughts(
            broker=self.broker,
            store=self.store,
            clouds=self.clouds,
            catalogue=self.catalogue,
            clock=self.clock,
        )
        self.visibility = Visibility(store=self.store, catalogue=self.catalogue)
        self.reconciler = Reconciler(
            store=self.store,
            clouds=self.clouds,
            clock=self.clock,
            rules=Rules(),
            trust_empty_ledger=trust_empty_ledger,
        )

    def requested(self, until: Until = timedelta(weeks=2), by: Principal = MARA) -> Lease:
        """Asked for, not decided."""
        ask = Ask(account="main", permission_set="archive", until=until, reason="Winter masters")
        return self.broker.request(by, ask)

    def approved(self, until: Until = timedelta(weeks=2), by: Principal = MARA) -> Lease:
        """Approved by Priya, not collected."""
        return self.broker.approve(PRIYA, self.requested(until, by).id)

    def collected(self, until: Until = timedelta(weeks=2)) -> Collected:
        """Collected, not acknowledged."""
        return self.broker.collect(MARA, self.approved(until).id)

    def active(self, until: Until = timedelta(weeks=2)) -> Lease:
        """Collected and acknowledged."""
        collected = self.collected(until)
        return self.broker.acknowledge(MARA, collected.lease.id, collected.access_key.access_key_id)

    def run_pass(self) -> PassReport:
        """One pass over the one account."""
        [report] = self.reconciler.run()
        return report
