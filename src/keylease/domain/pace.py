"""How fast an account is asked, and when it is left alone: rules over one small record.

AWS tells nobody how many calls it takes; it only refuses those that are too many. So each account has a `Pace` that
all processes share. A call takes the next free slot; slots lie `1 / rate` seconds apart. Each call that was
answered makes the rate a little higher; one that was refused makes it lower, but not each of a bunch that was on
its way together. So one call in about forty is refused, whatever AWS takes. Until the first refusal the rate
doubles each second.

Removals go before issues: as long as removals stand in line, whatever makes something waits.

An account that does not answer is left alone for growing pauses with a ceiling, each a little shorter or longer by
chance, so that not all processes and accounts come back in the same second. There is no end of trying.

Seconds are those of `Clock.precise`. A clock that was set back cannot hold anything up for longer than `FARTHEST`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_RATE, LEAST, MOST = 20.0, 1.0, 200.0
"""Calls a second: where nothing is known, and the bounds of all that may be learned."""
FASTER = 0.0018
"""Of the rate, by which it grows with each call that is answered, once a refusal has shown where the limit lies."""
SLOWER, MUCH_SLOWER = 0.93, 0.7
"""What is left of the rate after a refusal, and after one that came soon after another: then it is far too high."""
SOON = 20
"""Slots."""
BUNCH = 8
"""Slots within which refusals count as one: that many calls may be on their way at the same time."""
BURST = 3
"""Slots that may be made up for after a moment in which nobody asked."""
FARTHEST = 60.0
"""Seconds. No slot and no pause lies farther ahead than twice that: what says so was written by a wrong clock."""
YIELD = 2.0
"""Seconds for which issues wait after a removal stood in line."""
PAUSES = (5.0, 10.0, 20.0, 40.0, FARTHEST)
"""Seconds that an account is left alone after it did not answer once, twice and so on, up to the ceiling."""
SHAKEN = 0.25
"""A pause is by up to so much shorter or longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """One account's, at one moment. Instants are seconds; zero is long ago."""

    rate: float = FIRST_RATE
    next_at: float = 0.0
    removing_at: float = 0.0
    """When a removal last stood in line."""
    grown_at: float = 0.0
    refused_at: float = 0.0
    """When the rate was last made lower; zero means that the limit was never seen."""
    away_until: float = 0.0
    outages: int = 0
    """Times in a row that the account did not answer."""


def slot(pace: Pace, now: float, *, removes: bool) -> tuple[Pace, float]:
    """The pace once the next slot is taken, and how many seconds away that slot is.

    For what makes something while removals stand in line nothing is taken: ask again after that many seconds.
    """
    pace = _sane(pace, now)
    if not removes and now < pace.removing_at + YIELD:
        return pace, -1.0
    at = max(pace.next_at, now - BURST / pace.rate)
    stands = removes and at > now
    taken = replace(pace, next_at=at + 1 / pace.rate, removing_at=at if stands else pace.removing_at)
    return taken, max(0.0, at - now)


def answered(pace: Pace, now: float) -> Pace:
    """After a call that AWS took."""
    pace = _sane(pace, now)
    passed = min(now - pace.grown_at, 1.0) if pace.grown_at else 0.0
    growth = FASTER if pace.refused_at else passed
    rate = min(pace.rate * (1 + growth), MOST)
    return replace(pace, rate=rate, grown_at=now, outages=0, away_until=0.0)


def refused(pace: Pace, now: float) -> Pace:
    """After a call that AWS asked to come later."""
    pace = _sane(pace, now)
    since = (now - pace.refused_at) * pace.rate
    lower = SLOWER if since >= SOON else MUCH_SLOWER
    first = since >= BUNCH
    rate = max(pace.rate * lower, LEAST) if first else pace.rate
    later = max(pace.next_at, now + 1 / rate)
    return replace(pace, rate=rate, refused_at=now if first else pace.refused_at, next_at=later)


def away(pace: Pace, now: float, *, chance: float) -> Pace:
    """After an attempt to which nobody answered. `chance` lies between 0 and 1."""
    pause = PAUSES[min(pace.outages, len(PAUSES) - 1)] * (1 + SHAKEN * (2 * chance - 1))
    return replace(pace, outages=pace.outages + 1, away_until=now + pause)


def back(pace: Pace) -> Pace:
    """After an answer."""
    return replace(pace, outages=0, away_until=0.0)


def is_away(pace: Pace, now: float) -> bool:
    """Whether the account is to be left alone for now."""
    return now < pace.away_until <= now + 2 * FARTHEST


def _sane(pace: Pace, now: float) -> Pace:
    """Without what a clock has written that runs far ahead of this one."""
    far = now + 2 * FARTHEST
    return replace(
        pace,
        next_at=pace.next_at if pace.next_at <= far else 0.0,
        removing_at=pace.removing_at if pace.removing_at <= far else 0.0,
        grown_at=min(pace.grown_at, now),
        refused_at=min(pace.refused_at, now),
    )
