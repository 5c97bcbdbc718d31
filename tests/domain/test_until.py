"""Until when: what is read, and that a lease never ends later than asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.domain import until
from keylease.errors import BadUntil, InThePast

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2w", timedelta(weeks=2)),
        (" 10D ", timedelta(days=10)),
        ("1w3d", timedelta(days=10)),
        ("36h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("40s", timedelta(seconds=40)),
        ("P2W", timedelta(weeks=2)),
        ("P1DT12H", timedelta(hours=36)),
        ("PT40S", timedelta(seconds=40)),
        ("2026-12-08T17:00:00Z", datetime(2026, 12, 8, 17, tzinfo=UTC)),
        ("2026-12-08T17:00+01:00", datetime(2026, 12, 8, 16, tzinfo=UTC)),
        ("2026-12-08 17:00:00.9+00:00", datetime(2026, 12, 8, 17, tzinfo=UTC)),
    ],
)
def test_durations_and_instants_are_read(text: str, read: until.Until) -> None:
    assert until.parse(text) == read


@pytest.mark.parametrize(
    "text",
    ["", "w", "2", "2 weeks", "-2w", "2w-1d", "0d", "PT", "P", "1.5d", "2y", "999999w", "2026-12-08",
     "2026-12-08T17:00", "2026-02-30T00:00Z", "9999-12-31T23:59:59-23:59", "tomorrow", "2w; drop table", "٢w"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_what_was_written(text: str) -> None:
    with pytest.raises(BadUntil) as refusal:
        until.parse(text)
    assert text in refusal.value.sentence


@pytest.mark.parametrize("text", ["999999w" * 143, "999999w" * 9, "2w" * 33, "9" * 60_000, "x" * 65])
def test_a_sum_beyond_all_measure_is_refused_and_not_repeated_at_length(text: str) -> None:
    with pytest.raises(BadUntil) as refusal:
        until.parse(text)
    assert len(refusal.value.sentence) < 140


lengths = st.timedeltas(min_value=until.SHORTEST, max_value=timedelta(weeks=520)).map(
    lambda length: timedelta(seconds=int(length.total_seconds()))
)
instants = st.integers(min_value=1_700_000_000, max_value=3_800_000_000).map(
    lambda at: datetime.fromtimestamp(at, UTC)
)


@given(lengths)
def test_writing_and_reading_a_duration_gives_it_back(length: timedelta) -> None:
    assert until.parse(until.write(length)) == length


@given(instants)
def test_writing_and_reading_an_instant_gives_it_back(instant: datetime) -> None:
    assert until.parse(until.write(instant)) == instant


@given(lengths, instants)
def test_a_lease_never_ends_later_than_asked_and_loses_at_most_a_tenth(length: timedelta, now: datetime) -> None:
    ends = until.slot_end(length, now)
    assert now + length * 0.9 <= ends <= now + length
    assert ends.microsecond == 0


@given(lengths, instants)
def test_a_duration_and_its_instant_end_in_the_same_slot(length: timedelta, now: datetime) -> None:
    assert until.slot_end(length, now) == until.slot_end(now + length, now)


@pytest.mark.parametrize(
    ("now", "length", "ends"),
    [
        (NOW, timedelta(weeks=2), datetime(2026, 12, 8, 12, tzinfo=UTC)),
        (NOW + timedelta(minutes=59, seconds=59), timedelta(weeks=2), datetime(2026, 12, 8, 12, tzinfo=UTC)),
        (NOW + timedelta(minutes=58), timedelta(minutes=61), NOW + timedelta(minutes=119)),
        (NOW, timedelta(seconds=40), NOW + timedelta(seconds=40)),
        (datetime(2028, 2, 28, 23, 30, tzinfo=UTC), timedelta(days=1), datetime(2028, 2, 29, 23, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), timedelta(hours=10), datetime(2027, 1, 1, 9, tzinfo=UTC)),
    ],
)
def test_the_end_lies_on_the_edge_of_its_slot(now: datetime, length: timedelta, ends: datetime) -> None:
    assert until.slot_end(length, now) == ends


@pytest.mark.parametrize("month", [3, 10])
def test_daylight_saving_moves_no_end(month: int) -> None:
    """Both nights on which Berlin's clock jumps: a day's lease lasts 24 hours, whatever the wall says."""
    evening = datetime(2026, month, 28 if month == 3 else 24, 20, tzinfo=ZoneInfo("Europe/Berlin"))
    now = evening.astimezone(UTC)
    assert until.slot_end(timedelta(days=1), now) - now == timedelta(days=1)


@pytest.mark.parametrize("asked", [NOW, NOW - timedelta(days=1), NOW + timedelta(seconds=9), timedelta(seconds=9)])
def test_the_past_and_the_next_moment_are_refused(asked: until.Until) -> None:
    with pytest.raises(InThePast):
        until.slot_end(asked, NOW)


def test_an_instant_where_only_a_duration_fits_is_refused() -> None:
    with pytest.raises(BadUntil):
        until.parse_length("2026-12-08T17:00Z")
