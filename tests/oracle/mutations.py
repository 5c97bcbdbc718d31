"""Policies with one thing wrong: a statement less, a condition less, a condition turned round, a date moved.

Whoever judges a policy by a table must see that the table notices each of these.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from keylease.domain import clock

TURNED = {
    "DateLessThan": "DateGreaterThanEquals",
    "DateGreaterThanEquals": "DateLessThan",
    "ArnLike": "ArnNotLike",
    "ArnNotLike": "ArnLike",
    "StringEquals": "StringNotEquals",
    "NumericLessThanEquals": "NumericGreaterThan",
    "StringLike": "StringNotLike",
    "ForAllValues:StringLike": "ForAllValues:StringNotLike",
}
Document = Mapping[str, Any]


def mutations(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each mutation of a document, with what it is."""
    for number, statement in enumerate(document["Statement"]):
        name = f"statement {number + 1}"
        yield f"{name} is gone", _with(document, number, None)
        for what, changed in _statement_mutations(statement):
            yield f"{name} {what}", _with(document, number, changed)


def _with(document: Document, number: int, statement: dict[str, Any] | None) -> dict[str, Any]:
    changed = copy.deepcopy(dict(document))
    changed["Statement"][number : number + 1] = [] if statement is None else [statement]
    return changed


def _statement_mutations(statement: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    if statement["Effect"] == "Allow" and statement.get("Resource", "*") != "*":
        yield "allows it on everything", {**statement, "Resource": "*"}
    if "NotResource" in statement:
        rest = {key: value for key, value in statement.items() if key != "NotResource"}
        yield "denies it everywhere", {**rest, "Resource": "*"}
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            yield f"has no {operator} {key}", _condition(statement, operator, key, {})
            for what, other in _condition_mutations(operator, value):
                yield (
                    f"has {key} {what}",
                    _condition(statement, operator, key, {k: {key: v} for k, v in other.items()}),
                )


def _condition(statement: Document, operator: str, key: str, new: dict[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = copy.deepcopy(statement["Condition"])
    del block[operator][key]
    kept = {name: keys for name, keys in block.items() if keys} | new
    rest = {name: value for name, value in statement.items() if name != "Condition"}
    return {**rest, **({"Condition": kept} if kept else {})}


def _condition_mutations(operator: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if operator in TURNED:
        yield "turned round", {TURNED[operator]: value}
    if operator.startswith("Date"):
        for seconds in (-1, 1):
            yield (
                f"moved by {seconds} s",
                {operator: clock.to_text(clock.from_text(value) + timedelta(seconds=seconds))},
            )
    if operator == "BoolIfExists":
        yield "turned round", {operator: "true"}
        yield "only where it exists", {"Bool": value}
