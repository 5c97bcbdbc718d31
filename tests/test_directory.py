"""The directory during a lease: who is gone loses it, whatever AWS and the directory do meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from keylease import jobs
from keylease.broker import Ask
from keylease.directory import DirectoryWatch
from keylease.domain.access import Grant, Principal, Who
from keylease.domain.lease import EndReason, Lease, State
from keylease.errors import AwsFailed, AwsUnreachable, DirectoryUnreachable
from keylease.health import Health
from keylease.ports import SignedIn, TerminalSignIn, Tokens, WebSession
from keylease.testing import away, fail_at
from keylease.testing_sign_ins import memory_kept
from world import CATALOGUE, MARA, PRIYA, TOMAS, World

WHY = "is disabled in the directory"
LEFT = "has left a group that they signed in with"
DAY = timedelta(days=1)


@dataclass
class FakePeople:
    """A directory: who is disabled, who is in which groups, and whether it answers."""

    members: dict[str, set[str]] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    asked: list[dict[str, frozenset[str]]] = field(default_factory=list)
    asked_for_sign_ins: list[dict[str, frozenset[str]]] = field(default_factory=list)
    answers: bool = True

    def gone(self, principals: Mapping[str, frozenset[str]], *, every: bool = False) -> Mapping[str, str]:
        """As the port has it; what is asked for sign-ins is not counted."""
        if every:
            return self._lost(principals)
        self.asked.append(dict(principals))
        if not self.answers:
            raise DirectoryUnreachable("The directory does not answer.")
        return {
            one: WHY if one in self.disabled else "is in none of the groups"
            for one, groups in principals.items()
            if one in self.disabled or (groups and not groups & self.members.get(one, set()))
        }

    def _lost(self, principals: Mapping[str, frozenset[str]]) -> Mapping[str, str]:
        self.asked_for_sign_ins.append(dict(principals))
        return {
            one: WHY if one in self.disabled else LEFT
            for one, groups in principals.items()
            if one in self.disabled or not groups <= self.members.get(one, set())
        }


class Watched(World):
    """The company, with a directory beside it."""

    def start(self, **trust: bool) -> None:
        super().start(**trust)
        self.people = FakePeople(members={MARA.id: {"media"}, TOMAS.id: {"media", "leads"}})
        self.kept = memory_kept()
        self.watch = DirectoryWatch(
            store=self.store,
            people=self.people,
            clouds=self.clouds,
            catalogue=self.catalogue,
            clock=self.clock,
            kept=self.kept,
        )

    def now(self, lease: Lease) -> tuple[State, EndReason | None]:
        found = self.store.get(lease.id)
        return found.state, found.end_reason

    def told(self, lease: Lease) -> list[object]:
        return [one.event.details["why"] for one in self.store.events(lease.id) if one.event.action == "gone"]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_nobody_is_gone_and_nothing_ends(watched: Watched) -> None:
    lease, records = watched.active(), len(list(watched.store.events()))
    report = watched.watch.run()
    assert (report.people, report.gone, report.ended, report.failures) == (1, {}, 0, ())
    assert watched.now(lease) == (State.ACTIVE, None)
    assert len(list(watched.store.events())) == records


def test_who_is_disabled_loses_the_lease_and_aws_holds_nothing_of_it(watched: Watched) -> None:
    lease = watched.active()
    watched.people.disabled = {MARA.id}
    report = watched.watch.run()
    assert (report.gone, report.ended) == ({MARA.id: WHY}, 1)
    assert watched.now(lease) == (State.CLOSED, EndReason.DIRECTORY)
    assert (watched.cloud.users, watched.cloud.fences) == ({}, {})
    assert watched.told(lease) == [WHY]
    assert watched.watch.run().ended == 0


STAGES: dict[str, Callable[[Watched], Lease]] = {
    "requested": lambda watched: watched.requested(),
    "approved": lambda watched: watched.approved(),
    "collected": lambda watched: watched.collected().lease,
    "active": lambda watched: watched.active(),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_however_far_a_lease_is_it_ends_when_its_owner_leaves_the_group(
    watched: Watched, stage: Callable[[Watched], Lease]
) -> None:
    lease = stage(watched)
    watched.people.members[MARA.id] = {"another"}
    assert watched.watch.run().ended == 1
    assert watched.now(lease) == (State.CLOSED, EndReason.DIRECTORY)
    assert watched.cloud.users == {}


def test_what_has_ended_already_is_not_asked_for(watched: Watched) -> None:
    watched.broker.revoke(MARA, watched.active().id)
    watched.broker.deny(PRIYA, watched.requested().id, reason="Not now")
    watched.people.disabled = {MARA.id}
    assert watched.watch.run().people == 0
    assert watched.people.asked == []


def by(name: str, groups: set[str], **also: object) -> Grant:
    first = CATALOGUE.grants[0]
    return replace(first, name=name, who=Who(groups=frozenset(groups)), automatic=True, **also)  # type: ignore[arg-type] # a test's shorthand


def test_each_lease_rests_on_the_groups_of_its_own_grant() -> None:
    """Tomás has one lease by a group that he leaves, and one by a group that he stays in."""
    logs = replace(CATALOGUE.grants[1], who=Who(groups=frozenset({"leads", "readers"})))
    watched = Watched(catalogue=replace(CATALOGUE, grants=(by("media", {"media"}), logs)))
    media = watched.requested(by=TOMAS)
    leads = watched.broker.request(TOMAS, Ask(account="main", permission_set="logs", until=DAY, reason="Look"))
    watched.people.members[TOMAS.id] = {"leads"}
    watched.watch.run()
    assert watched.now(media) == (State.CLOSED, EndReason.DIRECTORY)
    assert watched.now(leads) == (State.APPROVED, None)
    assert {frozenset(asked.values()) for asked in watched.people.asked} == {
        frozenset({frozenset({"media"})}),
        frozenset({frozenset({"leads", "readers"})}),
    }


def test_who_is_granted_in_person_needs_only_be_there() -> None:
    who = Who(subjects=frozenset({"mara"}), groups=frozenset({"media"}))
    watched = Watched(catalogue=replace(CATALOGUE, grants=(replace(CATALOGUE.grants[0], who=who),)))
    lease = watched.requested()
    watched.people.members[MARA.id] = set()
    assert watched.watch.run().ended == 0
    watched.people.disabled = {MARA.id}
    assert watched.watch.run().ended == 1
    assert watched.now(lease) == (State.CLOSED, EndReason.DIRECTORY)


def test_a_grant_that_is_gone_from_the_configuration_leaves_being_there(watched: Watched) -> None:
    lease = watched.active()
    watched.catalogue = replace(CATALOGUE, grants=())
    watched.start()
    watched.people.members = {}
    assert watched.watch.run().ended == 0
    watched.people.disabled = {MARA.id}
    watched.watch.run()
    assert watched.now(lease) == (State.CLOSED, EndReason.DIRECTORY)


def test_while_the_directory_does_not_answer_nobody_is_gone(watched: Watched) -> None:
    lease = watched.active()
    watched.people.disabled, watched.people.answers = {MARA.id}, False
    report = watched.watch.run()
    assert [failure.code for failure in report.failures] == [DirectoryUnreachable.code]
    assert (report.ended, watched.now(lease)) == (0, (State.ACTIVE, None))


def test_a_directory_that_stays_silent_needs_a_person(watched: Watched) -> None:
    health = Health(broker=watched.broker, reconciler=watched.reconciler, clock=watched.clock, watch=watched.watch)
    watched.active()
    watched.people.answers = False
    for minutes, silent in ((60, False), (1, True)):
        watched.clock.pass_time(minutes=minutes)
        watched.watch.run()
        health.run_pass()
        assert (health.state.silent_since is not None) is silent
        assert health.state.is_well(watched.clock.now()) is not silent
    assert health.state.silent_since == watched.clock.now() - timedelta(minutes=61)
    watched.people.answers = True
    watched.watch.run()
    health.run_pass()
    assert health.state.is_well(watched.clock.now())


def test_while_aws_is_away_the_intent_is_written_and_a_pass_goes_on(watched: Watched) -> None:
    lease = watched.active()
    watched.people.disabled, watched.cloud.before = {MARA.id}, away
    report = watched.watch.run()
    assert [type(failure) for failure in report.failures] == [AwsUnreachable]
    assert watched.now(lease) == (State.REVOKING, EndReason.DIRECTORY)
    watched.cloud.before = lambda _: None
    watched.watch.run()
    watched.run_pass()
    assert watched.now(lease) == (State.CLOSED, EndReason.DIRECTORY)
    assert watched.told(lease) == [WHY], "it is said once"


def test_a_lease_that_fails_delays_no_other(watched: Watched) -> None:
    first, second = watched.active(), watched.active()
    watched.people.disabled = {MARA.id}
    faults = iter([fail_at("DeleteUser", AwsFailed("no"))])
    watched.cloud.before = lambda call: next(faults, nothing)(call) if call == "DeleteUser" else None
    watched.watch.run()
    assert {watched.now(first)[0], watched.now(second)[0]} == {State.CLOSED, State.REVOKING}
    assert {watched.now(first)[1], watched.now(second)[1]} == {EndReason.DIRECTORY}


def nothing(_: str) -> None:
    """No fault."""


def test_an_account_that_is_gone_from_the_configuration_is_told(watched: Watched) -> None:
    lease = watched.active()
    watched.people.disabled = {MARA.id}
    watched.clouds.clear()
    report = watched.watch.run()
    assert [failure.sentence for failure in report.failures] == ["The account main is gone from the configuration."]
    assert (watched.now(lease), watched.told(lease)) == ((State.ACTIVE, None), [])


def test_the_sign_ins_of_who_is_gone_end_too(watched: Watched) -> None:
    watched.active()
    for name, person in (("of-mara", MARA), ("of-priya", PRIYA)):
        watched.kept.sessions.begin(name, session(watched, person))
    watched.people.members[PRIYA.id] = {"leads"}
    watched.people.disabled = {MARA.id}
    watched.watch.run()
    assert watched.kept.sessions.find("of-mara") is None
    assert watched.kept.sessions.find("of-priya") is not None


def terminal(watched: Watched, person: Principal) -> None:
    now = watched.clock.now()
    watched.kept.terminals.begin(
        TerminalSignIn(
            id=f"T-{person.subject}",
            signed_in=SignedIn(principal=person, authenticated_at=now),
            machine="laptop",
            created_at=now,
            expires_at=now + timedelta(days=30),
            last_used_at=now,
        ),
        Tokens(refresh=f"r-{person.subject}", access=f"a-{person.subject}", access_until=now + DAY),
    )


def signed_in(watched: Watched) -> set[str]:
    return {*watched.kept.sessions.people(), *watched.kept.terminals.people(watched.clock.now())}


@pytest.mark.parametrize("left", [True, False], ids=["left the group", "was disabled"])
def test_an_approver_who_owns_no_lease_is_signed_out_in_browser_and_terminal(
    watched: Watched,
    *,
    left: bool,
) -> None:
    watched.kept.sessions.begin("of-priya", session(watched, PRIYA))
    terminal(watched, PRIYA)
    watched.kept.sessions.begin("of-mara", session(watched, MARA))
    watched.people.members[PRIYA.id] = {"leads"}
    assert watched.watch.run().signed_out == {}
    assert signed_in(watched) == {PRIYA.id, MARA.id}
    if left:
        watched.people.members[PRIYA.id] = set()
    else:
        watched.people.disabled = {PRIYA.id}
    assert watched.watch.run().signed_out == {PRIYA.id: LEFT if left else WHY}
    assert signed_in(watched) == {MARA.id}
    last = [one.event for one in watched.store.events()][-1]
    assert (last.action, last.details["principal"]) == ("sign-ins-ended", PRIYA.id)


def test_every_group_of_a_sign_in_counts_that_the_configuration_names_and_no_other(watched: Watched) -> None:
    both = replace(MARA, groups=frozenset({"media", "leads", "football"}))
    watched.kept.sessions.begin("of-mara", session(watched, both))
    watched.people.members[MARA.id] = {"media", "leads"}
    watched.watch.run()
    assert watched.people.asked_for_sign_ins == [{MARA.id: frozenset({"media", "leads"})}]
    assert signed_in(watched) == {MARA.id}
    lease = watched.active()
    watched.people.members[MARA.id] = {"media"}
    watched.watch.run()
    assert signed_in(watched) == set(), "one of two groups is left: the sign-in ends"
    assert watched.now(lease) == (State.ACTIVE, None), "and the lease that rests on the other goes on"


def test_who_signs_in_anew_after_that_stays_signed_in(watched: Watched) -> None:
    watched.kept.sessions.begin("before", session(watched, replace(MARA, groups=frozenset({"media", "leads"}))))
    watched.watch.run()
    watched.kept.sessions.begin("after", session(watched, MARA))
    watched.watch.run()
    assert watched.kept.sessions.find("after") is not None


def session(watched: Watched, person: Principal) -> WebSession:
    now = watched.clock.now()
    return WebSession(signed_in=SignedIn(principal=person, authenticated_at=now), created_at=now, last_seen_at=now)


def test_it_looks_again_and_again_beside_the_passes(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    lease, looked = watched.active(), threading.Event()
    watched.people.answers = False

    def gone(principals: Mapping[str, frozenset[str]], *, every: bool = False) -> Mapping[str, str]:
        if len(watched.people.asked) == 1:
            watched.people.answers, watched.people.disabled = True, {MARA.id}
            looked.set()
        return FakePeople.gone(watched.people, principals, every=every)

    watched.people.gone = gone  # type: ignore[method-assign] # the directory comes back
    with caplog.at_level(logging.WARNING), jobs.watching(watched.watch, timedelta(milliseconds=10)):
        assert looked.wait(10)
    assert watched.now(lease) == (State.CLOSED, EndReason.DIRECTORY)
    assert "The directory does not answer." in caplog.text
    assert f"directory: {MARA.id} {WHY}" in caplog.text


def test_without_a_directory_nothing_is_watched() -> None:
    with jobs.watching(None, timedelta(minutes=15)):
        assert "directory" not in {thread.name for thread in threading.enumerate()}
