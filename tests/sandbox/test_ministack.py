"""The sandbox's AWS starts, answers and ends."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from keylease.aws.failures import ask
from keylease.errors import AwsUnreachable
from keylease.sandbox.account import root
from keylease.sandbox.ministack import ministack
from keylease.testing import FakeClock

pytestmark = pytest.mark.live


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_answers_until_the_block_is_left_and_leaves_nothing(tmp_path: Path) -> None:
    with ministack(tmp_path / "log") as running:
        assert ask(root(running).sts().get_caller_identity)["Arn"] == "arn:aws:iam::123456789012:root"
        assert is_running(running.pid)
    assert not is_running(running.pid)
    assert "Running on" in (tmp_path / "log").read_text()


def test_it_ends_with_a_failure_in_the_block(tmp_path: Path) -> None:
    pids: list[int] = []

    def fail() -> None:
        with ministack(tmp_path / "log") as running:
            pids.append(running.pid)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not is_running(pids[0])


def test_it_ends_where_it_hears_no_request_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keylease.sandbox.ministack._STOP_WITHIN", 0.2)
    with ministack(tmp_path / "log") as running:
        os.kill(running.pid, signal.SIGSTOP)
    assert not is_running(running.pid)


def test_a_port_that_is_taken_is_a_failure_and_not_somebody_else_s_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(AwsUnreachable, match="ended with status 1"), ministack(tmp_path / "log", port=port):
            pass


def test_a_start_that_takes_too_long_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = tmp_path / "sleeper"
    sleeper.write_text(f"#!{sys.executable}\nimport time; time.sleep(60)\n")
    sleeper.chmod(0o700)
    monkeypatch.setattr("keylease.sandbox.tools.program", lambda _: str(sleeper))
    monkeypatch.setattr("keylease.sandbox.tools.install", lambda: None)
    with pytest.raises(AwsUnreachable, match="did not answer"), ministack(clock=FakeClock()):
        pass


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads a process's environment from /proc")
def test_it_sees_none_of_the_caller_s_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody-s-own")
    monkeypatch.setenv("PERSIST_STATE", "1")
    with ministack(tmp_path / "log") as running:
        seen = Path(f"/proc/{running.pid}/environ").read_bytes().split(b"\0")
        names = {name.partition(b"=")[0] for name in seen}
    assert not {name for name in names if name.startswith((b"AWS", b"PERSIST"))}
    assert {b"AUTH=true", b"BIND_HOST=127.0.0.1"} <= set(seen)


def test_accounts_do_not_meet(tmp_path: Path) -> None:
    with ministack(tmp_path / "log") as running:
        one, other = root(running, "111111111111"), root(running, "222222222222")
        ask(one.iam().create_user, UserName="mara")
        assert [user["UserName"] for user in ask(one.iam().list_users)["Users"]] == ["mara"]
        assert ask(other.iam().list_users)["Users"] == []
