"""start_20k, start_200k: from starting `keylease serve` to its first answer at /readyz, by leases in the ledger.

A process of its own each time, with a ledger in SQLite; the best of three, since what else the machine does only
adds. Beside each stands the same start with an empty ledger in the same run: nothing is read at the start that
grows.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from bench.many import active, put
from bench.result import NotMeasured, Result
from keylease.domain.clock import SystemClock
from keylease.store import open_ledger

SIZES = {"start_20k": 20_000, "start_200k": 200_000}
TRIES, WITHIN, LIMIT = 3, 60.0, 2.0
CLOCK = SystemClock()


def measure() -> Iterator[Result]:
    """Seconds to the first answer."""
    with tempfile.TemporaryDirectory(prefix="keylease-bench-") as folder:
        empty = _best(Path(folder))
        there = 0
        for name, size in SIZES.items():
            _fill(Path(folder), there, size)
            there = size
            seconds = _best(Path(folder))
            yield Result(
                name=name,
                value=round(seconds, 2),
                unit="s",
                against="the same start with an empty ledger",
                ratio=round(seconds / empty, 3),
                more={"leases": size, "against_value": round(empty, 2), "limit": LIMIT},
            )


def _fill(folder: Path, there: int, size: int) -> None:
    ends = CLOCK.now() + timedelta(weeks=1)
    with closing(open_ledger(f"sqlite:///{folder / 'keylease.db'}")) as ledger:
        put(ledger, (active(number, "media", ends) for number in range(there, size)))


def _best(folder: Path) -> float:
    return min(_start(folder) for _ in range(TRIES))


def _start(folder: Path) -> float:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "keylease.toml").write_text(f'[server]\nlisten = "127.0.0.1:{port}"\n')
    began = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "keylease", "serve"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while perf_counter() - began < WITHIN:
            if _is_ready(port):
                return perf_counter() - began
            CLOCK.sleep(0.01)
    finally:
        process.terminate()
        process.wait(30)
    raise NotMeasured(f"the server did not answer within {WITHIN} s")


def _is_ready(port: int) -> bool:
    address, direct = f"http://127.0.0.1:{port}/readyz", build_opener(ProxyHandler({}))
    with suppress(URLError, OSError), direct.open(address, timeout=5) as answer:
        return bool(answer.status == 200)
    return False
