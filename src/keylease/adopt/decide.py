"""What is to be done now for one adopted user. Pure; any pass may be the first or the last.

In this order: tell the owner, put the date on the user, remind, switch the keys off at the date, delete them after
the grace. The date is put on a user only after its owner was told, and never where that happened after the date:
then somebody has to postpone. Nothing of a key is touched before the promised date; the grace counts from the
moment in which the keys were switched off, however late that was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from keylease.adopt.adoption import Holder, Promise, Rules

A_DAY = timedelta(days=1)


class Notice(StrEnum):
    """What an owner is told."""

    ADOPTED = "adopted"
    REMINDER = "reminder"
    OFF = "off"
    POSTPONED = "postponed"
    UNDONE = "undone"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Tell the owner, then remember that it was told: with `days`, that this reminder was."""

    notice: Notice
    days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Put the Deny with this date on the user, or change its date."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfence:
    """Take our Deny off the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Deactivate or activate an access key."""

    id: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberOff:
    """Remember since when the keys are switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete an access key."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberDone:
    """Remember that no key is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Take the promise off the user; its owner stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """The date has come and the owner was never told of it: nothing is done until somebody postpones."""


Step: TypeAlias = Tell | Fence | Unfence | Switch | RememberOff | Delete | RememberDone | Forget | Late


def decide(holder: Holder, promise: Promise, now: datetime, rules: Rules) -> list[Step]:
    """The steps for one user, in their order."""
    if promise.undone:
        return list(_undo(holder, promise))
    if promise.done_at is not None:
        return [Delete(id=key.id) for key in holder.keys]
    if promise.told_at is None and now >= promise.ends_at:
        return [Late()]
    return [*_before(holder, promise, now, rules), *_after(holder, promise, now, rules)]


def _before(holder: Holder, promise: Promise, now: datetime, rules: Rules) -> Iterator[Step]:
    if promise.told_at is None:
        yield Tell(notice=Notice.ADOPTED)
    if holder.fenced_until != promise.ends_at:
        yield Fence(until=promise.ends_at)
    due = _due(promise, now, rules)
    if due and now < promise.ends_at and promise.told_at is not None:
        yield Tell(notice=Notice.REMINDER, days=due)


def _due(promise: Promise, now: datetime, rules: Rules) -> tuple[int, ...]:
    """The reminders that are due and were not sent: those that were missed go with the latest, in one mail."""
    days = [length // A_DAY for length in rules.warn if promise.ends_at - length <= now]
    told_late = [day for day in days if promise.told_at and promise.ends_at - timedelta(days=day) < promise.told_at]
    return tuple(day for day in days if day not in promise.warned and day not in told_late)


def _after(holder: Holder, promise: Promise, now: datetime, rules: Rules) -> Iterator[Step]:
    if now < promise.ends_at:
        return
    if promise.off_at is None:
        yield from (Switch(id=key.id, active=False) for key in holder.keys if key.active)
        yield Tell(notice=Notice.OFF)
        yield RememberOff()
    elif now < promise.off_at + rules.grace:
        yield from (Switch(id=key.id, active=False) for key in holder.keys if key.active)
    else:
        yield from (Delete(id=key.id) for key in holder.keys)
        yield Tell(notice=Notice.DELETED)
        yield RememberDone()


def _undo(holder: Holder, promise: Promise) -> Iterator[Step]:
    if holder.fenced_until is not None:
        yield Unfence()
    there = {key.id: key.active for key in holder.keys}
    yield from (Switch(id=id_, active=True) for id_ in promise.keys if there.get(id_) is False)
    yield Tell(notice=Notice.UNDONE)
    yield Forget()
