"""The sandbox's AWS: one ministack in a process of its own, on the loopback address, with nothing kept on disk.

ministack is an AWS that enforces identity policies, permissions boundaries, dates and key status. It does not
page, shows no delay, has no two-key limit and lets a user go that still has a login profile; what it cannot
show is shown by other tests.

An access key id of twelve digits is the root user of the account of that number, so one process holds as many
accounts as anybody wants, each empty at first. Nothing here is a secret: the process hears this machine alone,
and is gone with whoever started it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from keylease.domain.clock import Clock, SystemClock
from keylease.errors import AwsUnreachable
from keylease.sandbox import tools

ACCOUNT = "123456789012"
"""The account that the sandbox uses where nobody names another."""

SECRET = "test"  # noqa: S105 - ministack's published root password; it opens an empty AWS on this machine
REGION = "us-east-1"
START_WITHIN = 60.0
"""Seconds for a start; it takes half a second, and far longer where the machine is busy."""

_POLL = 0.1
_STOP_WITHIN = 5.0
_INHERITED = ("PATH", "SYSTEMROOT", "LANG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ministack:
    """A ministack that answers. `pid` is its process; it ends with the `with` block that began it."""

    endpoint: str
    pid: int

    def root(self, account: str = ACCOUNT) -> dict[str, str]:
        """Root credentials and address for one account, as the keyword arguments of a boto3 client."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "aws_access_key_id": account,
            "aws_secret_access_key": SECRET,
        }


@contextmanager
def ministack(log: Path | None = None, *, port: int = 0, clock: Clock | None = None) -> Iterator[Ministack]:
    """Run ministack until the block is left. Its output goes to `log`, or nowhere.

    Port 0 means any that is free. Raises `AwsUnreachable` where it does not answer within `START_WITHIN`.
    """
    tools.install()
    port = port or _free_port()
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="keylease-sandbox-"))
        output = stack.enter_context((log or Path(os.devnull)).open("ab"))
        process = subprocess.Popen(
            [tools.program("ministack")],
            env=_environment(Path(home), port),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        stack.callback(_stop, process)
        found = Ministack(endpoint=f"http://127.0.0.1:{port}", pid=process.pid)
        _wait(process, found.endpoint, clock or SystemClock())
        yield found


def _environment(home: Path, port: int) -> dict[str, str]:
    """All that the process sees: none of the caller's AWS variables, and no folder but its own."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP"), str(home)) | {
        "STATE_DIR": str(home / "state"),
        "S3_DATA_DIR": str(home / "s3"),
    }
    return inherited | folders | {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], endpoint: str, clock: Clock) -> None:
    for _ in range(int(START_WITHIN / _POLL)):
        if process.poll() is not None:
            raise AwsUnreachable(f"The sandbox's AWS ended with status {process.returncode} at its start.")
        if _answers(endpoint):
            return
        clock.sleep(_POLL)
    raise AwsUnreachable(f"The sandbox's AWS did not answer within {START_WITHIN:.0f} seconds.")


def _answers(endpoint: str) -> bool:
    """Whether it serves; a proxy that the machine is set up for has no business with the loopback address."""
    try:
        with build_opener(ProxyHandler({})).open(f"{endpoint}/_ministack/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
