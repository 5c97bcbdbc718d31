"""expiry_lag: how long after `expires_at` AWS still serves the access key, as the demo sees it.

Runs `keylease demo --json`, the whole main job on an AWS that runs here, and takes its figure: the time from
`expires_at` to the first refused probe. Probes are half a second apart, and the demo tells the time in whole
seconds, rounded down: 0 means that the key was refused within the very second in which its lease ended. A probe
that succeeded at or after that second is a failure of the demo, and nothing is measured then.

ministack judges the date in the fence by the clock of the same machine: what two clocks differ by is not in it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bench.result import NotMeasured, Result
from keylease.sandbox.demo import PROBE_EVERY

RESOLUTION = 1
"""Seconds; the demo's clock is keylease's own, which knows no fractions of one."""
WITHIN = 300
"""Seconds; the demo takes about one minute."""
SEEN = ("expires_at", "last_success_at", "first_refusal_at", "refusal_error", "successes_after_expiry")


def measure() -> Iterator[Result]:
    """One line, with what the demo saw. Raises `NotMeasured` where it did not see all it should."""
    seen = _demo()
    lag = seen["expiry_lag_seconds"]
    yield Result(
        name="expiry_lag",
        value=lag,
        unit="s",
        against=f"the probe interval, {PROBE_EVERY} s",
        ratio=round(lag / PROBE_EVERY, 3),
        more={"resolution_s": RESOLUTION, **{name: seen[name] for name in SEEN}},
    )


def _demo() -> dict[str, Any]:
    command = [sys.executable, "-m", "keylease", "demo", "--json"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=WITHIN, check=False)
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"the demo did not end within {WITHIN} s") from None
    try:
        seen: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise NotMeasured("the demo said nothing that can be read") from None
    if done.returncode != 0 or seen["failure"] is not None:
        raise NotMeasured(f"the demo ended with {done.returncode}: {seen['failure']}")
    return seen
