"""What each apply keeps, so that it can be taken back: one file of its owner's alone, written before each change.

A file holds, a JSON object a line, the account with the plan's digest, each change with the properties before and
after, and then what became of each: a change is *begun* before AWS is asked and *done* after it. What was begun and
never done is taken back too: nobody knows how far it came. A file that was taken back says so and stays.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from keylease.agent import private_file
from keylease.domain import clock
from keylease.domain.guardrail import Change, Verb
from keylease.errors import FileNotWritten, KeptBroken, NothingKept

State = Literal["planned", "begun", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One apply as it was kept."""

    path: Path
    account: str
    digest: str
    began: datetime
    changes: tuple[Change, ...]
    states: tuple[State, ...]
    taken_back: bool = False

    @property
    def undoable(self) -> tuple[tuple[Change, State], ...]:
        """The changes that were begun, the last one first."""
        pairs = list(zip(self.changes, self.states, strict=True))
        return tuple(pair for pair in reversed(pairs) if pair[1] != "planned")

    def with_state(self, number: int, state: State) -> Kept:
        """The same with one change in another state, written down."""
        _append(self.path, {"change": number, "state": state})
        return replace(self, states=(*self.states[:number], state, *self.states[number + 1 :]))

    def as_taken_back(self) -> Kept:
        """The same, taken back, written down."""
        _append(self.path, {"taken_back": True})
        return replace(self, taken_back=True)


def keep(folder: Path, *, account: str, digest: str, changes: Sequence[Change], now: datetime) -> Kept:
    """Begin a new file. Raises `FileNotWritten`."""
    name = f"{now:%Y%m%dT%H%M%SZ}-{digest[:12]}"
    number = sum(1 for _ in (folder / account).glob("*.jsonl"))
    path = folder / account / f"{number:04d}-{name}.jsonl"
    head = {"account": account, "digest": digest, "began": clock.to_text(now)}
    lines = [head, *(asdict(change) for change in changes)]
    private_file.write(path, lambda _: "".join(f"{json.dumps(line)}\n" for line in lines).encode())
    return read(path)


def _append(path: Path, line: object) -> None:
    """Add a line and wait until the disk has it. Raises `FileNotWritten`."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be written: {error.strerror}.") from None


def every(folder: Path, account: str) -> Iterator[Kept]:
    """All that was kept of an account, the oldest first. Raises `KeptBroken`."""
    for path in sorted((folder / account).glob("*.jsonl")):
        yield read(path)


def last(folder: Path, account: str) -> Kept:
    """The newest apply that was not taken back. Raises `NothingKept`."""
    standing = [one for one in every(folder, account) if not one.taken_back and one.undoable]
    if not standing:
        raise NothingKept(f"No apply in the account {account} is left to take back.")
    return standing[-1]


def read(path: Path) -> Kept:
    """One file. Raises `KeptBroken`."""
    try:
        text = private_file.read(path).decode()
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return _kept(path, lines)
    except (ValueError, KeyError, TypeError, IndexError) as wrong:
        raise KeptBroken(f"{path} cannot be read as what an apply kept ({type(wrong).__name__}).") from None


def _kept(path: Path, lines: Sequence[Mapping[str, Any]]) -> Kept:
    """A last line without its end was being written when the machine stopped: it does not count."""
    head, *rest = lines
    changes = [_change(line) for line in rest if "verb" in line]
    states: list[State] = ["planned"] * len(changes)
    for line in rest:
        if "state" in line:
            states[line["change"]] = line["state"]
    return Kept(
        path=path,
        account=head["account"],
        digest=head["digest"],
        began=clock.from_text(head["began"]),
        changes=tuple(changes),
        states=tuple(states),
        taken_back=any("taken_back" in line for line in rest),
    )


def _change(line: Mapping[str, Any]) -> Change:
    named = {name: value for name, value in line.items() if name != "verb"}
    return Change(verb=Verb(line["verb"]), **named)
