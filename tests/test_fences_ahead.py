"""Fences made ahead: a lease then ends at midnight UTC, and days that have a fence are counted without a gap."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease import settings
from keylease.broker import Ask
from keylease.domain import ahead, iam, until
from keylease.domain.lease import State
from keylease.errors import InThePast, LeaseOver, TooLong, TooShort
from keylease.ports import LeaseQuery
from world import CATALOGUE, MARA, PRIYA, World

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
DAY = timedelta(days=1)

instants = st.integers(min_value=1_700_000_000, max_value=3_800_000_000).map(
    lambda at: datetime.fromtimestamp(at, UTC)
)
lengths = st.integers(min_value=10, max_value=520 * 7 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


@given(lengths, instants)
def test_an_end_is_the_last_midnight_at_or_before_the_asked_end(length: timedelta, now: datetime) -> None:
    try:
        ends = until.slot_end(length, now, slots=until.DAYS)
    except TooShort:
        assert ahead.midnight(now + length) - now < until.SHORTEST
        return
    assert ends == ahead.midnight(ends)
    assert now + length - DAY < ends <= now + length


def test_where_every_slot_takes_more_than_a_tenth_the_finest_counts() -> None:
    half_past = NOW + timedelta(minutes=30)
    ends = until.slot_end(timedelta(hours=2), half_past, slots=(DAY, timedelta(hours=1)))
    assert ends == NOW + timedelta(hours=2)


@given(lengths, instants)
def test_what_is_possible_instead_of_too_short_a_lease_is_possible(length: timedelta, now: datetime) -> None:
    try:
        until.slot_end(length, now, slots=until.DAYS)
    except TooShort as refusal:
        named = datetime.fromisoformat(refusal.sentence.removesuffix(".").rpartition(" ")[2])
        assert until.slot_end(named, now, slots=until.DAYS) == named


@given(instants, st.integers(min_value=0, max_value=30), st.booleans())
def test_every_day_has_its_fence_and_no_other_instant(now: datetime, days: int, share: bool) -> None:  # noqa: FBT001 - drawn
    end = ahead.midnight(now) + days * DAY
    made = list(ahead.fences(now, end, share=share))
    assert [one.until for one in made if not one.share] == [
        ahead.midnight(now) + n * DAY for n in range(1, days + 1)
    ]
    assert sum(one.share for one in made) == (days if share else 0)
    assert ahead.reach([one.name for one in made], now, share=share) == (end if days else None)


def test_a_fence_of_the_present_edition_serves_a_lease_of_that_day() -> None:
    made = {one.name for one in ahead.fences(NOW, NOW + timedelta(weeks=2), share=True)}
    ends = until.slot_end(timedelta(days=10), NOW, slots=until.DAYS)
    assert {iam.fence(ends).name, iam.fence(ends, share=True).name} <= made


def test_a_gap_ends_the_reach() -> None:
    made = [one.name for one in ahead.fences(NOW, NOW + timedelta(days=9), share=False)]
    assert ahead.reach([*made[:4], *made[5:]], NOW, share=False) == MIDNIGHT + timedelta(days=3)
    assert ahead.reach(made[1:], NOW, share=False) is None
    assert ahead.reach(made, NOW, share=True) is None


def test_at_midnight_that_midnight_is_over() -> None:
    [first, *_] = ahead.fences(MIDNIGHT, MIDNIGHT + timedelta(weeks=1), share=False)
    assert first.until == MIDNIGHT + DAY


@pytest.mark.parametrize("asked", [timedelta(hours=11), NOW, timedelta(seconds=3)])
def test_fences_up_to_no_midnight_are_refused(asked: until.Until) -> None:
    with pytest.raises(InThePast):
        ahead.last_midnight(asked, NOW)


def test_the_setting_makes_leases_end_on_whole_days() -> None:
    assert settings.parse("fences_ahead = true").catalogue().slots == until.DAYS
    assert settings.parse("").catalogue().slots == until.SLOTS


@pytest.fixture
def daily() -> World:
    """The company, with fences made ahead."""
    return World(catalogue=replace(CATALOGUE, slots=until.DAYS))


def test_a_lease_ends_on_a_whole_day(daily: World) -> None:
    lease = daily.approved(timedelta(weeks=2))
    assert (lease.state, lease.expires_at) == (State.APPROVED, datetime(2026, 12, 8, tzinfo=UTC))


def test_a_lease_within_the_day_is_refused_with_what_is_possible(daily: World) -> None:
    with pytest.raises(TooShort, match="2026-11-25T00:00:00Z"):
        daily.requested(timedelta(hours=6))
    assert list(daily.store.find(LeaseQuery())) == []
    assert daily.requested(MIDNIGHT).expires_at == MIDNIGHT


def test_an_approver_can_only_shorten_to_a_whole_day(daily: World) -> None:
    lease = daily.requested(timedelta(weeks=2))
    with pytest.raises(TooShort):
        daily.broker.approve(PRIYA, lease.id, until_at_most=timedelta(hours=6))
    with pytest.raises(TooLong):
        daily.broker.approve(PRIYA, lease.id, until_at_most=timedelta(weeks=3))
    assert daily.broker.approve(PRIYA, lease.id, until_at_most=timedelta(days=3)).expires_at == datetime(
        2026, 11, 27, tzinfo=UTC
    )


def test_a_request_whose_midnight_has_come_is_over(daily: World) -> None:
    lease = daily.broker.request(
        MARA, Ask(account="main", permission_set="archive", until=MIDNIGHT, reason="Winter masters")
    )
    daily.clock.move_to(MIDNIGHT - timedelta(seconds=5))
    with pytest.raises(LeaseOver):
        daily.broker.approve(PRIYA, lease.id)
