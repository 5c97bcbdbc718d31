"""A row of doctor's answer: what was looked at, whether it is well, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from keylease.errors import KeyleaseError


class Verdict(StrEnum):
    """`fix`: keylease does not work like this, or is not safe. `not checked` says nothing either way."""

    OK = "ok"
    FIX = "fix"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was looked at. `account` is its name in the configuration; None for keylease itself.

    `statement` is what `remedy` says to add to a policy. A row that is not ok always has a remedy.
    """

    check: str
    verdict: Verdict
    sentence: str
    remedy: str = ""
    statement: Mapping[str, Any] | None = None
    account: str | None = None


def many(count: int, thing: str) -> str:
    """`1 user`, `1,200 users`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def ok(check: str, sentence: str) -> Row:
    """It is well, or is only told."""
    return Row(check=check, verdict=Verdict.OK, sentence=sentence)


def fix(check: str, sentence: str, remedy: str, statement: Mapping[str, Any] | None = None) -> Row:
    """Something to mend."""
    return Row(check=check, verdict=Verdict.FIX, sentence=sentence, remedy=remedy, statement=statement)


def failed(check: str, failure: KeyleaseError) -> Row:
    """Something that does not work, by its own words."""
    return fix(check, failure.sentence, failure.hint)


def unknown(check: str, what: str, failure: KeyleaseError) -> Row:
    """Something that could not be looked at, and why; `what` begins a sentence: `The groups`."""
    sentence = f"{what} could not be looked at: {failure.sentence}"
    return Row(check=check, verdict=Verdict.NOT_CHECKED, sentence=sentence, remedy=failure.hint)
