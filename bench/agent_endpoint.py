"""agent_endpoint: how long the agent takes to answer at 500 requests a second, and how much memory it needs.

A real agent (`keylease agent`) with a server that hands out short sessions, so that an hour's worth of renewals and
more goes by while it is asked. A request is one connection and one GET, as Cyberduck makes them, and is due at a
fixed moment, whether or not the one before was answered, so a stall is not hidden by asking less.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from bench.leased_machine import LEASE, environment
from bench.programs import middle
from bench.result import NotMeasured, Result
from keylease.agent.doors import Doors, doors
from keylease.agent.machine import Known, Machine
from keylease.domain.clock import SystemClock, to_text

RATE, SECONDS = 500, 20
LASTS = timedelta(seconds=8)
"""Of a session here. An hour's worth of sessions of an hour are two; here there are several."""
START_WITHIN = 20
LIMIT_MS, LIMIT_MB = 5, 60
ROOT = Path(__file__).resolve().parent.parent


def measure() -> Iterator[Result]:
    """Two lines: the time and the memory. Raises `NotMeasured`."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _server() as (address, given),
        _agent(Path(folder), address) as (
            process,
            found,
        ),
    ):
        path = urlsplit(found.context_url(LEASE)).path
        waited, busy = _measured(process, found.port, path)
        memory = process.memory_info().rss / 2**20
        renewals = len(given) - 1
    with _bare() as (process, port):
        floor, floor_busy = _measured(process, port, "/")
    p99 = _of(waited, 0.99)
    cpu = {"cpu_ms": busy, "floor_cpu_ms": floor_busy}
    facts = {"rate": RATE, "requests": len(waited), "p50_ms": middle(waited), "max_ms": round(waited[-1], 2)}
    floors = {"floor_p50_ms": middle(floor), "floor_p99_ms": _of(floor, 0.99)}
    yield Result(
        name="agent_endpoint",
        case="p99",
        value=p99,
        unit="ms",
        against=f"{LIMIT_MS} ms",
        ratio=round(p99 / LIMIT_MS, 3),
        more=facts | floors | cpu | {"renewals": renewals},
    )
    yield Result(
        name="agent_endpoint",
        case="memory",
        value=round(memory, 1),
        unit="MB",
        against=f"{LIMIT_MB} MB",
        ratio=round(memory / LIMIT_MB, 3),
        more={"renewals": renewals},
    )


def _measured(process: psutil.Process, port: int, path: str) -> tuple[list[float], float]:
    """How long each request took, in order, and the processor's time that the server spent on one, in ms."""
    before = sum(process.cpu_times()[:2])
    waited = sorted(asyncio.run(_asked(port, path)))
    return waited, round((sum(process.cpu_times()[:2]) - before) * 1000 / len(waited), 3)


def _of(waited: list[float], share: float) -> float:
    return round(waited[int(len(waited) * share)], 2)


async def _asked(port: int, path: str) -> list[float]:
    """Milliseconds from when each request was due to when its answer was there.

    Each is begun when it is due: thousands that wait from the start would make whoever asks late by itself.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()

    async def ask(due: float) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        if b"200 OK" not in answer or b"AccessKeyId" not in answer:
            raise NotMeasured(f"the answer was {answer[:50]!r}")
        return (time.perf_counter() - due) * 1000

    began, asking = time.perf_counter(), []
    for number in range(RATE * SECONDS):
        due = began + number / RATE
        await asyncio.sleep(max(0, due - time.perf_counter()))
        asking.append(asyncio.create_task(ask(due)))
    return list(await asyncio.gather(*asking))


@contextmanager
def _bare() -> Iterator[tuple[psutil.Process, int]]:
    command = [sys.executable, "-m", "bench.bare_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield psutil.Process(process.pid), port
        finally:
            process.terminate()


@contextmanager
def _agent(home: Path, server: str) -> Iterator[tuple[psutil.Process, Doors]]:
    state = home / ".local" / "state" / "keylease"
    Machine(state).remember([Known(lease_id=LEASE, server=server, person="mara", profile="media")])
    found = doors(state)
    command = [sys.executable, "-m", "keylease", "agent"]
    with subprocess.Popen(command, env=environment(home), stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, found)
            yield psutil.Process(process.pid), found
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], found: Doors) -> None:
    for _ in range(START_WITHIN * 10):
        connection = http.client.HTTPConnection("127.0.0.1", found.port, timeout=10)
        try:
            connection.request("GET", urlsplit(found.context_url(LEASE)).path)
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            SystemClock().sleep(0.1)
        if process.poll() is not None:
            break
    raise NotMeasured("the agent did not start")


@contextmanager
def _server() -> Iterator[tuple[str, list[str]]]:
    """Hands out sessions, whoever asks; its address, and the access keys that it gave."""
    given: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            given.append(f"ASIA{len(given):016d}")
            content = json.dumps(_answer(given[-1])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", given
    server.shutdown()
    server.server_close()


def _answer(access_key_id: str) -> dict[str, Any]:
    now = SystemClock().now()
    return {
        "lease": {
            "id": LEASE,
            "account_id": "123456789012",
            "permission_set": "media",
            "expires_at": to_text(now + timedelta(days=14)),
            "retire_at": None,
        },
        "access_key_id": access_key_id,
        "secret_access_key": "fake",
        "session_token": "t" * 1000,
        "expiration": to_text(now + LASTS),
        "region": "us-east-1",
        "account_id": "123456789012",
    }
