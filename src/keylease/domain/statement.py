"""Reading policy documents: patterns as IAM matches them, and what a set of documents allows.

- In actions and ARNs `*` stands for any text and `?` for one character; actions do not mind upper and lower case.
- Matching takes one step a character: patterns come from documents that anybody may have written.
- What is asked here is asked of documents alone. Resources and conditions of an Allow are ignored: whatever may
  be allowed counts as allowed. A Deny counts only where it holds for everything, always.
- A document that is not one (no statements, a statement that is a text) reads as allowing nothing; AWS takes none.

Not here: whether AWS would allow one request. Nothing in keylease decides that; tests ask an independent judge.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
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
    pattern, other = pattern.lower(), other.lower()
    return other.startswith(_fixed(pattern)) and _covers(pattern, other)


def _covers(pattern: str, text: str) -> bool:
    """One step a character of the pattern. Each bit of `reached` is a place in the text where it can stand."""
    places, whole = _places(text), (2 << len(text)) - 1
    reached = 1
    for char in pattern:
        if char == "*":
            reached = _from_lowest_on(reached) & whole
        else:
            reached = (reached & (~places["*"] if char == "?" else places[char]) & (whole >> 1)) << 1
    return bool(reached >> len(text))


def overlap(one: str, other: str) -> bool:
    """Whether some action matches both patterns."""
    one, other = one.lower(), re.sub(r"\*+", "*", other.lower())
    first, second = _fixed(one), _fixed(other)
    return (first.startswith(second) or second.startswith(first)) and _overlap(one, other)


def _overlap(one: str, other: str) -> bool:
    """As `_covers`, but a star of the other, which has no two in a row, may take any character or none."""
    places, whole = _places(other), (2 << len(other)) - 1
    stars = places["*"]
    reached = 1 | (stars & 1) << 1
    for char in one:
        if char == "*":
            reached = _from_lowest_on(reached) & whole
        else:
            fitting = whole >> 1 if char == "?" else places[char] | places["?"]
            reached = reached & stars | (reached & fitting & ~stars) << 1
        reached |= (reached & stars) << 1
    return bool(reached >> len(other))


def _places(text: str) -> defaultdict[str, int]:
    """Where each character stands in a text: one bit a place, the lowest for the first."""
    places: defaultdict[str, int] = defaultdict(int)
    for number, char in enumerate(text):
        places[char] |= 1 << number
    return places


def _from_lowest_on(bits: int) -> int:
    """All bits from the lowest one that is set; none where none is."""
    return -(bits & -bits)


@lru_cache(maxsize=4096)
def _fixed(pattern: str) -> str:
    """What stands before a pattern's first wildcard."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0]


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
