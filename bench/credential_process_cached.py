"""credential_process_cached: how long an AWS program waits for credentials that are cached.

Starts the very command that `keylease configure` writes, and beside it the same Python doing nothing
(`-I -S -c pass`), which is the least that anything in Python can take.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.leased_machine import PROCESS, environment, machine
from bench.programs import middle, side_by_side, spread
from bench.result import Result

ROUNDS = 100


def measure() -> Iterator[Result]:
    """One line."""
    with tempfile.TemporaryDirectory() as folder:
        machine(Path(folder))
        taken = side_by_side(
            {"process": PROCESS, "python": (sys.executable, "-I", "-S", "-c", "pass")},
            ROUNDS,
            environment(Path(folder)),
        )
    ours, theirs = middle(taken["process"]), middle(taken["python"])
    yield Result(
        name="credential_process_cached",
        value=ours,
        unit="ms",
        against="python -I -S -c pass",
        ratio=round(ours / theirs, 3),
        more={"against_value": theirs, "rounds": ROUNDS, **spread(taken["process"])},
    )
