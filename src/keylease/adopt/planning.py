"""The dry run as data: who would get which date, who gets advice instead, and who is left alone and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from keylease.adopt.adoption import Promise
from keylease.adopt.candidates import Candidate
from keylease.domain.clock import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an administrator wants. `machines`: date them too; `console`: also users whose console would end.

    `only`: these users and no others. `fallback`: who owns what nobody owns.
    """

    ends_at: datetime
    machines: bool = False
    console: bool = False
    only: frozenset[str] = frozenset()
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A candidate and what happens to it: a promise, or why there is none."""

    candidate: Candidate
    promise: Promise | None
    why_not: str = ""
    mind: tuple[str, ...] = field(default_factory=tuple)
    """What somebody should know before it is dated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All rows."""

    rows: tuple[Row, ...]

    @property
    def promises(self) -> dict[str, Promise]:
        """By user."""
        return {row.candidate.name: row.promise for row in self.rows if row.promise is not None}

    @property
    def digest(self) -> str:
        """The same for the same promises: what was reviewed is what is carried out."""
        lines = [
            f"{name} {promise.owner} {to_text(promise.ends_at)}" for name, promise in sorted(self.promises.items())
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def plan(candidates: Iterable[Candidate], wanted: Wanted) -> Plan:
    """Decide for each candidate."""
    return Plan(rows=tuple(_row(one, wanted) for one in candidates if not wanted.only or one.name in wanted.only))


def _row(one: Candidate, wanted: Wanted) -> Row:
    if reason := _why_not(one, wanted):
        return Row(candidate=one, promise=None, why_not=reason)
    owner = one.owner or wanted.fallback or ""
    promise = Promise(owner=owner, ends_at=wanted.ends_at, keys=one.keys)
    return Row(candidate=one, promise=promise, mind=tuple(_mind(one)))


def _why_not(one: Candidate, wanted: Wanted) -> str:
    if one.adopted:
        return "It is adopted already."
    if one.is_caller:
        return "These are the credentials that you are using."
    if one.advice and not wanted.machines:
        return f"{one.advice} (--machines dates it all the same)"
    if one.has_console and not wanted.console:
        return (
            "Its console sign-in would end with its keys, since no policy tells them apart (--console accepts it)."
        )
    if not one.owner and not wanted.fallback:
        return "Nobody knows its owner: name one (--owners FILE), or --fallback PERSON."
    return ""


def _mind(one: Candidate) -> Iterable[str]:
    if one.has_console:
        yield "its console sign-in ends too"
    if one.advice:
        yield one.advice
    if one.last_used is None:
        yield "its keys were never used"
