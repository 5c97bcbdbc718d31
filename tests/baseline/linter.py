"""parliament in a process of its own: policy documents as a JSON list on stdin, the findings of each on stdout.

It leaves files open when it is imported, which is a failure among these tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def lint(documents: Iterable[Mapping[str, Any]]) -> list[list[tuple[str, str]]]:
    """For each document its findings: what kind, and in detail."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__))]
    told = json.dumps(list(documents))
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=True, timeout=300)
    return [[(kind, detail) for kind, detail in found] for found in json.loads(done.stdout)]


def _main() -> None:
    from parliament import analyze_policy_string

    found = [
        [(finding.issue, str(finding.detail)) for finding in analyze_policy_string(json.dumps(one)).findings]
        for one in json.load(sys.stdin)
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _main()
