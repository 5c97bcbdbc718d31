"""Reading policy documents: patterns as IAM matches them, and what a set of documents allows.

- In actions and ARNs `*` stands for any text and `?` for one character; actions do not mind upper and lower case.
- What is asked here is asked of documents alone. Resources and conditions of an Allow are ignored: whatever may
  be allowed counts as allowed. A Deny counts only where it holds for everything, always.
- A document that is not one (no statements, a statement that is a text) reads as allowing nothing; AWS takes none.

Not here: whether AWS would allow one request. Nothing in keylease decides that; tests ask an independent judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

Statement = Mapping[str, Any]


def statements(document: Mapping[str, Any]) -> list[Statement]:
    """A document's statements; AWS takes a lone one without a list, too."""
    return [statement for statement in as_list(document.get("Statement")) if isinstance(statement, Mapping)]


def as_list(value: object) -> list[Any]:
    """What stands where one value or a list may stand."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def covers(pattern: str, other: str) -> bool:
    """Whether `pattern` matches `other` and, where that is a pattern, everything that it matches."""
    return _compiled(pattern).fullmatch(other.lower()) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "[^*]" if part == "?" else re.escape(part) for part in pattern.lower())
    return re.compile("".join(parts), re.DOTALL)


def overlap(one: str, other: str) -> bool:
    """Whether some action matches both patterns."""
    return _overlap(one.lower(), other.lower())


@cache
def _overlap(one: str, other: str) -> bool:
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _overlap(one[1:], other[1:])


def allows(documents: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Whether the documents together may allow an action, or one that the pattern `action` matches."""
    every = [statement for document in documents for statement in statements(document)]
    if any(covers(pattern, action) for pattern in always_denied(every)):
        return False
    return any(_speaks_of(statement, action) for statement in every if statement.get("Effect") == "Allow")


def _speaks_of(statement: Statement, action: str) -> bool:
    if "NotAction" in statement:
        return not any(covers(str(pattern), action) for pattern in as_list(statement["NotAction"]))
    return any(overlap(str(pattern), action) for pattern in as_list(statement.get("Action")))


def always_denied(of: Iterable[Statement]) -> Iterator[str]:
    """The patterns of actions that these statements deny for every resource, without a condition."""
    for statement in of:
        plain = not statement.keys() - {"Sid", "Effect", "Action", "Resource"}
        if plain and statement.get("Effect") == "Deny" and "*" in as_list(statement.get("Resource")):
            yield from (str(pattern) for pattern in as_list(statement.get("Action")))


def conditions(statement: Statement) -> Iterator[tuple[str, str, list[str]]]:
    """A statement's conditions as operator, key in lower case, values."""
    block = statement.get("Condition")
    if isinstance(block, Mapping):
        for operator, keys in block.items():
            for key, values in keys.items() if isinstance(keys, Mapping) else ():
                yield str(operator), str(key).lower(), [str(value) for value in as_list(values)]
