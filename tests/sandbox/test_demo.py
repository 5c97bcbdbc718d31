"""The demo is a test of the main job: it ends with 0 only if it saw every step, and says what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from keylease.sandbox import demo

STEPS = [
    "account", "request", "approve", "collect", "use", "use-cli", "shut-down", "watch", "expire", "clean-up",
    "closed", "audit", "search",
]  # fmt: skip


@pytest.mark.live
def test_aws_refuses_the_key_at_its_end_with_keylease_switched_off() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keylease", "demo", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["failure"] is None
    assert [step["name"] for step in seen["steps"]] == STEPS
    end = datetime.fromisoformat(seen["expires_at"])
    assert datetime.fromisoformat(seen["last_success_at"]) < end
    assert 0 <= (datetime.fromisoformat(seen["first_refusal_at"]) - end).total_seconds() <= 1
    assert seen["successes_after_expiry"] == 0
    assert seen["refusal_error"] == "AccessDenied"
    assert seen["keylease_processes_at_expiry"] == 0
    assert (seen["user_gone"], seen["fence_gone"], seen["membership_gone"]) == (True, True, True)
    assert seen["end_reason"] == "expired"
    assert seen["audit_chain_ok"] is True
    assert seen["secret_found_at_rest"] is False
    assert seen["files_searched"] >= 3


def test_the_search_finds_a_secret_that_is_at_rest(tmp_path: Path) -> None:
    secret = "wJalr/XUtnFEMI+K7MDENG"
    (tmp_path / "a.log").write_text(f"oops {secret}")
    (tmp_path / "b.db").write_bytes(b"\0" + secret.encode().hex().encode())
    (tmp_path / "c.txt").write_text("nothing here")
    assert [path.name for path in demo.search(tmp_path, secret)] == ["a.log", "b.db"]


def waiting(*arguments: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    """A process that has begun, and ends when it reads a line."""
    command = [sys.executable, "-c", "print(flush=True); input()", *arguments]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd)
    assert made.stdout is not None
    made.stdout.readline()
    return made


def test_what_is_left_of_keylease_is_seen(tmp_path: Path) -> None:
    others = demo.keylease_processes(tmp_path, aws=0)
    with waiting() as mine:
        assert set(demo.keylease_processes(tmp_path, aws=0)) == {*others, mine.pid}
        assert demo.keylease_processes(tmp_path, aws=mine.pid) == others
        mine.communicate(b"\n")
    assert demo.keylease_processes(tmp_path, aws=0) == others


def test_a_process_that_works_on_the_folder_is_seen_whoever_started_it(tmp_path: Path) -> None:
    with waiting(cwd=tmp_path) as in_it:
        assert demo._works_on(tmp_path, psutil.Process(in_it.pid))
        in_it.communicate(b"\n")
    with waiting(str(tmp_path)) as names_it:
        assert demo._works_on(tmp_path, psutil.Process(names_it.pid))
        names_it.communicate(b"\n")
    assert not demo._works_on(tmp_path, psutil.Process())
