"""What is told of each event, to whom, once; and what is told to nobody."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keylease.broker import Ask
from keylease.domain.access import Who
from keylease.domain.lease import EndReason, Lease, State
from keylease.domain.notice import Notice, Told
from keylease.ending import act, close
from keylease.errors import AwsFailed, NobodyDecides, NotDelivered
from keylease.notices import TRIES, Book, Notices
from keylease.ports import Choice, GroupFacts, Telling
from keylease.store import open_ledger, telling
from keylease.testing import Crash, crash_at, fail_at
from keylease.testing_telling import memory_telling
from world import MARA, PRIYA, TOMAS, World

BOOK = Book(
    people={"mara": "mara@example.com", "tomas": "tomas@example.com", "anna": "anna@example.com"},
    groups={"leads": ("leads@example.com",), "platform": ("platform@example.com",)},
    chats=("chat:1",),
)
WEEK, DAY = timedelta(weeks=1), timedelta(days=1)


class Listening:
    """A world whose people are told things; what is sent is kept."""

    def __init__(self, world: World, kept: Telling) -> None:
        self.world = world
        self.telling = kept
        self.sent: list[Notice] = []
        self.start()
        self.notices.collect()

    def start(self) -> None:
        self.notices = Notices(
            store=self.world.store,
            telling=self.telling,
            clouds=self.world.clouds,
            catalogue=self.world.catalogue,
            clock=self.world.clock,
            book=BOOK,
            address="https://keylease.example/",
        )

    def round(self) -> list[tuple[str, str]]:
        """Collect and send; what was sent by this."""
        before = len(self.sent)
        self.notices.collect()
        self.notices.deliver(self.sent.append)
        return sorted((str(one.told), one.to) for one in self.sent[before:])


@pytest.fixture(params=["memory", "sqlite"])
def told(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Listening]:
    if request.param == "memory":
        yield Listening(world, memory_telling())
        return
    ledger = open_ledger(f"sqlite:///{tmp_path}/keylease.db")
    yield Listening(world, telling(ledger.database))
    ledger.close()


def approved(world: World) -> None:
    world.broker.approve(PRIYA, world.requested().id)


def denied(world: World) -> None:
    world.broker.deny(PRIYA, world.requested().id, reason="Logs are enough.")


def undecided(world: World) -> None:
    close(world.store, world.requested(), EndReason.UNDECIDED, actor="keylease", now=world.clock.now())


def uncollected(world: World) -> None:
    close(world.store, world.approved(), EndReason.UNCOLLECTED, actor="keylease", now=world.clock.now())


def ended(world: World) -> None:
    lease = world.active(WEEK)
    world.clock.move_to(lease.expires_at)
    world.run_pass()


def lost(world: World) -> None:
    world.second_thoughts.replace(MARA, world.active().id)


def stuck(world: World) -> None:
    lease = world.active()
    world.cloud.before = fail_at("DeleteUser", AwsFailed("AWS says no."))
    for _ in range(7):
        lease = world.broker.revoke(MARA, lease.id)
    world.cloud.before = lambda _: None


def gone(world: World) -> None:
    lease = world.active()
    world.store.append(act("gone", lease, "keylease", world.clock.now(), principal=lease.principal_id, why="left"))


def undone(world: World) -> None:
    world.second_thoughts.undo(PRIYA, world.approved().id)


LEADS, MARA_AT, CHAT = "leads@example.com", "mara@example.com", "chat:1"
EVENTS: list[tuple[Callable[[World], object], set[tuple[str, str]]]] = [
    (World.requested, {("requested", LEADS), ("requested", CHAT)}),
    (approved, {("approved", MARA_AT), ("decided", LEADS)}),
    (denied, {("denied", MARA_AT), ("decided", LEADS)}),
    (undone, {("undone", MARA_AT)}),
    (undecided, {("undecided", MARA_AT), ("undecided", LEADS)}),
    (uncollected, {("uncollected", MARA_AT)}),
    (ended, {("ended", MARA_AT)}),
    (lost, {("lost", MARA_AT), ("lost", "platform@example.com"), ("lost", CHAT)}),
    (stuck, {("stuck", MARA_AT), ("stuck", "platform@example.com"), ("stuck", CHAT)}),
    (gone, {("gone", "platform@example.com"), ("gone", CHAT), ("gone", LEADS)}),
]


@pytest.mark.parametrize(("happens", "expected"), EVENTS, ids=[one[0].__name__ for one in EVENTS])
def test_each_event_is_told_once_to_whom_it_concerns(
    told: Listening, happens: Callable[[World], object], expected: set[tuple[str, str]]
) -> None:
    happens(told.world)
    names = {name for name, _ in expected}
    first = [one for one in told.round() if one[0] in names]
    assert sorted(first) == sorted(expected)
    told.start()
    assert told.round() == [], "a new process tells nothing twice"


@pytest.mark.parametrize("happens", [one[0] for one in EVENTS], ids=[one[0].__name__ for one in EVENTS])
def test_no_text_holds_what_it_must_not(told: Listening, happens: Callable[[World], object]) -> None:
    happens(told.world)
    told.round()
    assert told.sent
    for one in told.sent:
        whole = " ".join((one.text.subject, *one.text.lines, one.text.link))
        assert "AKIA" not in whole
        assert "fake/secret" not in whole
        assert "Winter masters" not in one.text.subject
        assert re.fullmatch(r"https://keylease\.example/leases/L-\w{8}(/\w+)?", one.text.link)


def test_who_decides_reads_what_it_can_do_why_and_until_when(told: Listening) -> None:
    told.world.cloud.facts["archive"] = GroupFacts(can=("Read and delete in S3: media-archive",))
    told.world.requested()
    told.round()
    text = told.sent[0].text
    assert text.subject == "Mara Lind asks: Read, add and delete files in media-archive, 2 weeks"
    assert text.lines == (
        "Mara Lind asks for Read, add and delete files in media-archive, 2 weeks.",
        "Reason: “Winter masters”",
        "It can: Read and delete in S3: media-archive.",
        "It closes by itself Tue 1 Dec 12:00 UTC (in 7 days).",
    )


def test_what_a_rule_approves_asks_nobody_and_tells_its_owner(told: Listening) -> None:
    ask = Ask(account="main", permission_set="logs", until=DAY, reason="Look")
    told.world.broker.request(MARA, ask)
    assert told.round() == [("approved", MARA_AT)]


def test_nobody_is_asked_to_decide_on_their_own_request(told: Listening) -> None:
    told.telling.choices.keep(Choice(principal_id="dir#tomas", groups=frozenset({"leads"})))
    told.world.requested(by=TOMAS)
    assert ("requested", "tomas@example.com") not in told.round()
    told.world.requested(by=MARA)
    assert ("requested", "tomas@example.com") in told.round()


def test_administrators_read_that_nobody_could_decide(told: Listening) -> None:
    grant = replace(told.world.catalogue.grants[0], approvers=Who())
    told.world.catalogue = replace(told.world.catalogue, grants=(grant,))
    told.world.start()
    with pytest.raises(NobodyDecides):
        told.world.requested()
    assert told.round() == [("nobody-decides", CHAT), ("nobody-decides", "platform@example.com")]
    assert "Mara Lind" in told.sent[0].text.subject


def test_a_first_start_tells_nothing_of_what_was_before(world: World) -> None:
    world.approved()
    assert Listening(world, memory_telling()).round() == []


def test_still_open_is_told_after_one_working_day(told: Listening) -> None:
    told.world.clock.move_to(datetime(2026, 11, 27, 15, tzinfo=UTC))  # a Friday
    told.world.requested()
    told.round()
    told.world.clock.move_to(datetime(2026, 11, 30, 14, 59, tzinfo=UTC))
    assert [one for one in told.round() if one[0] != "weekly"] == []
    told.world.clock.move_to(datetime(2026, 11, 30, 15, tzinfo=UTC))
    assert [one for one in told.round() if one[0] != "weekly"] == [("still-open", CHAT), ("still-open", LEADS)]
    told.world.clock.pass_time(days=1)
    assert told.round() == []


def days_told(told: Listening, lease: Lease) -> list[str]:
    """The subjects of reminders, hour by hour until the end."""
    told.round()
    told.sent.clear()
    while told.world.clock.now() < lease.expires_at:
        told.round()
        told.world.clock.pass_time(hours=1)
    return [one.text.subject.partition(":")[0] for one in told.sent if one.told is Told.ENDING]


@pytest.mark.parametrize(
    ("length", "reminders"),
    [
        (3 * WEEK, ["Ends in 7 days", "Ends in 2 days", "Ends in 1 day"]),
        (2 * WEEK, ["Ends in 7 days", "Ends in 2 days", "Ends in 1 day"]),
        (10 * DAY, ["Ends in 2 days", "Ends in 1 day"]),
        (DAY, []),
    ],
)
def test_an_end_is_told_some_days_before(told: Listening, length: timedelta, reminders: list[str]) -> None:
    assert days_told(told, told.world.active(length)) == reminders


def test_reminders_are_gone_once_it_is_renewed(told: Listening) -> None:
    lease = told.world.active(2 * WEEK)
    told.world.broker.renew(MARA, lease.id)
    assert days_told(told, lease) == []


def test_a_reminder_that_could_not_be_sent_before_the_renewal_is_never_sent(told: Listening) -> None:
    lease = told.world.active(2 * WEEK)
    told.round()
    told.world.clock.move_to(lease.expires_at - 2 * DAY)
    told.notices.collect()
    told.world.broker.renew(MARA, lease.id)
    told.sent.clear()
    told.notices.deliver(told.sent.append)
    assert [one.told for one in told.sent if one.told is Told.ENDING] == []


def test_only_the_nearest_reminder_is_sent_after_an_outage(told: Listening) -> None:
    lease = told.world.active(3 * WEEK)
    told.round()
    told.world.clock.move_to(lease.expires_at - timedelta(hours=20))
    assert [one for one in told.round() if one[0] == "ending"] == [("ending", MARA_AT)]
    assert [one.text.subject[:13] for one in told.sent if one.told is Told.ENDING] == ["Ends in 1 day"]


def test_administrators_read_their_numbers_on_mondays_unless_all_are_zero(told: Listening) -> None:
    monday = datetime(2026, 11, 30, 9, tzinfo=UTC)
    told.world.clock.move_to(monday)
    assert told.round() == []
    told.world.clock.move_to(monday + timedelta(minutes=1))
    told.world.active()
    assert ("weekly", "platform@example.com") in told.round()
    [subject] = [one.text.subject for one in told.sent if one.told is Told.WEEKLY]
    assert subject == "keylease: 1 in use, 0 stuck, 0 orphans"
    told.world.clock.pass_time(hours=1)
    assert told.round() == []


@pytest.mark.parametrize(
    ("choice", "told_of"),
    [
        ({}, {"approved", "ending", "lost"}),
        ({"reminders": False}, {"approved", "lost"}),
        ({"mails": False}, {"lost"}),
    ],
)
def test_people_choose_what_they_are_told_and_some_things_are_told_anyway(
    told: Listening, choice: dict[str, bool], told_of: set[str]
) -> None:
    told.telling.choices.keep(Choice(principal_id=MARA.id, address="mara@home.example", **choice))  # type: ignore[arg-type] # a table
    lease = told.world.active(3 * WEEK)
    told.round()
    told.world.clock.move_to(lease.expires_at - 2 * DAY)
    told.round()
    told.world.second_thoughts.replace(MARA, lease.id)
    told.round()
    assert {str(one.told) for one in told.sent if one.to == "mara@home.example"} == told_of
    assert [one for one in told.sent if one.to == MARA_AT] == []


def test_what_does_not_go_out_is_tried_again_with_growing_pauses_and_then_given_up(told: Listening) -> None:
    told.world.requested()
    told.notices.collect()
    tries: list[datetime] = []

    def refuse(notice: Notice) -> None:
        if notice.to == CHAT:
            tries.append(told.world.clock.now())
            raise NotDelivered("It did not go out.")

    for _ in range(3 * 24 * 60):
        told.notices.deliver(refuse)
        told.world.clock.pass_time(minutes=1)
    assert len(tries) == TRIES
    pauses = [later - sooner for sooner, later in itertools.pairwise(tries)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(minutes=1)
    assert told.telling.outbox.given_up() == 1


def rounds(told: Listening, count: int) -> None:
    for _ in range(count):
        told.round()
        told.world.clock.pass_time(minutes=5)


@pytest.mark.parametrize("number", range(1, 9))
def test_over_a_crash_each_event_is_told_once(told: Listening, number: int) -> None:
    told.world.approved()
    outbox, crash = told.telling.outbox, crash_at(number)
    names = ("put", "claim", "done")
    originals = {name: getattr(outbox, name) for name in names}

    def dying(name: str) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            crash(name)
            done = originals[name](*given, **named)
            crash(name)
            return done

        return call

    for name in names:
        setattr(outbox, name, dying(name))
    with pytest.raises(Crash):
        rounds(told, 9)
    for name in names:
        setattr(outbox, name, originals[name])
    told.start()
    rounds(told, 5)
    keys = [one.key for one in told.sent]
    assert {(str(one.told), one.to) for one in told.sent} >= {("approved", MARA_AT), ("decided", LEADS)}
    assert len(set(keys)) == 2
    assert len(keys) <= 3, "only what was sent and not yet written down is sent again, with the same key"


def test_of_two_processes_one_sends(told: Listening) -> None:
    told.world.approved()
    told.notices.collect()
    waiting = told.telling.outbox.due(told.world.clock.now())
    later = told.world.clock.now() + timedelta(minutes=1)
    assert [told.telling.outbox.claim(one, again_at=later) for one in waiting * 2] == [True, True, False, False]


def test_a_failure_to_tell_touches_no_lease(told: Listening) -> None:
    lease = told.world.requested()

    def broken(_: Notice) -> None:
        raise NotDelivered("No.")

    told.notices.collect()
    told.notices.deliver(broken)
    assert told.world.store.get(lease.id) == lease
    assert lease.state is State.REQUESTED
