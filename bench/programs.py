"""Programs that are started again and again, side by side, and how long each took.

They take turns, so whatever else runs on the machine slows all of them alike. Their output goes nowhere.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence

from bench.result import NotMeasured


def side_by_side(
    commands: Mapping[str, Sequence[str]], rounds: int, environment: Mapping[str, str]
) -> dict[str, list[float]]:
    """Milliseconds of each start of each command. Raises `NotMeasured` where one does not end with 0."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            began = time.perf_counter()
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
            taken[name].append((time.perf_counter() - began) * 1000)
            if done.returncode != 0:
                raise NotMeasured(f"{name} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return taken


def middle(taken: Sequence[float]) -> float:
    """The median, in milliseconds."""
    return round(statistics.median(taken), 2)


def spread(taken: Sequence[float]) -> dict[str, float]:
    """The least and the ninetieth of a hundred, in milliseconds."""
    return {"min_ms": round(min(taken), 2), "p90_ms": round(statistics.quantiles(taken, n=10)[-1], 2)}
