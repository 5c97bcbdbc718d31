"""Fences made ahead of need: an administrator makes them, so that the issuer needs no right to make any.

There is one for each day: leases then end at midnight UTC, and nowhere in between. Where a permission set lets
data be opened to others there is a second one a day, since its fence is another policy.

A name is one content. A new edition of the fence therefore has new names, and fences made by the edition before
count for nothing here: after an upgrade that changes the fence they are made anew. Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, time, timedelta

from keylease.domain import clock
from keylease.domain.iam import Fence, fence
from keylease.domain.until import Until, length
from keylease.errors import InThePast

DAY = timedelta(days=1)


def midnight(instant: datetime) -> datetime:
    """The last midnight UTC at or before an instant."""
    return datetime.combine(instant.astimezone(UTC), time(), UTC)


def last_midnight(until: Until, now: datetime) -> datetime:
    """The last midnight UTC that is meant. Raises `InThePast` where none lies ahead."""
    end = midnight(now + length(until, now))
    if end <= now:
        raise InThePast(f"No day ends by then; the next does at {clock.to_text(midnight(now) + DAY)}.")
    return end


def horizon(until: Until, now: datetime) -> datetime:
    """The horizon that is meant: an instant as it is; a duration up to its last midnight, so that a day has one.

    Raises `InThePast`.
    """
    if isinstance(until, timedelta):
        return last_midnight(until, now)
    if until <= now:
        raise InThePast(f"A horizon of {clock.to_text(until)} is over: everything would end at once.")
    return until


def fences(now: datetime, until: datetime, *, share: bool) -> Iterator[Fence]:
    """A fence for each midnight after `now` and not after `until`, the nearest first.

    `share`: with one more for each that lets data be opened to others.
    """
    end = midnight(now) + DAY
    while end <= until:
        for open_ in (False, True) if share else (False,):
            yield fence(end, share=open_)
        end += DAY


def reach(names: Collection[str], now: datetime, *, share: bool) -> datetime | None:
    """The last midnight up to which every fence is among `names`; None where already the next is not."""
    end = midnight(now)
    while all(one.name in names for one in fences(end, end + DAY, share=share)):
        end += DAY
    return end if end > now else None
