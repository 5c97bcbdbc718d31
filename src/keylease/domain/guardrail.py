"""Guardrails as values: what an account should hold, what it holds, and the changes that lead there.

- A *resource* is one thing in AWS that the baseline wants: its kind, its name, why, and all of its properties.
- What is *found* says whether it is ours: by its path, its tag or its name. What is not ours is never changed nor
  deleted, unless somebody adopts that one thing by its key (`group/developers`).
- A plan is sorted: first what observes, then what gives, then what settles, and what denies comes last. What is
  deleted comes after all that, in the opposite order. The digest covers all that is changed, from what and to what.
- Properties are plain JSON. Those that a resource does not name stay as they are.

Nothing here calls AWS, and nothing knows what a kind is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

Properties = Mapping[str, Any]

SETS_PATH = "/keylease/baseline/"
"""Groups and policies of permission sets that the baseline made."""
CEILINGS_PATH = "/keylease/ceiling/baseline/"
LAUNCHES_PATH = "/keylease/launch/baseline/"
"""Instance profiles."""
PEOPLE_PATH = "/keylease-baseline/"
"""What administers or guards the account: outside `/keylease/`, where the broker may put users into groups."""
COST_PATH = "/keylease-baseline/cost/"
"""The policy that AWS itself attaches where a budget is used up."""
OUR_PATHS = {
    SETS_PATH: "sets",
    CEILINGS_PATH: "sets",
    LAUNCHES_PATH: "launch",
    PEOPLE_PATH: "people",
    COST_PATH: "cost",
}
"""The part of the baseline that each path belongs to."""

FEW = 3
"""So many deletions are never too many, however few things there are."""


def same(one: object, other: object) -> bool:
    """Whether two properties say the same. AWS may give lists of names in another order, and a lone one bare."""
    return _plain(one) == _plain(other)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = [_plain(each) for each in value]
        if len(inner) == 1:
            return inner[0]
        return sorted(inner, key=str) if all(isinstance(each, str) for each in inner) else inner
    return value


class Phase(IntEnum):
    """When a resource is made. What is deleted goes in the opposite order."""

    OBSERVE = 0
    GIVE = 1
    SETTLE = 2
    DENY = 3


class Verb(StrEnum):
    """What a change does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One thing that should be there. `guardrail` is the switch that wants it, `reason` says why in a sentence."""

    kind: str
    name: str
    guardrail: str
    reason: str
    properties: Properties
    phase: Phase = Phase.GIVE

    @property
    def key(self) -> str:
        """Its kind and name: `group/keylease-administrators`."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that is there. `part`: the part of the baseline that it belongs to, where it is ours.

    `holds`: why it cannot be deleted. `strange`: what a person should know of it.
    """

    kind: str
    name: str
    properties: Properties
    ours: bool
    part: str = ""
    phase: Phase = Phase.GIVE
    holds: str = ""
    strange: str = ""

    @property
    def key(self) -> str:
        """Its kind and name."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One create, update or delete, with the properties as they are and as they will be."""

    verb: Verb
    kind: str
    name: str
    guardrail: str
    reason: str
    before: Properties | None
    after: Properties | None

    @property
    def key(self) -> str:
        """The kind and name of what is changed."""
        return f"{self.kind}/{self.name}"

    @property
    def differing(self) -> tuple[str, ...]:
        """The names of the properties that change."""
        before, after = self.before or {}, self.after or {}
        names = {*before, *after}
        return tuple(sorted(name for name in names if not same(before.get(name), after.get(name))))

    def back(self, *, now: Properties | None) -> Change | None:
        """The change that leads from what is there `now` back to what was there before; None where that is it."""
        if same(now, self.before):
            return None
        verb = Verb.DELETE if self.before is None else Verb.CREATE if now is None else Verb.UPDATE
        return Change(
            verb=verb,
            kind=self.kind,
            name=self.name,
            guardrail=self.guardrail,
            reason=f"It takes back: {self.verb}.",
            before=now,
            after=self.before,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One thing that is left as it is though it is not as it should be, and why."""

    key: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is changed in one account, in order, and what is left alone. `ours` counts what is ours there now."""

    account: str
    changes: tuple[Change, ...]
    left: tuple[Left, ...] = ()
    ours: int = 0

    @property
    def digest(self) -> str:
        """Of all that is changed, from what and to what, and in which account."""
        lines = [self.account, *(_canonical(change) for change in self.changes)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def deletes(self) -> int:
        """How many things it deletes."""
        return sum(change.verb is Verb.DELETE for change in self.changes)

    def deletes_more_than(self, share: float) -> bool:
        """Whether it deletes more than this share of what is ours, and more than a few."""
        return self.deletes > max(FEW, share * self.ours)


def _canonical(change: Change) -> str:
    told = (change.verb, change.kind, change.name, change.before, change.after)
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def plan(desired: Iterable[Resource], *, account: str, found: Iterable[Found], adopt: Collection[str] = ()) -> Plan:
    """What leads from `found` to `desired`. `adopt`: keys of things that are treated as ours from now on.

    Raises `ValueError` where two resources have one key.
    """
    there, desired = {one.key: one for one in found}, list(desired)
    wanted = {one.key: one for one in desired}
    if len(wanted) != len(desired):
        raise ValueError("two guardrails want the same thing differently")
    in_order = sorted(wanted.values(), key=lambda one: one.phase)  # sorted keeps the order within a phase
    steps = [_step(one, there.get(one.key), adopt) for one in in_order]
    gone = sorted((one for one in reversed(there.values()) if one.key not in wanted), key=lambda one: -one.phase)
    steps += [_removal(one, adopt) for one in gone]
    return Plan(
        account=account,
        changes=tuple(step for step in steps if isinstance(step, Change)),
        left=tuple(step for step in steps if isinstance(step, Left)),
        ours=sum(one.ours for one in there.values()),
    )


def _step(resource: Resource, found: Found | None, adopt: Collection[str]) -> Change | Left | None:
    before = None if found is None else {name: found.properties.get(name) for name in resource.properties}
    if same(before, resource.properties):
        return None
    if found is not None and not found.ours and found.key not in adopt:
        sentence = f"keylease did not make it, and it is not as it should be: --adopt {found.key} changes it."
        return Left(key=found.key, sentence=sentence)
    return Change(
        verb=Verb.CREATE if found is None else Verb.UPDATE,
        kind=resource.kind,
        name=resource.name,
        guardrail=resource.guardrail,
        reason=resource.reason,
        before=before,
        after=resource.properties,
    )


def _removal(found: Found, adopt: Collection[str]) -> Change | Left | None:
    ours = found.ours or found.key in adopt
    if found.strange and not ours:
        return Left(key=found.key, sentence=f"{found.strange} --adopt {found.key} takes it away.")
    if not ours:
        return None
    if found.holds:
        return Left(key=found.key, sentence=f"It is no longer wanted, but {found.holds}")
    return Change(
        verb=Verb.DELETE,
        kind=found.kind,
        name=found.name,
        guardrail="",
        reason="No guardrail wants it any more.",
        before=found.properties,
        after=None,
    )


def words(plan: Plan) -> Iterator[str]:
    """The plan as lines of text, with every document in full."""
    for change in plan.changes:
        yield f"{change.verb} {change.key}: {change.reason}"
        for name in change.differing:
            for sign, properties in (("-", change.before), ("+", change.after)):
                if properties is not None and name in properties:
                    text = json.dumps(properties[name], indent=2, sort_keys=True)
                    yield from (f"  {sign} {line}" for line in f"{name}: {text}".splitlines())
    for left in plan.left:
        yield f"left {left.key}: {left.sentence}"
