"""Times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.domain import spoken

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=119), "119 seconds"),
        (timedelta(minutes=2), "2 minutes"),
        (timedelta(minutes=119, seconds=59), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(days=1.9), "45 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=2, hours=14, minutes=59), "2 days"),
        (timedelta(days=2, hours=15), "3 days"),  # midnight has passed once more: people count calendar days
        (timedelta(days=13, hours=14), "13 days"),
        (timedelta(days=14), "2 weeks"),
        (timedelta(days=15), "2 weeks 1 day"),
        (timedelta(days=27), "3 weeks 6 days"),
        (timedelta(days=35), "5 weeks"),
        (timedelta(days=60), "8 weeks"),
        (timedelta(days=400), "57 weeks"),
        (timedelta(days=-3), "0 seconds"),
    ],
)
def test_what_is_left_is_never_said_to_be_half_of_it(ahead: timedelta, words: str) -> None:
    assert spoken.left(NOW + ahead, NOW) == words


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (NOW, "now"),
        (NOW + timedelta(minutes=5), "in 5 minutes"),
        (NOW - timedelta(days=9), "9 days ago"),
    ],
)
def test_the_past_is_ago_and_the_future_is_in(then: datetime, words: str) -> None:
    assert spoken.relative(then, NOW) == words


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (datetime(2026, 11, 26, 17, tzinfo=UTC), "Thu 26 Nov 17:00 UTC"),
        (datetime(2026, 11, 26, 17, tzinfo=BERLIN), "Thu 26 Nov 17:00 CET"),
        (datetime(2026, 7, 3, 7, 5, tzinfo=BERLIN), "Fri 3 Jul 07:05 CEST"),
        (datetime(2027, 1, 7, 17, tzinfo=UTC), "Thu 7 Jan 2027 17:00 UTC"),
        (datetime(2026, 11, 24, 9, 0, 40, tzinfo=UTC), "Tue 24 Nov 09:00:40 UTC"),
        (datetime(2026, 11, 24, 9, 20, 40, tzinfo=UTC), "Tue 24 Nov 09:20 UTC"),
        (datetime(2026, 11, 26, 17, tzinfo=ZoneInfo("America/Sao_Paulo")), "Thu 26 Nov 17:00 -0300"),
        (datetime(2026, 11, 26, 17, tzinfo=timezone(timedelta(hours=1))), "Thu 26 Nov 17:00 +0100"),
        (
            datetime(2026, 11, 26, 17, tzinfo=timezone(timedelta(hours=1), "W. Europe Standard Time")),
            "Thu 26 Nov 17:00 +0100",
        ),
    ],
)
def test_the_exact_time_names_its_zone(then: datetime, words: str) -> None:
    assert spoken.exact(then, NOW) == words


def test_both_stand_together() -> None:
    then = datetime(2026, 11, 26, 17, tzinfo=UTC)
    assert spoken.both(then, NOW) == "Thu 26 Nov 17:00 UTC (in 2 days)"


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(weeks=520)))
def test_no_words_promise_a_whole_day_too_much(ahead: timedelta) -> None:
    number, unit, *rest = spoken.left(NOW + ahead, NOW).split()
    size = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}[unit.removesuffix("s")]
    said = int(number) * size + (int(rest[0]) * 86_400 if rest else 0)
    assert ahead.total_seconds() - said > -86_400
    assert said > 0 or ahead < timedelta(seconds=1)
