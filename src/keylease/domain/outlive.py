"""What outlives an access key, as data.

`outlive.toml` is the list: every action that was judged, what it gives, how long that lives on, and what is done
about it; and the patterns by which the fence denies, block by block. It is read once, when it is first asked.

What no fence can stop is told instead: `tells` says it in plain sentences, to the person who asks for a
permission set and to the one who approves.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from keylease.domain.statement import allows, covers, statements

GRANT = "kms:CreateGrant"
"""Part of the share block, in a statement of its own: AWS services need grants, people seldom do."""

GRANT_BY_HAND: Mapping[str, Any] = {"BoolIfExists": {"kms:GrantIsForAWSResource": "false"}}
"""The condition that no AWS service asks for the grant."""

SHARED = "It can open the account's data to others (resource policies, snapshots, keys); what is open stays open."
"""Said of a permission set that lifts the share block."""


class Verdict(StrEnum):
    """What is done about an action. The first four are blocks of the fence."""

    CORE = "core"
    SHARE = "share"
    LAST_12 = "last-12"
    LAST_1 = "last-1"
    TELL = "tell"
    ACCEPT = "accept"


BLOCKS = (Verdict.CORE, Verdict.SHARE, Verdict.LAST_12, Verdict.LAST_1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One action, or a pattern of actions, that somebody judged.

    `source`: M machine-readable model, D documentation, T third party, K general knowledge. `listed`: whether the
    published IAM data knows the name. `says`: the sentence for people, where the verdict is to tell.
    """

    action: str
    gives: str
    life: str
    verdict: Verdict
    source: str
    listed: bool
    says: str | None


@cache
def _list() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("outlive.toml").read_text("utf-8"))


@cache
def judged() -> tuple[Judged, ...]:
    """The whole list, in the order in which it is written."""
    return tuple(_record(verdict, entry, action) for verdict, entry in _entries() for action in entry["actions"])


def _entries() -> Iterable[tuple[Verdict, Mapping[str, Any]]]:
    return ((verdict, entry) for verdict in Verdict for entry in _list()[verdict])


def _record(verdict: Verdict, entry: Mapping[str, Any], action: str) -> Judged:
    return Judged(
        action=action,
        gives=entry["gives"],
        life=entry["life"],
        verdict=verdict,
        source=entry["source"],
        listed=not entry.get("unlisted", False),
        says=entry.get("says"),
    )


@cache
def denied(block: str) -> tuple[str, ...]:
    """The patterns of actions that a block denies, sorted: `iam:A*`. Blocks are those of `[deny]`."""
    services: Mapping[str, list[str]] = _list()["deny"][block]
    return tuple(sorted(f"{service}:{name}" for service, names in services.items() for name in names))


def block_of(action: str) -> Verdict | None:
    """The block of the fence that denies an action; None where none does."""
    if action.lower() == GRANT.lower():
        return Verdict.SHARE
    return next((block for block in BLOCKS if any(covers(pattern, action) for pattern in denied(block))), None)


def tells(documents: Iterable[Mapping[str, Any]], *, share: bool = False) -> tuple[str, ...]:
    """What people must know of a permission set that has these policy documents: one sentence a class.

    `share`: whether the permission set lets data be opened to others. Resources and conditions are ignored, so
    it says rather too much than too little.
    """
    documents = tuple(documents)
    says = [entry["says"] for entry in _list()["tell"] if _any_allowed(documents, entry["actions"])]
    if share and (_any_allowed(documents, denied(Verdict.SHARE)) or _may_grant(documents)):
        says.append(SHARED)
    return tuple(dict.fromkeys(says))


def _may_grant(documents: tuple[Mapping[str, Any], ...]) -> bool:
    every = [statement for document in documents for statement in statements(document)]
    by_hand = any(one.get("Action") == GRANT and one.get("Condition") == GRANT_BY_HAND for one in every)
    return allows(documents, GRANT) and not by_hand


def _any_allowed(documents: tuple[Mapping[str, Any], ...], actions: Iterable[str]) -> bool:
    return any(allows(documents, action) for action in actions)
