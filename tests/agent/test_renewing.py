"""Getting sessions: from the cache or the server, once for all who ask, and what is done when it says no."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sample_session import SESSION

from keylease.agent.cache import Cache
from keylease.agent.renewing import Renewing
from keylease.agent.session import Session
from keylease.errors import (
    AwsUnreachable,
    KeyleaseError,
    LeaseOver,
    NoSuchLease,
    NotYours,
    RateLimited,
    ServerUnreachable,
    SignInNeeded,
    WrongMachine,
)
from keylease.testing import FakeClock

LEASE = SESSION.lease_id


class Server:
    """Gives the next session, or fails."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked = 0
        self.failure: KeyleaseError | None = None

    def __call__(self, lease_id: str) -> Session:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        now = self.clock.now()
        return replace(
            SESSION,
            lease_id=lease_id,
            access_key_id=f"ASIA{self.asked}",
            fetched_at=now,
            expiration=now + timedelta(hours=1),
            ends_at=now + timedelta(days=3),
        )


class Machine:
    """A cache in a folder, a server, and a clock that obeys."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.cache = Cache([folder])
        self.server = Server(self.clock)
        self.renewing = Renewing(cache=self.cache, ask=self.server, clock=self.clock)

    def pass_time(self, **span: float) -> None:
        self.clock.pass_time(**span)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "cache")


def test_a_session_is_fetched_once_and_then_comes_from_the_cache(machine: Machine) -> None:
    first = machine.renewing.get(LEASE)
    machine.pass_time(minutes=44)
    assert machine.renewing.get(LEASE) == first
    machine.pass_time(minutes=1)
    assert machine.renewing.get(LEASE).session.access_key_id == "ASIA2"
    assert machine.server.asked == 2


PASSES = [ServerUnreachable, AwsUnreachable, SignInNeeded, RateLimited, KeyleaseError]


@pytest.mark.parametrize("failure", PASSES, ids=lambda failure: failure.code)
def test_what_is_still_good_is_served_when_the_server_does_not_give_more(
    machine: Machine, failure: type[KeyleaseError]
) -> None:
    first = machine.renewing.get(LEASE).session
    machine.pass_time(minutes=50)
    machine.server.failure = failure("So it is.")
    held = machine.renewing.get(LEASE)
    assert held.session == first
    assert isinstance(held.despite, failure)
    machine.pass_time(minutes=10)
    with pytest.raises(failure):
        machine.renewing.get(LEASE)


FOR_GOOD = [LeaseOver, NotYours, NoSuchLease, WrongMachine]


@pytest.mark.parametrize("failure", FOR_GOOD, ids=lambda failure: failure.code)
def test_what_is_over_for_good_takes_the_session_away(machine: Machine, failure: type[KeyleaseError]) -> None:
    machine.renewing.get(LEASE)
    machine.pass_time(minutes=50)
    machine.server.failure = failure("So it is.")
    with pytest.raises(failure):
        machine.renewing.get(LEASE)
    assert machine.cache.read(LEASE) is None


@pytest.mark.parametrize(
    ("failure", "seconds"), [(SignInNeeded, 10), (ServerUnreachable, 20), (LeaseOver, 60), (NotYours, 60)]
)
def test_a_failure_is_not_asked_for_again_at_once(
    machine: Machine, failure: type[KeyleaseError], seconds: int
) -> None:
    machine.server.failure = failure("So it is.", hint="Do this.")
    for _ in range(3):
        with pytest.raises(failure) as raised:
            machine.renewing.get(LEASE)
        assert (raised.value.sentence, raised.value.hint) == ("So it is.", "Do this.")
    assert machine.server.asked == 1
    machine.pass_time(seconds=seconds - 1)
    with pytest.raises(failure):
        machine.renewing.get(LEASE)
    assert machine.server.asked == 1
    machine.pass_time(seconds=1)
    machine.server.failure = None
    assert machine.renewing.get(LEASE).session.access_key_id == "ASIA2"


def test_somebody_at_a_terminal_is_not_made_to_wait(machine: Machine) -> None:
    machine.server.failure = SignInNeeded("So it is.")
    with pytest.raises(SignInNeeded):
        machine.renewing.get(LEASE)
    machine.server.failure = None
    assert machine.renewing.get(LEASE, afresh=True).session.access_key_id == "ASIA2"
    assert machine.renewing.get(LEASE).despite is None


def test_a_sign_in_lets_failures_be_forgotten(machine: Machine) -> None:
    machine.server.failure = SignInNeeded("So it is.")
    with pytest.raises(SignInNeeded):
        machine.renewing.get(LEASE)
    machine.server.failure = None
    machine.cache.forget_failures()
    assert machine.renewing.get(LEASE).session.access_key_id == "ASIA2"


def test_a_failure_that_a_clock_of_the_future_wrote_down_does_not_count_for_ever(machine: Machine) -> None:
    machine.pass_time(days=1)
    machine.server.failure = SignInNeeded("So it is.")
    with pytest.raises(SignInNeeded):
        machine.renewing.get(LEASE)
    machine.pass_time(days=-1)
    machine.server.failure = None
    assert machine.renewing.get(LEASE).session.access_key_id == "ASIA2"


def test_many_who_ask_at_once_are_one_call(machine: Machine) -> None:
    ready = threading.Barrier(12)
    found: list[str] = []

    def ask() -> None:
        ready.wait()
        found.append(machine.renewing.get(LEASE).session.access_key_id)

    several = [threading.Thread(target=ask) for _ in range(12)]
    for one in several:
        one.start()
    for one in several:
        one.join(30)
    assert found == ["ASIA1"] * 12
    assert machine.server.asked == 1


def test_leases_do_not_wait_for_each_other(machine: Machine, tmp_path: Path) -> None:
    with machine.cache.alone(LEASE):
        assert machine.renewing.get("L-00000001").session.lease_id == "L-00000001"
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} == {".session", ".lock"}


@pytest.mark.parametrize("lease", ["../x", "L-1/2", "", "/etc/passwd", "a\0b"])
def test_what_is_no_lease_touches_no_file(machine: Machine, tmp_path: Path, lease: str) -> None:
    with pytest.raises(NoSuchLease):
        machine.renewing.get(lease)
    assert list(tmp_path.rglob("*")) == []


def test_the_first_folder_that_takes_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("a file")
    cache = Cache([tmp_path / "no-folder", tmp_path / "second"])
    cache.write(SESSION)
    assert cache.read(LEASE) == SESSION
    assert [path.name for path in (tmp_path / "second").iterdir()] == [f"{LEASE}.session"]
