"""An account's users in memory, which fails as AWS does: throttled before, lost after, or with the process gone.

It writes down every moment at which a key was taken from its owner, and what owners were told.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from keylease.adopt.adoption import PREFIX, HeldKey, Holder, Promise
from keylease.adopt.decide import Notice
from keylease.errors import AwsThrottled, AwsUnreachable, NoticeNotSent
from keylease.testing import FakeClock


class Crash(BaseException):
    """The process ends."""


@dataclass
class FakeUsers:
    clock: FakeClock
    holders: dict[str, Holder] = field(default_factory=dict)
    seed: int = 0
    fails: float = 0.0
    crashes: float = 0.0
    cut: list[tuple[str, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - failures that can be played again

    def adopted(self) -> Sequence[Holder]:
        self._before()
        return [one for one in self.holders.values() if f"{PREFIX}ends" in one.tags]

    def one(self, name: str) -> Holder | None:
        self._before()
        return self.holders.get(name)

    def tag(self, name: str, tags: Mapping[str, str], *, without: Sequence[str] = ()) -> None:
        self._before()
        kept = {tag: text for tag, text in self.holders[name].tags.items() if tag not in without}
        self._set(name, tags=kept | dict(tags))
        self._after()

    def fence(self, name: str, until: datetime) -> None:
        self._before()
        self._set(name, fenced_until=until)
        self._after()

    def unfence(self, name: str) -> None:
        self._before()
        self._set(name, fenced_until=None)
        self._after()

    def switch(self, name: str, key_id: str, *, active: bool) -> None:
        self._before()
        keys = tuple(replace(key, active=active) if key.id == key_id else key for key in self.holders[name].keys)
        if not active:
            self.cut.append((name, self.clock.now()))
        self._set(name, keys=keys)
        self._after()

    def delete(self, name: str, key_id: str) -> None:
        self._before()
        self.cut.append((name, self.clock.now()))
        self._set(name, keys=tuple(key for key in self.holders[name].keys if key.id != key_id))
        self._after()

    def _set(self, name: str, **changes: object) -> None:
        self.holders[name] = replace(self.holders[name], **changes)  # type: ignore[arg-type] # a fake's shortcut

    def _before(self) -> None:
        roll = self.dice.random()
        if roll < self.fails:
            raise AwsThrottled("AWS asks for fewer calls.")
        if roll < self.fails + self.crashes:
            raise Crash

    def _after(self) -> None:
        """The call was carried out, and its answer is lost, or nobody is left to hear it."""
        roll = self.dice.random()
        if roll < self.fails:
            raise AwsUnreachable("AWS did not answer.")
        if roll < self.fails + self.crashes:
            raise Crash


@dataclass
class Told:
    """Writes down what owners are told, and fails at times."""

    clock: FakeClock
    users: FakeUsers
    told: list[tuple[str, Notice, datetime, datetime]] = field(default_factory=list)

    def tell(self, notice: Notice, name: str, promise: Promise) -> None:
        if self.users.dice.random() < self.users.fails:
            raise NoticeNotSent("The mail was not taken.")
        self.told.append((name, notice, self.clock.now(), promise.ends_at))

    def of(self, name: str) -> list[Notice]:
        return [notice for who, notice, _, _ in self.told if who == name]


def holder(name: str, *ids: str) -> Holder:
    return Holder(name=name, keys=tuple(HeldKey(id=id_, active=True) for id_ in ids))
