"""issue_vs_openbao: leases a second from issue to end, keylease beside OpenBao, at 1, 16 and 32 connections.

Both are driven by the same threads with Python's own HTTP client, in turns of one run on one machine. A lease of
OpenBao's is two calls: read credentials, revoke. A lease of keylease's is five: request, approve, collect,
acknowledge, revoke, since somebody decides on it, its owner confirms it, and each act is on the disk with its
audit record before it is answered. What makes users answers at once on both sides. keylease is one process of
Python, with its ledger in SQLite or in PostgreSQL that waits for the disk at each commit; OpenBao is one process
of Go with raft on the same disk.
"""

from __future__ import annotations

import http.client
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.company import ACCOUNT, APPROVER, OWNER, PERMISSION_SET
from bench.load import milliseconds
from bench.openbao import OpenBao, openbao
from bench.result import NotMeasured, Result
from bench.server import POSTGRES, running
from keylease.sandbox.postgres import postgres

LEASES = {1: 40, 16: 160, 32: 192}
ROUNDS = 2
ASK = {"permission_set": PERMISSION_SET, "account": ACCOUNT, "until": "2w", "reason": "Winter masters"}
Lap = Callable[[http.client.HTTPConnection], None]


def measure() -> Iterator[Result]:
    """A line for each number of connections and each database."""
    with tempfile.TemporaryDirectory(prefix="keylease-bench-") as folder, ExitStack() as stack:
        bao = stack.enter_context(openbao(Path(folder)))
        server = stack.enter_context(postgres(durable=True))
        (Path(folder) / POSTGRES).write_text(server.place())
        ours = {
            "sqlite": _port(stack.enter_context(running("keylease", Path(folder)))),
            "postgres": _port(stack.enter_context(running("keylease_postgres", Path(folder)))),
        }
        for connections, leases in LEASES.items():
            yield from _compared(ours, bao, connections, leases)


def _compared(ours: dict[str, int], bao: OpenBao, connections: int, leases: int) -> Iterator[Result]:
    runs: dict[str, list[_Run]] = {name: [] for name in (*ours, "openbao")}
    for _ in range(ROUNDS):
        for name, port in ours.items():
            runs[name].append(_Run(port, _lease, connections, leases))
        runs["openbao"].append(_Run(bao.port, _lease_of(bao.token), connections, leases))
    theirs = _rate(runs["openbao"])
    for name in ours:
        rate = _rate(runs[name])
        yield Result(
            name=f"issue_vs_openbao_{connections}_{name}",
            value=round(rate, 1),
            unit="leases/s",
            against="OpenBao, its RabbitMQ engine",
            ratio=round(rate / theirs, 3),
            more={
                "connections": connections,
                **milliseconds(lap for run in runs[name] for lap in run.laps),
                "failures": dict(sum((run.failures for run in runs[name]), Counter())),
                "against_value": round(theirs, 1),
                **{
                    f"against_{key}": value
                    for key, value in milliseconds(lap for run in runs["openbao"] for lap in run.laps).items()
                },
            },
        )


class _Run:
    """So many leases over so many connections."""

    def __init__(self, port: int, lease: Lap, connections: int, leases: int) -> None:
        self.laps: list[float] = []
        self.failures: Counter[str] = Counter()
        left = iter(range(leases))
        opened = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(connections)]
        for one in opened:
            lease(one)  # what is loaded once is loaded
        began = perf_counter()
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(lambda one: self._work(one, lease, left), opened))
        self.seconds = perf_counter() - began
        for one in opened:
            one.close()
        if not self.laps:
            raise NotMeasured(f"no lease came to its end: {dict(self.failures)}")

    def _work(self, connection: http.client.HTTPConnection, lease: Lap, left: Iterator[int]) -> None:
        for _ in left:
            began = perf_counter()
            try:
                lease(connection)
            except NotMeasured as failure:
                self.failures[str(failure)[:60]] += 1
                continue
            self.laps.append(perf_counter() - began)


def _rate(runs: list[_Run]) -> float:
    return sum(len(run.laps) for run in runs) / sum(run.seconds for run in runs)


def _lease(connection: http.client.HTTPConnection) -> None:
    """keylease's five calls."""
    owner, approver = ({"Authorization": f"Unsafe-Person {one}"} for one in (OWNER, APPROVER))
    lease = _call(connection, "POST", "/api/leases", owner, ASK)["id"]
    _call(connection, "POST", f"/api/leases/{lease}/approve", approver, {})
    key = _call(connection, "POST", f"/api/leases/{lease}/collect", owner, {})["access_key_id"]
    _call(connection, "POST", f"/api/leases/{lease}/acknowledge", owner, {"access_key_id": key})
    _call(connection, "POST", f"/api/leases/{lease}/revoke", owner, {})


def _lease_of(token: str) -> Lap:
    """OpenBao's two."""
    headers = {"X-Vault-Token": token}

    def lease(connection: http.client.HTTPConnection) -> None:
        lease_id = _call(connection, "GET", "/v1/rabbitmq/creds/media", headers, None)["lease_id"]
        _call(connection, "PUT", "/v1/sys/leases/revoke", headers, {"lease_id": lease_id, "sync": True})

    return lease


def _call(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: Any
) -> Any:
    content = None if body is None else json.dumps(body)
    connection.request(method, path, content, {**headers, "Content-Type": "application/json"})
    answer = connection.getresponse()
    received = answer.read()
    if answer.status >= 300:
        raise NotMeasured(f"{path.rpartition('/')[2]}: {answer.status} {received[:80]!r}")
    return json.loads(received) if received else None


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
