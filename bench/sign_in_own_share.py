"""sign_in_own_share: keylease's own part of a sign-in, from the directory's callback to the page asked for.

A real server with its ledger in a SQLite file, and a browser that asks for a page, is sent to the directory, comes
back and gets the page: the stopwatch runs from the callback's request to the page's last byte. The directory is one
that answers at once (`directory.py`); what it was busy for, fetching the token for the code included, is taken off.
What stays is the way over loopback to both, the verification of the ID token, the session, and the page.

Beside it, in turns of the same run, two requests of the same browser go to a server of the same kind whose one
route does nothing: the floor. A sign-in is three transactions within the time measured (the begun one is taken, the
sign-in is recorded, the session is kept), and SQLite waits for the disk at each: `bare_commits_ms` is what as many
take on a bare file beside it.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from bench.directory import Directory, directory
from bench.issue_end_sqlite import bare_commits
from bench.load import milliseconds
from bench.result import NotMeasured, Result
from bench.server import ISSUER, running

SIGN_INS, WARM = 300, 20
COMMITS = 3
PAGE = "/leases"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made once: a client of its own would read all authorities anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lap:
    """Seconds of one sign-in: all of it, and the directory's part."""

    whole: float
    theirs: float


def measure() -> Iterator[Result]:
    """One line. Raises `NotMeasured` where a sign-in did not come to its page."""
    with tempfile.TemporaryDirectory(prefix="keylease-bench-") as name, directory() as theirs:
        folder = Path(name)
        (folder / ISSUER).write_text(theirs.issuer)
        with running("directory", folder) as ours, running("floor", folder) as floor:
            for _ in range(WARM):
                _sign_in(ours, theirs)
            laps, floors = [], []
            for _ in range(SIGN_INS):
                laps.append(_sign_in(ours, theirs))
                floors.append(_floor(floor))
        bare = bare_commits(folder / "bare.db", SIGN_INS * COMMITS) / SIGN_INS
    yield _result(laps, floors, bare)


def _sign_in(address: str, theirs: Directory) -> _Lap:
    with httpx.Client(base_url=address, verify=NO_TLS) as browser:
        asked = browser.get(PAGE)
        begun = browser.get(asked.headers["location"])
        back = urlsplit(theirs.back(begun.headers["location"]))  # its host is the address that people know
        theirs.seconds()
        began = perf_counter()
        entered = browser.get(f"{back.path}?{back.query}")
        page = browser.get(entered.headers.get("location", "/"))
        whole = perf_counter() - began
    if page.status_code != 200 or "Mara Lind" not in page.text:
        raise NotMeasured(f"a sign-in ended with {entered.status_code}, its page with {page.status_code}")
    return _Lap(whole=whole, theirs=theirs.seconds())


def _floor(address: str) -> float:
    with httpx.Client(base_url=address, verify=NO_TLS) as browser:
        browser.get("/api/connect")
        began = perf_counter()
        for _ in range(2):
            browser.get("/api/nothing")
        return perf_counter() - began


def _result(laps: list[_Lap], floors: list[float], bare: float) -> Result:
    ours, floor = milliseconds(lap.whole - lap.theirs for lap in laps), milliseconds(floors)
    theirs = milliseconds(lap.theirs for lap in laps)
    return Result(
        name="sign_in_own_share",
        value=ours["p50_ms"],
        unit="ms",
        against="two requests to a route that does nothing",
        ratio=round(ours["p50_ms"] / floor["p50_ms"], 2),
        more={
            "sign_ins": len(laps),
            **ours,
            **{f"against_{name}": value for name, value in floor.items()},
            "provider_p50_ms": theirs["p50_ms"],
            "commits": COMMITS,
            "bare_commits_ms": round(bare * 1000, 2),
        },
    )
