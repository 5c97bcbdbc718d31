"""The quick way: what it loads, which files it trusts, and that keylease takes over where it does not do."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from laptop import FAST, LEASE, Laptop
from stand_in import StandIn

from keylease.agent import fast
from keylease.agent.session import Session
from keylease.domain.secret import Secret

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SESSION = Session(
    lease_id=LEASE,
    access_key_id="ASIAFAKE",
    secret_access_key=Secret("fake/secret"),
    session_token=Secret("fake/token"),
    expiration=NOW + timedelta(hours=1),
    ends_at=NOW + timedelta(days=3),
    account_id="123456789012",
    region="eu-central-1",
    fetched_at=NOW,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / fast.name(LEASE)
    path.write_bytes(SESSION.to_lines())
    path.chmod(0o600)
    return path


def at(minutes: float) -> float:
    return (NOW + timedelta(minutes=minutes)).timestamp()


def test_it_loads_nothing_that_python_has_not_loaded_already(laptop: Laptop) -> None:
    assert laptop.process().status == 0
    loads = f"""
import sys
sys.argv = ["fast.py", {LEASE!r}]
script = compile(open({fast.__file__!r}).read(), "fast.py", "exec")
before = set(sys.modules)
try:
    exec(script, {{"__name__": "__main__"}})
except SystemExit as done:
    assert done.code == 0
sys.stderr.write(" ".join(sorted(set(sys.modules) - before)))
"""
    done = laptop.run(sys.executable, "-I", "-S", "-c", loads)
    assert json.loads(done.out)["Version"] == 1
    assert done.err == ""


@pytest.mark.parametrize(
    ("minutes", "served"),
    [(0, True), (44, True), (44.9, True), (45, False), (59, False), (61, False), (-0.9, True), (-2, False)],
)
def test_a_session_is_printed_until_a_quarter_of_an_hour_before_its_end(
    file: Path, minutes: float, *, served: bool
) -> None:
    line = fast.answer(str(file), at(minutes))
    assert (line is not None) == served
    if line is not None:
        assert json.loads(line) == {
            "Version": 1,
            "AccessKeyId": "ASIAFAKE",
            "SecretAccessKey": "fake/secret",
            "SessionToken": "fake/token",
            "Expiration": "2026-11-24T13:00:00Z",
            "AccountId": "123456789012",
        }


def test_a_file_that_others_could_have_written_or_read_is_not_trusted(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert fast.answer(str(link), at(1)) is None
    for mode in (0o644, 0o620, 0o602):
        file.chmod(mode)
        assert fast.answer(str(file), at(1)) is None
    file.chmod(0o600)
    assert fast.answer(str(file), at(1)) is not None
    if os.getuid() == 0:
        os.chown(file, 12345, 12345)
        assert fast.answer(str(file), at(1)) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"x y z\n{}\n", b"1 2\n{}\n{}\n", b"1 2 9999999999", b"\xff\xfe"])
def test_a_file_that_is_no_session_counts_as_none(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert fast.answer(str(file), at(1)) is None


@pytest.mark.parametrize("lease", ["", "../x", "L-1/2", "L-1\0", "L ä", "..", "a b"])
def test_what_is_no_lease_has_no_file(lease: str) -> None:
    assert fast.name(lease) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the folder that lives in memory is Linux's")
def test_sessions_lie_in_memory_where_the_system_has_such_a_folder() -> None:
    both = fast.folders({"XDG_RUNTIME_DIR": "/run/user/1000", "XDG_CACHE_HOME": "/home/mara/.cache"})
    assert both == ["/run/user/1000/keylease", "/home/mara/.cache/keylease"]
    assert fast.folders({"XDG_RUNTIME_DIR": "relative", "XDG_CACHE_HOME": "/c"}) == ["/c/keylease"]


def test_a_miss_is_keyleases_own_and_the_next_call_is_a_hit(laptop: Laptop, server: StandIn) -> None:
    first, second = laptop.process(), laptop.process()
    assert (first.status, first.err) == (0, "")
    assert first.out == second.out
    assert server.asked == 1


def test_a_runtime_folder_is_used_and_holds_the_only_copy(laptop: Laptop, tmp_path: Path) -> None:
    memory = tmp_path / "run"
    memory.mkdir(mode=0o700)
    assert laptop.process(XDG_RUNTIME_DIR=str(memory)).status == 0
    assert (memory / "keylease" / fast.name(LEASE)).exists()
    assert not laptop.cache.exists()


def test_neither_the_working_folder_nor_pythons_environment_decides_which_code_runs(
    laptop: Laptop, tmp_path: Path
) -> None:
    for name in ("json", "httpx", "keylease", "site"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('somebody else')")
    done = laptop.process(PYTHONPATH=str(tmp_path), PYTHONHOME="/nowhere", PYTHONSTARTUP=str(tmp_path / "json.py"))
    assert (done.status, done.err) == (0, "")


def test_a_reader_that_goes_away_is_not_told_of_it(laptop: Laptop) -> None:
    laptop.process()
    shell = f"{' '.join(FAST)} {LEASE} | true"
    done = laptop.run("/bin/sh", "-c", shell)
    assert (done.status, done.err) == (0, "")
