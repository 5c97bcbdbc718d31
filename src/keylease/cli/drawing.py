"""What is drawn on a terminal. The only module of the command line that needs Rich, loaded when something is drawn.

Texts are drawn as they are: nothing in them is read as markup, and what would steer the terminal is replaced.
Identifiers and times are not broken over two lines while there is room; what gives way is words.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from keylease.cli.cell import Cell, harmless

GAP = 3
WORDY = frozenset({"WHAT", "REASON", "DETAILS", "DONE"})
"""The columns that hold words, which may stand on several lines."""
NARROW = 60
"""Columns below which a row stands as a block of lines of its own."""
LEAST_WORDS = 12
"""How much room words need for that; with less every column is broken."""


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """A table without lines, its headings dim."""
    console = Console(highlight=False)
    if console.width < NARROW:
        _blocks(console, headings, rows)
        return
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    has_room = _fixed(headings, rows) + LEAST_WORDS <= console.width
    for heading in headings:
        drawn.add_column(heading, no_wrap=has_room and heading not in WORDY, overflow="fold")
    for row in rows:
        drawn.add_row(*map(_text, row))
    console.print(drawn)


def _blocks(console: Console, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """A row over several lines, for a terminal on which a table has no room; what is empty is left out."""
    for number, row in enumerate(rows):
        if number:
            console.print()
        console.print(_text(row[0]), overflow="fold")
        for heading, cell in zip(headings[1:], row[1:], strict=True):
            if cell.people:
                console.print(Text.assemble((f"  {heading.lower()} ", "dim"), _text(cell)), overflow="fold")


def facts(facts: Sequence[tuple[str, Cell]], *, on_stderr: bool = False) -> None:
    """Names on the left, values on the right."""
    drawn = Table(box=None, pad_edge=False, show_header=False, padding=(0, GAP, 0, 0))
    drawn.add_column(no_wrap=True, style="dim")
    drawn.add_column(overflow="fold")
    for name, cell in facts:
        drawn.add_row(name, _text(cell))
    Console(stderr=on_stderr, highlight=False).print(drawn)


def _text(cell: Cell) -> Text:
    linked = Style(link=cell.link) if cell.link else Style.null()
    return Text(harmless(cell.people), style=Style.parse(cell.style) + linked)


def _fixed(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> int:
    """The width of all columns that are never broken."""
    columns = zip(headings, *([cell.people for cell in row] for row in rows), strict=True)
    return sum(max(map(len, column)) + GAP for column in columns if column[0] not in WORDY)
