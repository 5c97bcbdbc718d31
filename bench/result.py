"""What a measurement says: a line of JSON for programs, a row of a table for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_COLUMNS = ("measurement", "value", "unit", "ratio", "against")


class NotMeasured(Exception):
    """A measurement came to nothing; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure. `against` is what was run or written beside it, `ratio` is ours to theirs.

    `case` tells the lines of a measurement with more than one apart. `more` are fields that this measurement
    alone has; docs/bench.md explains them.
    """

    name: str
    value: float
    unit: str
    case: str | None = None
    against: str | None = None
    ratio: float | None = None
    more: Mapping[str, object] = field(default_factory=dict)

    def line(self) -> str:
        """The figure as one JSON object on one line, without what it does not have."""
        own = {name: getattr(self, name) for name in ("name", "case", "value", "unit", "against", "ratio")}
        present = {name: value for name, value in own.items() if value is not None}
        return json.dumps(dict(**present, **self.more))  # a field that is there twice is a TypeError


def table(results: Sequence[Result]) -> str:
    """All figures as lines of aligned text."""
    rows = [_COLUMNS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(_aligned(row, widths) for row in rows)


def _row(result: Result) -> tuple[str, ...]:
    name = f"{result.name}, {result.case}" if result.case else result.name
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    return (name, f"{result.value:,}", result.unit, ratio, result.against or "")


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    name, value, unit, ratio, against = (
        text.rjust(width) if column in {1, 3} else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"{name}  {value} {unit}  {ratio}  {against}".rstrip()
