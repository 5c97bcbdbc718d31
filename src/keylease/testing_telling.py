"""What people are told, in memory; proven by the suite that proves the database's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keylease.domain.notice import Notice
from keylease.ports import Choice, Telling, Waiting


def memory_telling() -> Telling:
    """A fresh one."""
    return Telling(outbox=MemoryOutbox(), choices=MemoryChoices(), feeds=MemoryFeeds())


@dataclass(slots=True)
class _Kept:
    notice: Notice
    due_at: datetime | None
    tries: int = 0
    done_at: datetime | None = None
    failure: str | None = None


class MemoryOutbox:
    """Implements `ports.Outbox`."""

    def __init__(self) -> None:
        self.kept: dict[str, _Kept] = {}
        self._cursor: int | None = None

    def cursor(self) -> int | None:
        """Up to which record of the chain it was filled."""
        return self._cursor

    def put(self, new: Sequence[Notice], *, cursor: int | None) -> None:
        """Add what is new, and move the cursor."""
        for notice in new:
            self.kept.setdefault(notice.key, _Kept(notice, due_at=notice.at))
        self._cursor = self._cursor if cursor is None else cursor

    def due(self, now: datetime, limit: int = 100) -> Sequence[Waiting]:
        """What is to be sent by now."""
        found = [one for one in self.kept.values() if one.due_at is not None and one.due_at <= now]
        found.sort(key=lambda one: (one.notice.at, one.notice.key))
        return [Waiting(notice=one.notice, tries=one.tries) for one in found[:limit]]

    def claim(self, waiting: Waiting, *, again_at: datetime) -> bool:
        """Count one more try."""
        one = self.kept[waiting.notice.key]
        if one.tries != waiting.tries or one.due_at is None:
            return False
        one.tries, one.due_at = one.tries + 1, again_at
        return True

    def done(self, key: str, *, at: datetime, failure: str | None) -> None:
        """Never try it again."""
        one = self.kept[key]
        one.due_at, one.done_at, one.failure = None, at, failure

    def sent(self, lease_id: str) -> Sequence[tuple[datetime, Notice]]:
        """What was sent of a lease."""
        found = [
            (one.done_at, one.notice)
            for one in self.kept.values()
            if one.notice.lease_id == lease_id and one.done_at is not None and one.failure is None
        ]
        return sorted(found, key=lambda pair: pair[0])

    def given_up(self) -> int:
        """How many were given up."""
        return sum(one.failure not in {None, "stale"} for one in self.kept.values())


class MemoryChoices:
    """Implements `ports.Choices`."""

    def __init__(self) -> None:
        self._kept: dict[str, Choice] = {}

    def of(self, principal_id: str) -> Choice | None:
        """Somebody's."""
        return self._kept.get(principal_id)

    def all(self) -> Sequence[Choice]:
        """Everybody's."""
        return list(self._kept.values())

    def keep(self, choice: Choice) -> None:
        """Write one down, in place of what was."""
        self._kept[choice.principal_id] = choice


class MemoryFeeds:
    """Implements `ports.Feeds`."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, datetime]] = {}

    def make(self, digest: str, principal_id: str, at: datetime) -> None:
        """Let this open somebody's, and nothing that did before."""
        self._kept[principal_id] = digest, at

    def whose(self, digest: str) -> str | None:
        """Whose it opens."""
        return next((who for who, (known, _) in self._kept.items() if known == digest), None)

    def made_at(self, principal_id: str) -> datetime | None:
        """When somebody's was made."""
        known = self._kept.get(principal_id)
        return known[1] if known else None
