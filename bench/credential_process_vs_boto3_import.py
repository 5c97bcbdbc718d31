"""credential_process_vs_boto3_import: the same, beside a Python program that imports boto3 and does nothing else.

That is where a helper begins which is written with AWS's own SDK.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.leased_machine import PROCESS, environment, machine
from bench.programs import middle, side_by_side, spread
from bench.result import Result

ROUNDS = 20


def measure() -> Iterator[Result]:
    """One line."""
    with tempfile.TemporaryDirectory() as folder:
        machine(Path(folder))
        taken = side_by_side(
            {"process": PROCESS, "boto3": (sys.executable, "-c", "import boto3")}, ROUNDS, environment(Path(folder))
        )
    ours, theirs = middle(taken["process"]), middle(taken["boto3"])
    yield Result(
        name="credential_process_vs_boto3_import",
        value=ours,
        unit="ms",
        against="import boto3",
        ratio=round(ours / theirs, 3),
        more={"against_value": theirs, "rounds": ROUNDS, **spread(taken["process"])},
    )
