"""An account to audit, and one run of a program on it: how long, how many calls, how much memory.

The account is in ministack: users in twenty groups, two in five with an access key, one in fifty with a policy of
its own. Memory is the most that the process itself held at once, as the system counts it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import boto3
from botocore.config import Config

from bench.counting_proxy import COUNT
from bench.result import NotMeasured
from keylease.audit.checks import ALL
from keylease.sandbox.ministack import REGION, SECRET, Ministack, ministack

ACCOUNT = "111122223333"
SIZES = (100, 1000, 5000)
GROUPS = 20
MEGABYTE = 1024
PARTS = frozenset({"report", "iam", "summary"})
CHECKS = tuple(check.id for check in ALL if set(check.parts) <= PARTS)
"""The checks of IAM facts: what the credential report and the authorization details tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a program."""

    seconds: float
    calls: int
    megabytes: float
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """An account of so many users, behind a counting proxy."""

    users: int
    endpoint: str
    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        """All that a program sees."""
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        return own | more

    def run(self, command: Sequence[str], *, within: float = 3600, accepts: Sequence[int] = (0,)) -> Run:
        """Run a program on it. Raises `NotMeasured` where it fails, or takes longer."""
        self._count()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            began = time.perf_counter()
            process = subprocess.Popen(
                command, env=self.environment(), cwd=self.home, stdout=out, stderr=err, stdin=subprocess.DEVNULL
            )
            usage = _wait(process, within)
            seconds = time.perf_counter() - began
            out.seek(0), err.seek(0)
            if process.returncode not in accepts:
                said = err.read()[-400:].decode("utf-8", "replace")
                raise NotMeasured(f"{Path(command[0]).name} ended with {process.returncode}: {said}")
            text = out.read().decode("utf-8", "replace")
        return Run(seconds=round(seconds, 2), calls=self._count(), megabytes=round(usage / MEGABYTE, 1), out=text)

    def _count(self) -> int:
        with build_opener(ProxyHandler({})).open(f"{self.endpoint}{COUNT}", timeout=30) as answer:
            return int(answer.read())


def _wait(process: subprocess.Popen[bytes], within: float) -> float:
    """Wait for the end; the most memory that it held, in kilobytes."""
    deadline = time.perf_counter() + within
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return float(usage.ru_maxrss if isinstance(usage, resource.struct_rusage) else 0)
        if time.perf_counter() > deadline:
            process.kill()
            os.wait4(process.pid, 0)
            process.returncode = -9
            raise NotMeasured(f"{process.args[0]} took longer than {within:.0f} s")  # type: ignore[index]
        time.sleep(0.02)  # noqa: TID251 - waits for a process


@contextmanager
def seeded(users: int) -> Iterator[Seeded]:
    """An account of so many users. Making one of 5,000 takes a minute or two."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keylease-bench-")))
        running = stack.enter_context(ministack())
        _make(running, users)
        proxy = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("counting_proxy.py")), running.endpoint],
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(_end, proxy)
        port = (proxy.stdout.readline() if proxy.stdout else "").strip()
        yield Seeded(users=users, endpoint=f"http://127.0.0.1:{port}", home=home)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(10)


def _make(running: Ministack, users: int) -> None:
    iam: Any = boto3.client("iam", **running.root(ACCOUNT), config=Config(max_pool_connections=8))
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    )
    for number in range(GROUPS):
        iam.create_group(GroupName=f"team-{number:02}")
        iam.put_group_policy(GroupName=f"team-{number:02}", PolicyName="own", PolicyDocument=policy)

    def make(number: int) -> None:
        name = f"user-{number:05}"
        iam.create_user(UserName=name)
        iam.add_user_to_group(UserName=name, GroupName=f"team-{number % GROUPS:02}")
        if number % 5 < 2:
            iam.create_access_key(UserName=name)
        if number % 50 == 0:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(make, range(users)))


def keylease(*words: str) -> list[str]:
    """keylease's own audit of the IAM facts, as JSON."""
    checks = [part for check in CHECKS for part in ("--check", check)]
    return [sys.executable, "-m", "keylease", "audit", *checks, "--json", *words]


def subjects(run: Run, check: str) -> set[str]:
    """The users that keylease found by a check."""
    return {
        one["subject"]
        for account in json.loads(run.out)["accounts"]
        for one in account["findings"]
        if one["check"] == check
    }


def beside(ours: Run, theirs: Run) -> Mapping[str, object]:
    """The fields of two runs beside one another."""
    return {
        "calls": ours.calls,
        "against_calls": theirs.calls,
        "megabytes": ours.megabytes,
        "against_megabytes": theirs.megabytes,
        "against_value": theirs.seconds,
    }
