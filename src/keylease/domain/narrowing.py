"""Making a permission set smaller by what was really used, as a value.

IAM says of each service when somebody last used it, and of some services' management calls which. So what is taken
out are whole services that nobody used; single actions are only told, since IAM does not follow reads of data.

- `*` becomes the services that were used; an action of an unused service goes; a statement that is left without
  actions goes with it.
- Denials stay. What is allowed by `NotAction` is left alone, and said: it names no services.

Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keylease.domain.statement import Statement, as_list, statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """A smaller document, the patterns that went, and the statements (by number) that could not be narrowed."""

    document: dict[str, Any]
    dropped: tuple[str, ...]
    untouched: tuple[int, ...]


def narrowed(document: Mapping[str, Any], *, used: frozenset[str]) -> Narrowed:
    """The document without the services that are not in `used` (`s3`, `ec2`)."""
    kept: list[Statement] = []
    dropped: list[str] = []
    untouched = []
    for number, statement in enumerate(statements(document), start=1):
        if statement.get("Effect") != "Allow":
            kept.append(statement)
            continue
        if "NotAction" in statement:
            untouched.append(number)
            kept.append(statement)
            continue
        patterns = [str(pattern) for pattern in as_list(statement.get("Action"))]
        left = [new for pattern in patterns for new in _left(pattern, used)]
        dropped += [pattern for pattern in patterns if not list(_left(pattern, used))]
        if left:
            kept.append({**statement, "Action": left})
    return Narrowed(document={**document, "Statement": kept}, dropped=tuple(dropped), untouched=tuple(untouched))


def _left(pattern: str, used: frozenset[str]) -> Iterator[str]:
    if pattern == "*":
        yield from (f"{service}:*" for service in sorted(used))
    elif pattern.partition(":")[0].lower() in used:
        yield pattern
