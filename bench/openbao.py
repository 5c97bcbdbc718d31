"""An OpenBao that runs here, and a stand-in for what its RabbitMQ engine makes users in.

Its AWS engine is not in its program; the RabbitMQ engine has the same shape: it makes a user when somebody reads
credentials, and deletes it at the end of the lease. Storage is raft on the disk, as in production; TLS is off on
both sides. The stand-in answers at once, as keylease's AWS in memory does.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.result import NotMeasured
from keylease.domain.clock import SystemClock

CONFIGURATION = """
disable_mlock = true
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{cluster}"
storage "raft" {{
  path = "{path}"
  node_id = "one"
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
"""
EVERYTHING = '{"/":{"configure":".*","write":".*","read":".*"}}'
START_WITHIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBao:
    """One that is unsealed. `token` opens it."""

    port: int
    token: str


@contextmanager
def openbao(folder: Path) -> Iterator[OpenBao]:
    """Run it until the block is left. Raises `NotMeasured` where it is not installed or does not start."""
    program = shutil.which("bao", path=str(Path(sys.executable).parent))
    if program is None:
        raise NotMeasured("OpenBao is not installed; `make bench` installs it")
    port, cluster = free_port(), free_port()
    (folder / "raft").mkdir()
    configuration = CONFIGURATION.format(port=port, cluster=cluster, path=folder / "raft")
    (folder / "bao.hcl").write_text(configuration)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    log = (folder / "bao.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [program, "server", "-config", folder / "bao.hcl"], stdout=log, stderr=log, env=environment
        ) as server,
    ):
        try:
            with stand_in() as users:
                yield _made(port, users)
        finally:
            server.terminate()


def _made(port: int, users: int) -> OpenBao:
    opened = _again(lambda: _call(port, "", "PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}))
    token = opened["root_token"]
    _call(port, token, "PUT", "sys/unseal", {"key": opened["keys"][0]})
    _again(lambda: _call(port, token, "POST", "sys/mounts/rabbitmq", {"type": "rabbitmq"}))
    where = {
        "connection_uri": f"http://127.0.0.1:{users}",
        "username": "bench",
        "password": "bench",
        "verify_connection": False,
    }
    _again(lambda: _call(port, token, "POST", "rabbitmq/config/connection", where))
    _call(port, token, "POST", "rabbitmq/config/lease", {"ttl": "336h", "max_ttl": "700h"})
    _call(port, token, "POST", "rabbitmq/roles/media", {"vhosts": EVERYTHING})
    return OpenBao(port=port, token=token)


def _again(ask: Any) -> Any:
    """Until it answers: it listens, elects itself and mounts in its own time."""
    clock, last = SystemClock(), ""
    for _ in range(START_WITHIN * 5):
        try:
            return ask()
        except (OSError, NotMeasured) as failure:
            last = str(failure)
            clock.sleep(0.2)
    raise NotMeasured(f"OpenBao did not start: {last}")


def _call(port: int, token: str, method: str, path: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, f"/v1/{path}", json.dumps(body), {"X-Vault-Token": token})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status >= 300:
        raise NotMeasured(f"{path}: {answer.status} {content[:200]!r}")
    return json.loads(content) if content else None


@contextmanager
def stand_in() -> Iterator[int]:
    """A process of its own that takes users and lets them go; its port."""
    command = [sys.executable, "-m", "bench.openbao"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


class _Users(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Done, whatever it was."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response_only(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


for _method in ("DELETE", "GET", "POST", "PUT"):
    setattr(_Users, f"do_{_method}", _Users.answer)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), _Users) as serving:
        serving.daemon_threads = True
        print(serving.server_address[1], flush=True)
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        sys.stdin.read()
