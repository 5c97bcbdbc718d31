"""The judge: an independent simulator of IAM, in a Node process of its own, that answers batches of requests.

It installs itself into this folder when it is missing or when its lock has changed (`nodejs.py`).

The simulator is under the AGPL. It is for tests only: it runs in its own process and is never shipped.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import nodejs

HERE = Path(__file__).parent

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
    many = {key: [place(document) for document in request[key]] for key in ("identity", "scps") if key in request}
    return {**request, **single, **many}


def _verdict(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Verdict:
    if "error" in answer:
        raise ValueError(f"the judge cannot judge {request}: {answer['error']}")
    return Verdict(result=answer["result"], validated=answer["validated"], ignored=tuple(answer["ignored"]))


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The judge, installed."""
    return Judge(nodejs.install(HERE))
