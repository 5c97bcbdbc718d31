"""A server in a process of its own: keylease, or the floor beside it. `python -m bench.server KIND FOLDER`

Both are FastAPI on uvicorn, run as `keylease serve` runs it, on a port of the loopback address that was free. The
port is the one line on standard output; the server ends when its standard input does, so that none is left behind
by a measurement that was broken off. No pass runs beside it.

The floor answers every call of the API at once and from memory, with what the client wants to see.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from bench.company import SharedCloud, UnwaitingClock, company
from bench.directory import CLIENT
from bench.result import NotMeasured
from keylease.identity.company import openid
from keylease.identity.provider import Registration
from keylease.store import kept, open_ledger
from keylease.web import create
from keylease.web.limits import Limits, Rate

LEDGER, ISSUER, POSTGRES = "keylease.db", "issuer", "postgres"
WIDE = Rate(at_once=10**9, a_second=10**9)
STOP_WITHIN = 10
"""Seconds."""

_ROOT = Path(__file__).resolve().parent.parent
_ANSWER = {"id": "L-floor", "lease": {}, "access_key_id": "none", "secret_access_key": "none", "ready": True}


def keylease(folder: Path) -> FastAPI:
    """keylease with its ledger in a SQLite file."""
    ledger = open_ledger(f"sqlite:///{folder / LEDGER}")
    return create(company(ledger, SharedCloud(UnwaitingClock()), kept(ledger.database)))


def keylease_postgres(folder: Path) -> FastAPI:
    """keylease with its ledger in the PostgreSQL that the folder names."""
    ledger = open_ledger((folder / POSTGRES).read_text())
    return create(company(ledger, SharedCloud(UnwaitingClock()), kept(ledger.database)))


def signing_in(folder: Path) -> FastAPI:
    """The same, whose people sign in at the provider that the folder names; nobody is too fast."""
    ledger = open_ledger(f"sqlite:///{folder / LEDGER}")
    issuer = (folder / ISSUER).read_text()
    clock = UnwaitingClock()
    sign_in = openid(Registration(issuer=issuer, client_id=CLIENT), clock).sign_in
    web = create(company(ledger, SharedCloud(clock), kept(ledger.database), sign_in))
    web.state.limits = Limits(clock, each=WIDE, altogether=WIDE)
    return web


def floor(folder: Path) -> FastAPI:
    """A route that does nothing, run in threads like those of keylease."""
    del folder
    web = FastAPI()

    @web.api_route("/api/{path:path}", methods=["GET", "POST"])
    def answer(path: str) -> dict[str, Any]:
        del path
        return _ANSWER

    return web


KINDS: dict[str, Callable[[Path], FastAPI]] = {
    "keylease": keylease,
    "keylease_postgres": keylease_postgres,
    "directory": signing_in,
    "floor": floor,
}


@contextmanager
def running(kind: str, folder: Path) -> Iterator[str]:
    """Start a server and give its address; none is left when the block is. Raises `NotMeasured`."""
    command = [sys.executable, "-m", "bench.server", kind, str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise NotMeasured(f"the server ({kind}) did not start")
        yield f"http://127.0.0.1:{port}"


def main(kind: str, folder: Path) -> None:
    """Serve until standard input ends."""
    configuration = uvicorn.Config(
        KINDS[kind](folder),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN,
    )
    server = uvicorn.Server(configuration)
    threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
    with _listening() as listening:
        print(listening.getsockname()[1], flush=True)
        server.run(sockets=[listening])


def _listening() -> socket.socket:
    """A socket on a free port. asyncio sends answers without delay only where the protocol is named, as here."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


def _end_with_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
