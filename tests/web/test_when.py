"""Times in words, to the minute around every edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keylease.web import when

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (timedelta(), "over"),
        (timedelta(hours=-26), "over"),
        (timedelta(seconds=1), "1 second left"),
        (timedelta(seconds=59), "59 seconds left"),
        (timedelta(minutes=1), "1 minute left"),
        (timedelta(minutes=59, seconds=59), "59 minutes left"),
        (timedelta(hours=5), "until today 17:00"),
        (timedelta(hours=11, minutes=59), "until today 23:59"),
        (timedelta(hours=12), "until tomorrow 00:00"),
        (timedelta(hours=35, minutes=59), "until tomorrow 23:59"),
        (timedelta(hours=36), "2 days left"),
        (timedelta(days=13, hours=23), "14 days left"),
        (timedelta(days=14), "2 weeks left"),
        (timedelta(days=20), "2 weeks left"),
        (timedelta(days=35), "5 weeks left"),
    ],
)
def test_what_is_left_is_said_in_weeks_days_and_hours(end: timedelta, words: str) -> None:
    assert when.left(NOW + end, NOW) == words


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=35), "35 minutes ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(hours=12), "12 hours ago"),
        (timedelta(hours=13), "yesterday 23:00"),
        (timedelta(hours=37), "2 days ago"),
        (timedelta(days=13), "13 days ago"),
        (timedelta(days=21), "3 weeks ago"),
    ],
)
def test_what_is_past_is_said_as_people_say_it(past: timedelta, words: str) -> None:
    assert when.ago(NOW - past, NOW) == words


def test_minutes_count_before_midnight_does() -> None:
    late = datetime(2026, 11, 24, 23, 50, tzinfo=UTC)

    assert when.left(late + timedelta(minutes=20), late) == "20 minutes left"
    assert when.ago(late - timedelta(minutes=20), late + timedelta(minutes=20)) == "40 minutes ago"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 12, 22, 17, tzinfo=UTC), "Tue 22 Dec, 17:00 UTC"),
        (datetime(2026, 12, 2, 7, 5, 9, tzinfo=UTC), "Wed 2 Dec, 07:05:09 UTC"),
        (datetime(2027, 1, 4, 17, tzinfo=UTC), "Mon 4 Jan 2027, 17:00 UTC"),
    ],
)
def test_an_exact_time_has_its_zone_and_what_else_it_needs(at: datetime, words: str) -> None:
    assert when.exact(at, NOW) == words


@pytest.mark.parametrize(
    ("ttl", "words"),
    [
        (timedelta(weeks=1), "1 week"),
        (timedelta(weeks=4), "4 weeks"),
        (timedelta(days=10), "10 days"),
        (timedelta(hours=36), "1 day 12 hours"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(seconds=90), "1 minute 30 seconds"),
        (timedelta(), "0 seconds"),
    ],
)
def test_a_length_is_told_to_the_second(ttl: timedelta, words: str) -> None:
    assert when.length(ttl) == words


@pytest.mark.parametrize(("hours", "percent"), [(-1, 100), (0, 100), (5, 50), (9, 10), (10, 0), (99, 0)])
def test_the_rail_shows_what_is_left(hours: int, percent: int) -> None:
    assert when.percent_left(NOW, NOW + timedelta(hours=10), NOW + timedelta(hours=hours)) == percent
    assert when.percent_left(NOW, NOW, NOW) == 0
