"""How long the command line takes to begin: `keylease list` with a server, and `keylease --version`.

Both sides are run in turn, so that what else the machine does falls on either alike; the middle of the runs counts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.company import OWNER
from bench.result import NotMeasured, Result
from bench.server import running

RUNS = 15
PYTHON = (sys.executable,)
KEYLEASE = (str(Path(sys.executable).with_name("keylease")),)


def start() -> Iterator[Result]:
    """`keylease list` against importing what it is made with."""
    with TemporaryDirectory() as folder, running("keylease", Path(folder)) as address:
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "KEYLEASE_SERVER": address}
        environment |= {"KEYLEASE_UNSAFE_PERSON": OWNER}
        yield _beside(
            "cli_start",
            (*KEYLEASE, "list"),
            (*PYTHON, "-c", "import typer, rich, httpx"),
            goal=1.2,
            environment=environment,
        )


def version() -> Iterator[Result]:
    """`keylease --version` against an interpreter that does nothing."""
    environment = {"PATH": os.environ["PATH"]}
    yield _beside(
        "cli_version",
        (*KEYLEASE, "--version"),
        (*PYTHON, "-I", "-S", "-c", "pass"),
        goal=2,
        environment=environment,
    )


def _beside(
    name: str, ours: Sequence[str], theirs: Sequence[str], *, goal: float, environment: dict[str, str]
) -> Result:
    took: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number in range(RUNS + 1):
        for side, command in (("ours", ours), ("theirs", theirs)):
            began = perf_counter()
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
            if done.returncode != 0:
                raise NotMeasured(f"{' '.join(command)} ended with {done.returncode}")
            if number:  # the first of each reads the disk
                took[side].append(perf_counter() - began)
    own, other = (statistics.median(took[side]) * 1000 for side in ("ours", "theirs"))
    return Result(
        name=name,
        value=round(own, 1),
        unit="ms",
        against=" ".join(("python", *theirs[1:])),
        ratio=round(own / other, 2),
        more={"against_value": round(other, 1), "goal": goal, "runs": RUNS},
    )
