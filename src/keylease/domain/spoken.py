"""How long, and when, as people say it.

The relative and the exact time belong together: `in 2 days` is quick to read, `Thu 26 Nov 17:00 CET` leaves no
doubt. A unit is used from two of it on, so rounding down never takes half away: 1.9 days are 45 hours. From
two days on calendar days count, from fourteen on weeks. Nothing is ever negative.

Every instant is written in the zone that it carries; who reads it has put it there (`instant.astimezone(...)`).
`then` and `now` must carry the same zone, since a calendar day is a day of that zone. The words are English
whatever the machine's language.
"""

from __future__ import annotations

from datetime import datetime, timedelta

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TWO_DAYS = timedelta(days=2)
_TO_THE_SECOND = timedelta(minutes=10)
"""Nearer than this the seconds are written too; slots of seconds belong to leases this short."""


def left(then: datetime, now: datetime) -> str:
    """How long from `now` until `then`: `5 weeks`, `2 weeks 3 days`, `45 hours`; `0 seconds` once it is over."""
    span = max(then - now, timedelta())
    if span >= _TWO_DAYS:
        return _in_days((then.date() - now.date()).days)
    seconds = int(span.total_seconds())
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def relative(then: datetime, now: datetime) -> str:
    """Where `then` lies, seen from `now`: `in 2 days`, `45 minutes ago`, `now`."""
    if then == now:
        return "now"
    return f"in {left(then, now)}" if then > now else f"{left(now, then)} ago"


def exact(then: datetime, now: datetime) -> str:
    """`Thu 26 Nov 17:00 CET`; with the year where it is not this year, with seconds where it is near."""
    day = f"{_DAYS[then.weekday()]} {then.day} {_MONTHS[then.month - 1]}"
    year = f" {then.year}" if then.year != now.year else ""
    near = abs(then - now) < _TO_THE_SECOND and then.second
    return f"{day}{year} {then:%H:%M:%S} {_zone(then)}" if near else f"{day}{year} {then:%H:%M} {_zone(then)}"


def both(then: datetime, now: datetime) -> str:
    """`Thu 26 Nov 17:00 CET (in 2 days)`."""
    return f"{exact(then, now)} ({relative(then, now)})"


def _in_days(days: int) -> str:
    weeks, rest = divmod(days, 7)
    if weeks < 2:
        return f"{days} days"
    if rest == 0 or weeks >= 8:
        return f"{weeks} weeks"
    return f"{weeks} weeks {rest} {'day' if rest == 1 else 'days'}"


def _zone(instant: datetime) -> str:
    """The zone's short name where it has one that people use, else its offset."""
    name = instant.tzname() or ""
    return name if name.isalpha() and name.isascii() and len(name) <= 5 else f"{instant:%z}"
