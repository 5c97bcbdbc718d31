"""audit_vs_floor: keylease's audit of the IAM facts, beside a script that fetches the same and looks at none of it.

With the ids of access keys and without, on accounts of 100, 1,000 and 5,000 users. Both are programs of their own
and take turns; the middle of the rounds counts.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.audited import SIZES, Run, Seeded, beside, keylease, seeded
from bench.result import Result

FLOOR = [sys.executable, str(Path(__file__).with_name("audit_floor.py"))]
ROUNDS = {100: 5, 1000: 3, 5000: 3}


def measure() -> Iterator[Result]:
    """Two lines for each size."""
    for users in SIZES:
        with seeded(users) as account:
            yield _line(account, ())
            yield _line(account, ("--key-ids",))


def _line(account: Seeded, words: tuple[str, ...]) -> Result:
    ours: list[Run] = []
    theirs: list[Run] = []
    for _ in range(ROUNDS[account.users]):
        theirs.append(account.run([*FLOOR, *words]))
        ours.append(account.run(keylease(*words)))
    mine, floor = _middle(ours), _middle(theirs)
    return Result(
        name="audit_vs_floor",
        case=f"{account.users} users{', key ids' if words else ''}",
        value=mine.seconds,
        unit="s",
        against="a script that only fetches",
        ratio=round(mine.seconds / floor.seconds, 3),
        more=dict(beside(mine, floor)),
    )


def _middle(runs: list[Run]) -> Run:
    middle = statistics.median_low(run.seconds for run in runs)
    return next(run for run in runs if run.seconds == middle)
