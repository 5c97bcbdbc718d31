"""Times in words.

Relative and exact stand together on every page: `2 days left` beside `Thu 26 Nov, 17:00 UTC`. From fourteen days
on the words count whole weeks, then days of the calendar, then hours and minutes; what is left is rounded down,
so nobody is promised time that is not there. Every time is UTC and says so. The present is a parameter.
"""

from __future__ import annotations

from datetime import datetime, timedelta

WEEKS_FROM = timedelta(days=14)
_WEEK = 604_800
_NEAR = {0: "today", 1: "tomorrow"}
_UNITS = (("week", _WEEK), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def exact(at: datetime, now: datetime | None) -> str:
    """`Tue 22 Dec, 17:00 UTC`; with a year that is not the present one, with seconds where there are any."""
    year = "" if now and at.year == now.year else f" {at.year}"
    return f"{_day(at)}{year}, {_hour(at)} UTC"


def point(at: datetime, now: datetime) -> str:
    """As short as a button needs it: `Tue 22 Dec`, `tomorrow 17:00`, `today 17:00`."""
    days = (at.date() - now.date()).days
    if days in _NEAR:
        return f"{_NEAR[days]} {_hour(at)}"
    return _day(at)


def left(end: datetime, now: datetime) -> str:
    """`5 weeks left`, `2 days left`, `until tomorrow 17:00`, `until today 17:00`, `12 minutes left`, `over`."""
    rest, days = end - now, (end.date() - now.date()).days
    if rest <= timedelta():
        return "over"
    if rest < timedelta(hours=1) or rest >= WEEKS_FROM:
        return f"{span(rest)} left"
    if days > 1:
        return f"{days} days left"
    return f"until {point(end, now)}"


def ago(at: datetime, now: datetime) -> str:
    """`just now`, `35 minutes ago`, `2 hours ago`, `yesterday 16:40`, `9 days ago`, `3 weeks ago`."""
    past, days = now - at, (now.date() - at.date()).days
    if past < timedelta(minutes=1):
        return "just now"
    if days == 0 or past < timedelta(hours=1) or past >= WEEKS_FROM:
        return f"{span(past)} ago"
    return f"yesterday {_hour(at)}" if days == 1 else f"{days} days ago"


def span(length: timedelta) -> str:
    """A length in its largest unit, rounded down: `2 weeks`, `13 days`, `1 hour`, `40 seconds`."""
    seconds = int(length.total_seconds())
    for unit, size in _UNITS:
        if seconds >= size and (unit != "week" or length >= WEEKS_FROM):
            return _count(seconds // size, unit)
    return "0 seconds"


def length(ttl: timedelta) -> str:
    """A length to the second: `2 weeks`, `10 days`, `1 day 12 hours`. Weeks only where they are whole."""
    seconds, parts = int(ttl.total_seconds()), []
    for unit, size in _UNITS if seconds % _WEEK == 0 else _UNITS[1:]:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(_count(count, unit))
    return " ".join(parts) or "0 seconds"


def percent_left(start: datetime, end: datetime, now: datetime) -> int:
    """How much of the time from `start` to `end` is still ahead, 0 to 100."""
    whole = (end - start).total_seconds()
    rest = (end - now).total_seconds()
    return max(0, min(100, round(100 * rest / whole))) if whole > 0 else 0


def _day(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b}"


def _hour(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
