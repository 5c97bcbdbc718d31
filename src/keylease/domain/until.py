"""Until when: what people write, and the slot in which a lease ends.

People write a duration (`2w`, `10d`, `1w3d`, `36h`, `90m`, `40s`, `P2W`, `P1DT12H`) or an instant with its zone.
A duration is counted from the approval, since an hour of waiting is not an hour of access; an instant stays.

Leases that end in the same slot share a fence. The end is rounded *down* to the slot's edge, never up, and the
slot is the coarsest that takes at most a tenth off the lease (docs/adr/0001): whole hours from ten hours on,
whole minutes from ten minutes on, else seconds. Slots are UTC, so no daylight saving moves one. Where fences are
made ahead of need (domain/ahead.py) a lease ends at midnight UTC, however much that takes off it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from keylease.domain import clock
from keylease.errors import BadUntil, InThePast, TooShort

Until = timedelta | datetime
"""How long from the approval on, or until which instant."""

SLOTS = (timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))
DAYS = (timedelta(days=1),)
"""The slots where fences are made ahead."""
SHORTEST = timedelta(seconds=10)
"""A key takes some seconds to be known all over AWS; below this nobody could use it."""
LONGEST = timedelta(weeks=520)
LONGEST_TEXT = 64
"""Characters; any duration or instant needs half of that. No sum of so few parts is beyond a timedelta."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_WORDS = re.compile(r"(?:[0-9]{1,6}[wdhms])+")
_ISO = re.compile(r"p(?:[0-9]{1,6}[wd])*(?:t(?:[0-9]{1,6}[hms])+)?")
_PART = re.compile(r"([0-9]+)([wdhms])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: str) -> Until:
    """Read a duration or an instant. Raises `BadUntil` with what was written."""
    if len(text) > LONGEST_TEXT:
        raise BadUntil(f"“{text[:LONGEST_TEXT]}…” is longer than any duration or instant.")
    words = text.strip().lower()
    parts = _PART.findall(words)
    if parts and (_WORDS.fullmatch(words) or _ISO.fullmatch(words)):
        length = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in parts), timedelta())
        if not timedelta() < length <= LONGEST:
            raise BadUntil(f"“{text}” is not between one second and ten years.")
        return length
    try:
        return clock.from_text(text.strip())
    except (ValueError, OverflowError):
        raise BadUntil(f"“{text}” is neither a duration nor an instant with its zone.") from None


def parse_length(text: str) -> timedelta:
    """Read a duration only. Raises `BadUntil`."""
    until = parse(text)
    if isinstance(until, datetime):
        raise BadUntil(f"“{text}” is an instant; a duration belongs here.")
    return until


def write(until: Until) -> str:
    """The reverse of `parse`, in its shortest form: `2w`, `1d12h`, `2026-12-08T17:00:00Z`."""
    if isinstance(until, datetime):
        return clock.to_text(until)
    seconds = int(until.total_seconds())
    text = ""
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def length(until: Until, now: datetime) -> timedelta:
    """How long that is, seen from `now`. Raises `InThePast` below `SHORTEST`."""
    ttl = until if isinstance(until, timedelta) else until - now
    if ttl < SHORTEST:
        raise InThePast(f"{write(until)} is over, or too near for a key to be of use.")
    return ttl


def slot_end(until: Until, now: datetime, *, slots: Sequence[timedelta] = SLOTS) -> datetime:
    """The instant at which a lease that begins `now` ends: on a slot's edge, never later than asked.

    `slots` are the possible ones, the coarsest first; the last counts where all take more than a tenth. Raises
    `InThePast` where nothing is left, `TooShort` where no slot ends before the end that was asked for.
    """
    ttl = length(until, now)
    slot = next((slot for slot in slots if slot * 10 <= ttl), slots[-1])
    end = _edge(now + ttl, slot)
    if end - now < SHORTEST:
        first = clock.to_text(_edge(now + SHORTEST, slot) + slot)
        raise TooShort(f"Leases end at midnight UTC here, so the earliest end now is {first}.")
    return end


def _edge(instant: datetime, slot: timedelta) -> datetime:
    return instant - (instant - _EPOCH) % slot
