"""Renewing ahead of time, and the section of the credentials file that the agent keeps fresh."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from aws_files import CORPUS
from sample_session import SESSION
from test_renewing import LEASE, Machine

from keylease.agent import section
from keylease.agent.holding import Holding
from keylease.domain.secret import Secret
from keylease.errors import LeaseOver, NotOurs, ServerUnreachable


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "cache")


@pytest.fixture
def holding(machine: Machine) -> Holding:
    return Holding(machine.renewing, machine.clock)


def test_what_is_in_use_is_renewed_twenty_minutes_before_its_end(machine: Machine, holding: Holding) -> None:
    holding.get(LEASE)
    machine.pass_time(minutes=39)
    holding.renew_ahead()
    assert machine.server.asked == 1
    machine.pass_time(minutes=1)
    holding.renew_ahead()
    assert machine.server.asked == 2
    assert holding.get(LEASE).access_key_id == "ASIA2"


def test_what_nobody_asked_for_since_makes_no_further_session(machine: Machine, holding: Holding) -> None:
    holding.get(LEASE)
    for _ in range(10):
        machine.pass_time(minutes=40)
        holding.renew_ahead()
    assert machine.server.asked == 2


def test_a_session_that_credential_process_renewed_is_taken_over(machine: Machine, holding: Holding) -> None:
    holding.get(LEASE)
    machine.pass_time(minutes=46)
    assert machine.renewing.get(LEASE).session.access_key_id == "ASIA2"
    holding.renew_ahead()
    assert holding.get(LEASE).access_key_id == "ASIA2"
    assert machine.server.asked == 2


def test_a_server_that_is_away_is_asked_again_and_the_session_served_to_its_end(
    machine: Machine, holding: Holding
) -> None:
    holding.get(LEASE)
    machine.server.failure = ServerUnreachable("So it is.")
    machine.pass_time(minutes=50)
    holding.renew_ahead()
    assert holding.get(LEASE).access_key_id == "ASIA1"
    machine.server.failure = None
    machine.pass_time(seconds=30)
    holding.renew_ahead()
    assert holding.get(LEASE).access_key_id == "ASIA3"


def test_a_lease_that_is_over_is_let_go(machine: Machine, holding: Holding) -> None:
    holding.get(LEASE)
    machine.server.failure = LeaseOver("So it is.")
    machine.pass_time(minutes=41)
    holding.renew_ahead()
    assert holding.held() == {}
    with pytest.raises(LeaseOver):
        holding.get(LEASE)


def test_the_last_session_of_a_lease_is_not_asked_for_again_and_again(machine: Machine) -> None:
    def last(lease_id: str) -> object:
        machine.server.asked += 1
        now = machine.clock.now()
        end = now.replace(hour=13)
        return replace(SESSION, lease_id=lease_id, fetched_at=now, expiration=end, ends_at=end)

    machine.renewing._ask = last  # type: ignore[assignment] # another server
    holding = Holding(machine.renewing, machine.clock)
    holding.get(LEASE)
    for _ in range(59):
        machine.pass_time(minutes=1)
        holding.get(LEASE)
        holding.renew_ahead()
    assert machine.server.asked == 1


def test_a_thread_renews_until_it_is_told_to_stop(machine: Machine, holding: Holding) -> None:
    holding.get(LEASE)
    machine.pass_time(minutes=41)
    stop = threading.Event()
    thread = threading.Thread(target=holding.keep_renewing, args=(stop,))
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert machine.server.asked == 2


FRESH = replace(SESSION, access_key_id="ASIAFRESH", session_token=Secret("fake/token2"))


@pytest.mark.parametrize("content", CORPUS.values(), ids=CORPUS)
def test_a_section_is_written_and_rewritten_and_nothing_else_is(content: bytes) -> None:
    once = section.with_session(content, "fresh", SESSION)
    assert once.startswith(content)
    again = section.with_session(once + b"output = json\n", "fresh", FRESH)
    assert again == section.with_session(content, "fresh", FRESH) + b"output = json\n"
    assert b"ASIAFAKE" not in again


def test_an_older_name_of_the_session_token_does_not_go_stale() -> None:
    content = section.with_session(b"", "fresh", SESSION) + b"aws_security_token = old\n"
    assert b"aws_security_token" not in section.with_session(content, "fresh", FRESH)


NOT_OURS = [
    b"[fresh]\naws_access_key_id = AKIAMINE\n",
    b"[fresh]\n# keylease L-1 AKIA1: AWS refuses it from 2026 on\naws_access_key_id = AKIA1\n",
    section.with_session(b"", "fresh", SESSION).replace(b"= ASIAFAKE", b"= AKIAMINE"),
    section.with_session(b"", "fresh", SESSION) * 2,
]


@pytest.mark.parametrize("content", NOT_OURS)
def test_a_section_that_the_agent_did_not_write_is_never_replaced(content: bytes) -> None:
    for act in (section.may_hold, partial(section.with_session, session=FRESH)):
        with pytest.raises(NotOurs):
            act(content, "fresh")


def test_a_written_section_is_renewed_though_nobody_asks_and_a_failure_to_write_stops_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    path = tmp_path / "credentials"
    holding = Holding(machine.renewing, machine.clock, {LEASE: partial(section.deliver, path, "fresh")})
    for number in (1, 2, 3):
        holding.renew_ahead()
        assert f"ASIA{number}\n".encode() in path.read_bytes()
        machine.pass_time(minutes=40)
    path.chmod(0o400)
    holding.renew_ahead()
    assert holding.get(LEASE).access_key_id == "ASIA4"
    assert path.stat().st_mode & 0o077 == 0
