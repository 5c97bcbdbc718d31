"""The machine and keylease's own server agree: from an approved lease to a session, and to the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from laptop import Laptop
from real_server import real_server

from cli.command_line import CommandLine
from session_world import SessionWorld


@pytest.fixture
def running() -> Iterator[tuple[str, SessionWorld]]:
    with real_server() as found:
        yield found


@pytest.fixture
def laptop(running: tuple[str, SessionWorld], tmp_path: Path) -> Laptop:
    return Laptop(home=tmp_path, keylease=CommandLine(running[0], tmp_path))


def test_a_lease_gives_sessions_here_and_nowhere_else_until_it_is_taken_over_or_ends(
    running: tuple[str, SessionWorld], laptop: Laptop, tmp_path: Path
) -> None:
    address, world = running
    lease = world.granted()
    configured = laptop.keylease("configure")
    assert configured.status == 0, configured.err
    given = json.loads(laptop.process(lease.id).out)
    assert world.cloud.accepts(given["AccessKeyId"])
    assert "[profile uploads]" in laptop.config.read_text()
    [row] = json.loads(laptop.keylease("status", "--json").out)
    assert (row["id"], row["profile"], row["status"]) == (lease.id, "uploads", "active")
    assert row["last_used"] is not None

    home = tmp_path / "another-machine"
    home.mkdir()
    other = Laptop(home=home, keylease=CommandLine(address, home))
    assert other.keylease("configure").status == 81
    world.clock.pass_time(seconds=2)  # the server gives one session a second
    moved = other.keylease("configure", "--this-machine")
    assert moved.status == 0, moved.err
    assert json.loads(other.process(lease.id).out)["AccessKeyId"] != given["AccessKeyId"]

    said = laptop.keylease("revoke", lease.id, "--yes")
    assert said.status == 0, said.err
    assert f"{lease.id} gives no more sessions." in said.err
    assert "AWS refuses those that run within seconds, at most some minutes." in said.err
    assert not world.cloud.accepts(given["AccessKeyId"])
    for machine in (laptop, other):
        assert machine.keylease("exec", lease.id, "--", "true").status in {0, 44, 81}
        assert machine.keylease("configure").status == 0
        assert "[profile uploads]" not in machine.config.read_text()


def test_a_lease_of_the_other_kind_gives_no_session(running: tuple[str, SessionWorld], laptop: Laptop) -> None:
    lease = running[1].approved()
    ended = laptop.process(lease.id)
    assert (ended.status, ended.out) == (49, "")
