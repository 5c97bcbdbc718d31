"""How often one may try: by the clock, for each address and altogether."""

from __future__ import annotations

import pytest

from keylease.errors import RateLimited
from keylease.testing import FakeClock
from keylease.web import limits
from keylease.web.limits import Limits, Rate

FEW = Rate(at_once=3, a_second=2)
MANY = Rate(at_once=1000, a_second=1000)


def taken(limits: Limits, address: str, tries: int) -> int:
    """How many of so many tries go through."""
    done = 0
    for _ in range(tries):
        try:
            limits.take(address)
            done += 1
        except RateLimited:
            pass
    return done


def test_an_address_has_so_many_at_once_and_so_many_a_second() -> None:
    clock = FakeClock()
    made = Limits(clock, each=FEW, altogether=MANY)
    counts = []
    for seconds in (0, 1, 0, 2, 3600):
        clock.pass_time(seconds=seconds)
        counts.append(taken(made, "192.0.2.1", 10))
    assert counts == [3, 2, 0, 3, 3]


def test_addresses_do_not_hold_each_other_back() -> None:
    made = Limits(FakeClock(), each=FEW, altogether=MANY)
    assert [taken(made, f"192.0.2.{last}", 10) for last in (1, 2, 3)] == [3, 3, 3]


def test_altogether_there_is_a_limit_too_and_what_is_refused_does_not_count() -> None:
    clock = FakeClock()
    made = Limits(clock, each=FEW, altogether=Rate(at_once=5, a_second=1))
    assert [taken(made, f"192.0.2.{last}", 10) for last in (1, 2, 3)] == [3, 2, 0]
    clock.pass_time(seconds=3)
    assert taken(made, "192.0.2.3", 10) == 3


@pytest.mark.parametrize(
    ("one", "other", "is_the_same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:0:ffff::1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("nonsense", "nonsense", True),
    ],
)
def test_a_network_of_one_machine_counts_as_one_address(one: str, other: str, *, is_the_same: bool) -> None:
    made = Limits(FakeClock(), each=FEW, altogether=MANY)
    taken(made, one, 3)
    assert (taken(made, other, 1) == 0) is is_the_same


@pytest.mark.parametrize(("rate", "seconds"), [(Rate(at_once=1, a_second=1), 1), (Rate(at_once=1, a_second=5), 1)])
def test_who_is_refused_is_told_when_to_come_back(rate: Rate, seconds: int) -> None:
    clock = FakeClock()
    made = Limits(clock, each=rate, altogether=MANY)
    made.take("a")
    with pytest.raises(RateLimited) as refused:
        made.take("a")
    assert refused.value.retry_after == seconds
    clock.pass_time(seconds=seconds)
    made.take("a")


def test_a_clock_that_is_set_back_gives_nothing_and_breaks_nothing() -> None:
    clock = FakeClock()
    made = Limits(clock, each=FEW, altogether=MANY)
    taken(made, "a", 3)
    clock.pass_time(seconds=-3600)
    assert taken(made, "a", 1) == 0
    clock.pass_time(seconds=1)
    assert taken(made, "a", 10) == 2


def test_a_flood_from_everywhere_takes_no_more_memory_than_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ADDRESSES", 10)
    made = Limits(FakeClock(), each=FEW, altogether=MANY)
    for last in range(100):
        made.take(f"192.0.2.{last}")
    assert len(made._buckets) == 10
