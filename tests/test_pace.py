"""How fast an account is asked: the rules, over a target that takes so many calls a second and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from keylease.domain import pace
from keylease.domain.pace import Pace
from keylease.errors import AwsThrottled
from keylease.pacing import PATIENCE, MemoryPaces, MemoryPasses, Pacing
from keylease.ports import Paces, Passed, Passes
from keylease.store import open_ledger
from keylease.store.shared import SqlPaces, SqlPasses
from keylease.testing import FakeClock, Limit


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Paces, Passes]]:
    if request.param == "memory":
        yield MemoryPaces(), MemoryPasses()
        return
    in_file = f"sqlite:///{tmp_path}/keylease.db"
    ledger = open_ledger(in_file if request.param == "sqlite" else request.getfixturevalue("emptied_url"))
    yield SqlPaces(ledger.database), SqlPasses(ledger.database)
    ledger.close()


def test_what_a_rule_makes_of_a_pace_is_what_the_next_one_finds(both: tuple[Paces, Passes]) -> None:
    paces, _ = both
    assert paces.change("a", lambda it: (pace.refused(it, 1000.25), it)) == Pace()
    found = paces.change("a", lambda it: (it, it))
    assert (found.refused_at, found.rate) == (1000.25, pace.FIRST_RATE * pace.SLOWER)
    assert paces.change("b", lambda it: (it, it)) == Pace()


def test_slots_that_are_taken_at_once_are_all_different(both: tuple[Paces, Passes]) -> None:
    paces, _ = both
    paces.change("a", lambda it: (pace.slot(it, 1000.0, removes=True)[0], None))

    def take(_: int) -> float:
        return paces.change("a", lambda it: pace.slot(it, 1000.0, removes=True))

    with ThreadPoolExecutor(4) as pool:
        slots = sorted(pool.map(take, range(20)))
    assert len(set(slots)) >= 17, "only those that make up for what was not asked may share an instant"
    assert slots[-1] == pytest.approx((20 - pace.BURST) / pace.FIRST_RATE, abs=0.06)


def test_what_a_pass_saw_is_kept_until_the_next(both: tuple[Paces, Passes]) -> None:
    _, passes = both
    at = FakeClock().now()
    for number in range(2):
        passes.keep("a", Passed(at=at + timedelta(minutes=number), content={"n": number, "s": "ü"}))
    passes.keep("b", Passed(at=at, content={}))
    assert passes.kept() == {
        "a": Passed(at=at + timedelta(minutes=1), content={"n": 1, "s": "ü"}),
        "b": Passed(at=at, content={}),
    }


@pytest.mark.parametrize("a_second", [5, 10, 25])
@pytest.mark.parametrize("burst", [2, 20])
def test_what_a_target_takes_is_found_out_and_little_is_wasted(a_second: int, burst: int) -> None:
    clock = FakeClock()
    limit, pacing = Limit(clock, a_second=a_second, burst=burst), Pacing(MemoryPaces(), "a", clock)
    began, calls = clock.precise(), 3000
    for _ in range(calls):
        pacing.call(lambda: limit("call"), removes=True)
    assert (clock.precise() - began) / (calls / a_second) < 1.1
    assert limit.refused / (calls + limit.refused) < 0.05


def test_a_target_that_takes_less_than_before_is_followed() -> None:
    clock = FakeClock()
    limit, pacing = Limit(clock, a_second=40, burst=5), Pacing(MemoryPaces(), "a", clock)
    for _ in range(2000):
        pacing.call(lambda: limit("call"), removes=True)
    limit.a_second = 10
    began, refused = clock.precise(), limit.refused
    for _ in range(3000):
        pacing.call(lambda: limit("call"), removes=True)
    assert (clock.precise() - began) / 300 < 1.1
    assert (limit.refused - refused) / 3000 < 0.05


def test_what_makes_something_waits_for_what_stands_in_line_to_remove() -> None:
    it = Pace()
    for _ in range(10):
        it, _ = pace.slot(it, 1000.0, removes=True)
    assert pace.slot(it, 1000.0, removes=False) == (it, -1.0)
    later = it.removing_at + pace.YIELD
    assert pace.slot(it, later, removes=False)[1] == 0.0


def test_who_waits_for_removals_for_too_long_is_told() -> None:
    clock, paces = FakeClock(), MemoryPaces()
    pacing, began = Pacing(paces, "a", clock), clock.precise()

    def stand_in_line(seconds: float) -> None:
        FakeClock.sleep(clock, seconds)
        for _ in range(40):
            paces.change("a", lambda it: pace.slot(it, clock.precise(), removes=True))

    clock.sleep = stand_in_line  # type: ignore[method-assign] # whoever sleeps here lets others remove
    stand_in_line(0)
    with pytest.raises(AwsThrottled, match="goes first"):
        pacing.wait(removes=False)
    assert clock.precise() - began == pytest.approx(PATIENCE, abs=1)


def test_pauses_grow_to_a_ceiling_and_are_never_the_same_for_all() -> None:
    it, pauses = Pace(), []
    for _ in range(20):
        it = pace.away(it, 1000.0, chance=0.5)
        pauses.append(it.away_until - 1000.0)
    assert pauses[:5] == list(pace.PAUSES)
    assert set(pauses[5:]) == {pace.FARTHEST}
    ends = {pace.away(Pace(outages=9), 1000.0, chance=chance).away_until for chance in (0.0, 0.3, 1.0)}
    assert len(ends) == 3
    assert max(ends) <= 1000.0 + pace.FARTHEST * (1 + pace.SHAKEN)
    assert pace.back(it) == Pace()


STEPS: list[Callable[[Pace, float], Pace]] = [
    lambda it, now: pace.slot(it, now, removes=True)[0],
    lambda it, now: pace.away(it, now, chance=1.0),
    pace.refused,
    pace.answered,
]


@pytest.mark.parametrize("step", STEPS)
def test_a_clock_that_is_set_back_by_hours_holds_nothing_up(step: Callable[[Pace, float], Pace]) -> None:
    now, it = 100_000.0, Pace()
    for _ in range(30):
        it = step(it, now + 7200)
    assert not pace.is_away(it, now)
    after, wait = pace.slot(it, now, removes=False)
    assert 0 <= wait <= 2 * pace.FARTHEST
    assert pace.slot(pace.answered(after, now), now + wait, removes=True)[1] < 2
