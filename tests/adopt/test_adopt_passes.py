"""Adoptions from their first day to the last, with everything failing that can, on a clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adopt.fake_users import Crash, FakeUsers, Told, holder
from keylease.adopt.adoption import HeldKey, Holder, Promise, Rules, promise_of
from keylease.adopt.decide import Notice
from keylease.adopt.passing import Adopting
from keylease.errors import (
    AdoptionFailed,
    AwsThrottled,
    AwsUnreachable,
    BadPromise,
    NotAdopted,
    NoticeNotSent,
    TooLateToUndo,
)
from keylease.testing import FakeClock

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = NOW + 42 * DAY
RULES = Rules()


class Story:
    def __init__(self, *holders: Holder, fails: float = 0.0, crashes: float = 0.0, seed: int = 0) -> None:
        self.clock = FakeClock(NOW)
        self.users = FakeUsers(
            self.clock, {one.name: one for one in holders}, seed=seed, fails=fails, crashes=crashes
        )
        self.told = Told(self.clock, self.users)
        self.adopting = Adopting(self.users, self.told, rules=RULES)

    def start(self, ends: datetime = ENDS) -> None:
        promises = {
            one.name: Promise(owner=f"{one.name}@example.com", ends_at=ends, keys=tuple(key.id for key in one.keys))
            for one in self.users.holders.values()
        }
        self.adopting.start(promises, self.clock.now())

    def days(self, count: int) -> None:
        """A pass a day."""
        for _ in range(count):
            self.clock.pass_time(days=1)
            self.adopting.run(self.clock.now())

    def promise(self, name: str = "bob") -> Promise:
        found = promise_of(self.users.holders[name].tags)
        assert found is not None
        return found

    def access_keys(self, name: str = "bob") -> tuple[HeldKey, ...]:
        return self.users.holders[name].keys


def test_an_owner_is_told_then_reminded_then_the_keys_go_off_then_away() -> None:
    story = Story(holder("bob", "K1", "K2"))
    story.start()
    assert story.users.holders["bob"].fenced_until == ENDS
    assert story.told.of("bob") == [Notice.ADOPTED]
    story.days(41)
    assert all(key.active for key in story.access_keys())
    assert story.told.of("bob") == [Notice.ADOPTED, *[Notice.REMINDER] * 3]
    story.days(1)
    assert [key.active for key in story.access_keys()] == [False, False]
    story.days(13)
    assert len(story.access_keys()) == 2
    story.days(1)
    assert story.access_keys() == ()
    assert story.told.of("bob")[-2:] == [Notice.OFF, Notice.DELETED]
    assert story.users.holders["bob"].fenced_until == ENDS


def test_the_date_is_in_aws_only_after_the_owner_was_told() -> None:
    story = Story(holder("bob", "K1"))
    story.told.tell = refusing  # type: ignore[method-assign] # the mail is down
    story.start()
    assert story.users.holders["bob"].fenced_until is None
    assert story.promise().told_at is None


def refusing(*_: object) -> None:
    raise NoticeNotSent("The mail was not taken.")


def test_an_owner_who_was_never_told_keeps_the_keys_until_somebody_postpones() -> None:
    story = Story(holder("bob", "K1"))
    tell, story.told.tell = story.told.tell, refusing  # type: ignore[method-assign] # the mail is down
    story.start()
    story.clock.pass_time(days=50)
    story.told.tell = tell  # type: ignore[method-assign]
    done = story.adopting.run(story.clock.now())
    assert isinstance(done.failures["bob"], AdoptionFailed)
    assert story.users.holders["bob"].fenced_until is None
    assert all(key.active for key in story.access_keys())
    story.adopting.postpone("bob", story.clock.now() + 20 * DAY, "never told", story.clock.now())
    story.days(1)
    assert Notice.ADOPTED in story.told.of("bob")


def test_passes_that_stood_still_for_long_send_one_reminder_and_still_give_the_whole_grace() -> None:
    story = Story(holder("bob", "K1"))
    story.start()
    story.clock.pass_time(days=41, hours=1)
    story.adopting.run(story.clock.now())
    assert story.told.of("bob") == [Notice.ADOPTED, Notice.REMINDER]
    assert story.promise().warned == (14, 7, 1)
    story.clock.pass_time(days=100)
    story.adopting.run(story.clock.now())
    assert [key.active for key in story.access_keys()] == [False]
    story.days(13)
    assert len(story.access_keys()) == 1
    story.days(1)
    assert story.access_keys() == ()


def test_a_postponement_moves_the_date_and_brings_keys_back() -> None:
    story = Story(holder("bob", "K1"))
    story.start()
    story.days(43)
    assert [key.active for key in story.access_keys()] == [False]
    later = story.clock.now() + 14 * DAY
    story.adopting.postpone("bob", later, "the new server is late", story.clock.now())
    assert [key.active for key in story.access_keys()] == [True]
    assert story.users.holders["bob"].fenced_until == story.promise().ends_at == later
    assert "the new server is late" in story.promise().postponed
    story.days(13)
    assert [key.active for key in story.access_keys()] == [True]
    story.days(2)
    assert [key.active for key in story.access_keys()] == [False]


@pytest.mark.parametrize("until", [NOW - DAY, ENDS, ENDS - DAY])
def test_a_postponement_is_never_an_earlier_end(until: datetime) -> None:
    story = Story(holder("bob", "K1"))
    story.start()
    with pytest.raises(AdoptionFailed):
        story.adopting.postpone("bob", until, "x", NOW)
    assert story.users.holders["bob"].fenced_until == ENDS


@pytest.mark.parametrize("after", [0, 20, 43])
def test_an_undo_leaves_everything_as_it_was(after: int) -> None:
    before = Holder(
        name="bob", keys=(HeldKey(id="K1", active=True), HeldKey(id="K2", active=False)), tags={"a": "b"}
    )
    story = Story(before)
    story.adopting.start({"bob": Promise(owner="bob@example.com", ends_at=ENDS, keys=("K1",))}, NOW)
    story.days(after)
    story.adopting.undo("bob", story.clock.now())
    assert story.users.holders["bob"] == Holder(
        name="bob", keys=before.keys, tags={"a": "b", "keylease:owner": "bob@example.com"}
    )


def test_what_was_deleted_is_not_undone_and_who_is_not_adopted_is_not_either() -> None:
    story = Story(holder("bob", "K1"), holder("eve", "K2"))
    story.start()
    story.days(60)
    with pytest.raises(TooLateToUndo):
        story.adopting.undo("bob", story.clock.now())
    with pytest.raises(NotAdopted):
        story.adopting.undo("nobody", story.clock.now())


def test_a_second_start_keeps_the_promise_that_was_given() -> None:
    story = Story(holder("bob", "K1"))
    story.start()
    story.start(ends=NOW + 7 * DAY)
    assert story.promise().ends_at == ENDS


def test_a_date_that_somebody_took_off_is_put_back_and_a_key_made_meanwhile_ends_too() -> None:
    story = Story(holder("bob", "K1"))
    story.start()
    story.users.unfence("bob")
    story.users.holders["bob"] = Holder(
        name="bob", tags=story.users.holders["bob"].tags, keys=(*story.access_keys(), HeldKey(id="K9", active=True))
    )
    story.days(1)
    assert story.users.holders["bob"].fenced_until == ENDS
    story.days(41)
    assert [key.active for key in story.access_keys()] == [False, False]


def test_tags_that_somebody_broke_stop_that_user_alone_and_are_said() -> None:
    story = Story(holder("bob", "K1"), holder("eve", "K2"))
    story.start()
    story.users.tag("bob", {"keylease:adopted-ends": "soon"})
    story.clock.pass_time(days=43)
    done = story.adopting.run(story.clock.now())
    assert isinstance(done.failures["bob"], BadPromise)
    assert [key.active for key in story.access_keys("eve")] == [False]
    assert [key.active for key in story.access_keys("bob")] == [True]


@pytest.mark.parametrize("seed", range(2))
def test_of_500_keys_with_failures_and_restarts_none_is_cut_early_and_none_forgotten(seed: int) -> None:
    names = [f"user-{number:03}" for number in range(250)]
    story = Story(*(holder(name, f"{name}-1", f"{name}-2") for name in names), fails=0.08, crashes=0.004, seed=seed)
    ends = {name: NOW + timedelta(days=20 + number % 20) for number, name in enumerate(names)}
    promises = {
        name: Promise(owner=f"{name}@example.com", ends_at=ends[name], keys=(f"{name}-1", f"{name}-2"))
        for name in names
    }
    restarts = 0
    for day in range(80):
        story.clock.pass_time(days=1)
        now = story.clock.now()
        for _ in range(3):
            try:
                story.adopting.start(promises, now) if day < 10 else story.adopting.run(now)
            except Crash:
                restarts += 1
                story.adopting = Adopting(story.users, story.told, rules=RULES)
            except (AwsThrottled, AwsUnreachable):
                continue  # the listing itself failed: the next pass
    assert restarts > 10
    assert all(promise_of(one.tags) is not None for one in story.users.holders.values())
    assert [name for name, at in story.users.cut if at < ends[name]] == []
    for name in names:
        assert story.users.holders[name].keys == (), name
        told = [at for who, notice, at, _ in story.told.told if who == name and notice is Notice.ADOPTED]
        assert min(told) < ends[name]
        assert Notice.REMINDER in story.told.of(name)
        assert Notice.DELETED in story.told.of(name)
