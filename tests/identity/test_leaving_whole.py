"""From the configuration to the end of a lease: the directory, over HTTP, decides while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from serving import Reply
from stand_in_graph import Person, StandInGraph, stand_in_graph
from stand_in_issuer import CLIENT, MARA, TENANT, StandInIssuer

from keylease import settings
from keylease.app import App, Beside, assemble
from keylease.broker import Ask
from keylease.domain.access import Principal
from keylease.domain.lease import EndReason, State
from keylease.ports import Cloud, SignedIn, WebSession
from keylease.testing import FakeClock, FakeCloud, MemoryStore
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling

MEDIA, LEADS = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
PRIYA = "aaaaaaaa-0000-4000-8000-000000000002"
CONFIGURATION = """
[sign_in]
provider = "entra"
tenant = "{tenant}"
client_id = "{client}"
client_secret = "hush"
authority = "{authority}"
graph = "{graph}"
[accounts.main]
id = "123456789012"
[permission_sets.archive]
title = "The archive"
group = "archive"
[grants.media]
groups = ["{media}"]
permission_sets = ["archive"]
accounts = ["main"]
max_ttl = "4w"
approvers = {{ groups = ["{leads}"] }}
"""


class Company:
    """keylease as it is wired, over a fake AWS, with people in a directory."""

    def __init__(self, issuer: StandInIssuer, graph: StandInGraph) -> None:
        issuer.token_answer = lambda _: Reply(200, {"access_token": graph.token, "expires_in": 3600})
        graph.people = {MARA: Person(groups={MEDIA}), PRIYA: Person(groups={LEADS})}
        self.issuer, self.graph, self.clock = issuer.issuer, graph, FakeClock()
        self.cloud, self.kept = FakeCloud(self.clock, groups=["archive"]), memory_kept()
        text = CONFIGURATION.format(
            tenant=TENANT,
            client=CLIENT,
            authority=issuer.address,
            graph=graph.address,
            media=MEDIA,
            leads=LEADS,
        )
        clouds = {"main": Cloud(issuer=self.cloud, remover=self.cloud)}
        self.app: App = assemble(
            settings.parse(text),
            MemoryStore(),
            clouds,
            self.clock,
            beside=Beside(kept=self.kept, telling=memory_telling()),
        )

    def signed_in(self, subject: str, group: str) -> Principal:
        who = Principal(issuer=self.issuer, subject=subject, name=subject[-1], groups=frozenset({group}))
        now = self.clock.now()
        session = WebSession(
            signed_in=SignedIn(principal=who, authenticated_at=now), created_at=now, last_seen_at=now
        )
        self.kept.sessions.begin(subject, session)
        return who

    def look(self) -> None:
        assert self.app.watch is not None
        self.app.watch.run()


@pytest.fixture
def company(issuer: StandInIssuer) -> Iterator[Company]:
    with stand_in_graph() as graph:
        yield Company(issuer, graph)


def disable(company: Company) -> None:
    company.graph.people[MARA].enabled = False


def delete(company: Company) -> None:
    del company.graph.people[MARA]


def move(company: Company) -> None:
    company.graph.people[MARA].groups = {LEADS}


@pytest.mark.parametrize("leave", [disable, delete, move], ids=lambda one: one.__name__)
def test_who_leaves_loses_the_lease_and_the_sign_in_and_nobody_else_does(
    company: Company, leave: Callable[[Company], None]
) -> None:
    mara, priya = company.signed_in(MARA, MEDIA), company.signed_in(PRIYA, LEADS)
    broker = company.app.broker
    asked = broker.request(
        mara, Ask(account="main", permission_set="archive", until=timedelta(weeks=2), reason="Winter masters")
    )
    collected = broker.collect(mara, broker.approve(priya, asked.id).id)
    broker.acknowledge(mara, asked.id, collected.access_key.access_key_id)
    company.look()
    assert company.app.store.get(asked.id).state is State.ACTIVE
    assert company.cloud.accepts(collected.access_key.access_key_id)

    leave(company)
    company.look()
    ended = company.app.store.get(asked.id)
    assert (ended.state, ended.end_reason) == (State.CLOSED, EndReason.DIRECTORY)
    assert not company.cloud.accepts(collected.access_key.access_key_id)
    assert [company.kept.sessions.find(one) is None for one in (MARA, PRIYA)] == [True, False]


def test_an_approver_who_leaves_the_group_is_signed_out(company: Company) -> None:
    company.signed_in(PRIYA, LEADS)
    company.look()
    assert company.kept.sessions.find(PRIYA) is not None
    company.graph.people[PRIYA].groups = set()
    company.look()
    assert company.kept.sessions.find(PRIYA) is None
