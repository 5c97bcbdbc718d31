"""What the command line writes: data on stdout, words for people on stderr.

- `--json`: stdout holds one JSON value, and an error is one JSON object on stderr.
- On a terminal tables are drawn. Elsewhere a row is one line of tab-separated values without a heading, with
  ISO instants and plain numbers, never wrapped, so that `cut` and `while read` work.
- Colour only on a terminal, and not where NO_COLOR is set. A question only where somebody can answer it.
- What others wrote (a reason, a name, a title) cannot steer the terminal: control and direction signs are shown
  as a replacement sign.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from keylease.cli.cell import Cell, harmless
from keylease.errors import KeyleaseError


class Terminal:
    """Where a command writes."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.draws = not as_json and _is_terminal(sys.stdout)
        self.talks_to_somebody = _is_terminal(sys.stderr)
        self.is_attended = self.talks_to_somebody and _is_terminal(sys.stdin)
        self.asks = not as_json and self.is_attended

    def json(self, value: object) -> None:
        """One JSON value on stdout, in ASCII: what others wrote cannot steer a terminal from here either."""
        self.write(json.dumps(value, indent=2, ensure_ascii=True))

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Rows on stdout; an empty table is nothing."""
        if self.draws and rows:
            from keylease.cli import drawing

            drawing.table(headings, rows)
        elif not self.draws:
            for row in rows:
                self.write("\t".join(harmless(cell.plain) for cell in row))

    def facts(self, facts: Sequence[tuple[str, Cell]]) -> None:
        """One thing in detail, a line for each of its facts."""
        if self.draws:
            from keylease.cli import drawing

            drawing.facts(facts)
            return
        for name, cell in facts:
            self.write(f"{name}\t{harmless(cell.plain)}")

    def show(self, facts: Sequence[tuple[str, Cell]]) -> None:
        """One thing in detail for the person who is about to be asked, on stderr."""
        from keylease.cli import drawing

        drawing.facts(facts, on_stderr=True)

    def result(self, value: object, row: Sequence[Cell]) -> None:
        """What an act has led to: words were said already, so on a terminal nothing is added."""
        if self.as_json:
            self.json(value)
        elif not self.draws:
            self.table((), [row])

    def write(self, line: str) -> None:
        """A line on stdout as it is."""
        sys.stdout.write(f"{line}\n")

    def say(self, words: str) -> None:
        """A line for people, on stderr; with --json nobody is spoken to."""
        if not self.as_json:
            sys.stderr.write(f"{harmless(words)}\n")

    def tell(self, words: str) -> None:
        """A line for the person who has to act now; with --json too, since else nobody could."""
        sys.stderr.write(f"{harmless(words)}\n")

    def fail(self, failure: KeyleaseError) -> None:
        """A failure, for people or as JSON."""
        self.complain(failure.code, failure.sentence, failure.hint)

    def complain(self, code: str, sentence: str, hint: str) -> None:
        """What went wrong and what to do next."""
        if self.as_json:
            sys.stderr.write(json.dumps({"code": code, "sentence": sentence, "hint": hint}) + "\n")
            return
        red, plain = ("\x1b[1;31m", "\x1b[0m") if colours(sys.stderr) else ("", "")
        first, *others = [harmless(line) for line in sentence.splitlines() or [""]]
        sys.stderr.write(f"{red}error[{code}]:{plain} {first}\n")
        for line in others:
            sys.stderr.write(f"  {line}\n")
        if hint:
            sys.stderr.write(f"hint: {harmless(hint)}\n")

    def ask(self, question: str) -> str:
        """What somebody writes on a line of their own; asked on stderr until it is something."""
        while True:
            sys.stderr.write(f"{harmless(question)} ")
            sys.stderr.flush()
            line = sys.stdin.readline()
            if not line:
                raise KeyboardInterrupt
            if line.strip():
                return line.strip()

    def choose(self, question: str, answers: Sequence[str]) -> str:
        """One of the answers; a beginning that fits one of them alone will do."""
        while True:
            written = self.ask(f"{question} [{'/'.join(answers)}]").lower()
            fitting = [answer for answer in answers if answer.startswith(written)]
            if len(fitting) == 1:
                return fitting[0]

    @contextmanager
    def working(self, words: str) -> Iterator[None]:
        """While something takes its time: words that move, after 300 ms, where somebody looks at stderr."""
        if not self.talks_to_somebody:
            yield
            return
        from keylease.cli import waiting

        with waiting.spinner(words):
            yield


def colours(stream: TextIO) -> bool:
    """Whether to write colours there."""
    return _is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
