"""One pass over all adopted users: decide, do, remember. What fails for one user keeps nobody else waiting.

What was told is remembered after it was told, so a crash between the two tells twice rather than never. Everything
else is remembered by AWS itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from keylease.adopt.adoption import PREFIX, Holder, Promise, Rules, promise_of
from keylease.adopt.decide import (
    Delete,
    Fence,
    Forget,
    Late,
    Notice,
    RememberDone,
    RememberOff,
    Step,
    Switch,
    Tell,
    Unfence,
    decide,
)
from keylease.adopt.ports import Notices, Users
from keylease.errors import AdoptionFailed, BadPromise, KeyleaseError, NotAdopted, TooLateToUndo

LATE = "Nothing was done to it. Postpone it (`keylease adopt postpone`), so that its owner hears of it first."


@dataclass(frozen=True, slots=True, kw_only=True)
class PassDone:
    """What a pass did: how often each step, and what failed for whom."""

    users: int
    done: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, KeyleaseError] = field(default_factory=dict)


class Adopting:
    """Adoptions of one account."""

    def __init__(self, users: Users, notices: Notices, *, rules: Rules) -> None:
        self._users = users
        self._notices = notices
        self._rules = rules

    def start(self, promises: Mapping[str, Promise], now: datetime) -> PassDone:
        """Write promises on users, then do what is due for all. Who is adopted already keeps its promise."""
        failures: dict[str, KeyleaseError] = {}
        there = {holder.name for holder in self._users.adopted()}
        for name, promise in promises.items():
            try:
                if name not in there:
                    self._users.tag(name, promise.tags())
            except KeyleaseError as failure:
                failures[name] = failure
        done = self.run(now)
        return replace(done, failures=failures | dict(done.failures))

    def run(self, now: datetime) -> PassDone:
        """One pass."""
        holders = self._users.adopted()
        counted: Counter[str] = Counter()
        failures: dict[str, KeyleaseError] = {}
        for holder in holders:
            try:
                self._one(holder, now, counted)
            except KeyleaseError as failure:
                failures[holder.name] = failure
        return PassDone(users=len(holders), done=dict(counted), failures=failures)

    def postpone(self, name: str, until: datetime, reason: str, now: datetime) -> Promise:
        """A later date. The Deny is moved first: a crash then leaves the old promise, and never an earlier end.

        Keys that are switched off already work again. Raises `NotAdopted`, `TooLateToUndo`, `AdoptionFailed`.
        """
        holder, promise = self._known(name)
        if until <= max(promise.ends_at, now):
            raise AdoptionFailed(f"{name} ends at {promise.ends_at:%Y-%m-%d} already; a postponement is later.")
        self._users.fence(name, until)
        later = replace(promise, ends_at=until, warned=(), off_at=None, postponed=f"{now:%Y-%m-%d} {reason}")
        self._keep(name, later, before=promise)
        for key in holder.keys:
            if key.id in promise.keys and not key.active:
                self._users.switch(name, key.id, active=True)
        self._notices.tell(Notice.POSTPONED, name, later)
        return later

    def undo(self, name: str, now: datetime) -> None:
        """As it was before. It is written on the user first, so that a later pass ends what a crash left."""
        holder, promise = self._known(name)
        undone = replace(promise, undone=True)
        self._keep(name, undone, before=promise)
        self._one(replace(holder, tags=dict(holder.tags) | undone.tags()), now, Counter())

    def _known(self, name: str) -> tuple[Holder, Promise]:
        holder = self._users.one(name)
        promise = _read(holder) if holder is not None else None
        if holder is None or promise is None:
            raise NotAdopted(f"{name} is not adopted.")
        if promise.done_at is not None:
            raise TooLateToUndo(f"The access keys of {name} are deleted.")
        return holder, promise

    def _one(self, holder: Holder, now: datetime, counted: Counter[str]) -> None:
        promise = _read(holder)
        if promise is None:
            return
        for step in decide(holder, promise, now, self._rules):
            promise = self._do(holder.name, step, promise, now)
            counted[type(step).__name__] += 1

    def _do(self, name: str, step: Step, promise: Promise, now: datetime) -> Promise:
        """Do one step; the promise as it is remembered then."""
        match step:
            case Tell(notice=notice, days=days):
                self._notices.tell(notice, name, promise)
                return self._remember_told(name, notice, days, promise, now)
            case Fence(until=until):
                self._users.fence(name, until)
            case Unfence():
                self._users.unfence(name)
            case Switch(id=id_, active=active):
                self._users.switch(name, id_, active=active)
            case Delete(id=id_):
                self._users.delete(name, id_)
            case RememberOff():
                return self._keep(name, replace(promise, off_at=now), before=promise)
            case RememberDone():
                return self._keep(name, replace(promise, done_at=now), before=promise)
            case Late():
                raise AdoptionFailed(f"The owner of {name} was never told, and the date has come.", hint=LATE)
            case Forget():
                self._users.tag(name, {}, without=[tag for tag in promise.tags() if tag.startswith(PREFIX)])
        return promise

    def _remember_told(
        self, name: str, notice: Notice, days: Sequence[int], promise: Promise, now: datetime
    ) -> Promise:
        if notice is Notice.ADOPTED:
            return self._keep(name, replace(promise, told_at=now), before=promise)
        if notice is Notice.REMINDER:
            return self._keep(name, replace(promise, warned=(*promise.warned, *days)), before=promise)
        return promise

    def _keep(self, name: str, promise: Promise, *, before: Promise) -> Promise:
        new, old = promise.tags(), before.tags()
        changed = {tag: text for tag, text in new.items() if old.get(tag) != text}
        self._users.tag(name, changed, without=sorted(old.keys() - new.keys()))
        return promise


def _read(holder: Holder) -> Promise | None:
    try:
        return promise_of(holder.tags)
    except ValueError:
        raise BadPromise(f"The tags of {holder.name} that say when it ends cannot be read.") from None
