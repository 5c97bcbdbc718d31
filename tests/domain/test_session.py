"""What a session is asked for with: its names, its tags, its length, and its end."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.domain.lease import EndReason, Kind, Lease, State
from keylease.domain.session import LONGEST, SHORTEST, SKEW, may_run, source_identity, terms

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_lease(left: timedelta = timedelta(weeks=2), **changes: object) -> Lease:
    fields = {
        "id": "L-4k7m9q2x",
        "kind": Kind.SESSION,
        "state": State.ACTIVE,
        "principal_id": "https://login.example/t/v2.0#0f2c",
        "principal_name": "Mara Lind",
        "account": "main",
        "permission_set": "archive",
        "group": "",
        "role": "media",
        "grant": "media",
        "reason": "Winter masters",
        "asked": timedelta(weeks=2),
        "requested_at": NOW,
        "expires_at": NOW + left,
    }
    return Lease(**(fields | changes))  # type: ignore[arg-type] - a table of fields


LENGTHS = [
    (timedelta(weeks=2), HOUR, None, HOUR),
    (timedelta(weeks=2), HOUR, timedelta(minutes=20), timedelta(minutes=20)),
    (timedelta(weeks=2), HOUR, 5 * HOUR, HOUR),
    (timedelta(minutes=40), HOUR, None, timedelta(minutes=40)),
    (timedelta(minutes=15), HOUR, None, timedelta(minutes=15)),
    (timedelta(minutes=3), HOUR, None, SHORTEST),
    (timedelta(seconds=1), 12 * HOUR, None, SHORTEST),
    (timedelta(weeks=2), 12 * HOUR, timedelta(seconds=1), SHORTEST),
]


@pytest.mark.parametrize(("left", "longest", "wanted", "length"), LENGTHS)
def test_a_session_is_as_long_as_is_wanted_allowed_and_left(
    left: timedelta, longest: timedelta, wanted: timedelta | None, length: timedelta
) -> None:
    assert terms(a_lease(left), longest=longest, wanted=wanted, now=NOW).length == length


@given(
    left=st.integers(1, 52 * 7 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    longest=st.timedeltas(SHORTEST, LONGEST),
    wanted=st.none() | st.timedeltas(timedelta(seconds=1), LONGEST),
)
def test_no_session_outlives_its_lease(left: timedelta, longest: timedelta, wanted: timedelta | None) -> None:
    lease = a_lease(left)
    made = terms(lease, longest=longest, wanted=wanted, now=NOW)
    assert SHORTEST <= made.length <= LONGEST
    assert made.length == SHORTEST or NOW + made.length <= lease.expires_at
    assert ends(made.policy) == lease.expires_at


def ends(policy: str) -> datetime:
    """From when on a policy denies everything."""
    [deny] = [one for one in json.loads(policy)["Statement"] if (one["Effect"], one["Action"]) == ("Deny", "*")]
    return datetime.fromisoformat(deny["Condition"]["DateGreaterThanEquals"]["aws:CurrentTime"])


def test_where_its_renewal_is_in_use_a_lease_gives_sessions_until_then() -> None:
    lease = a_lease(retire_at=NOW + timedelta(minutes=30))
    made = terms(lease, longest=HOUR, wanted=None, now=NOW)
    assert (made.length, ends(made.policy)) == (timedelta(minutes=30), NOW + timedelta(minutes=30))


@given(st.text(max_size=300))
def test_names_are_ones_that_sts_takes_and_say_whose_and_which(name: str) -> None:
    lease = a_lease(principal_name=name)
    made = terms(lease, longest=HOUR, wanted=None, now=NOW)
    for one in (made.source_identity, made.name):
        assert re.fullmatch(r"[\w+=,.@-]{2,64}", one, re.ASCII)
        assert "4k7m9q2x" in one
    assert made.source_identity == source_identity(lease) == "keylease-L-4k7m9q2x"


def test_the_tags_say_which_lease_and_whose() -> None:
    made = terms(a_lease(), longest=HOUR, wanted=None, now=NOW)
    assert made.name == "mara-lind-4k7m9q2x"
    assert made.tags == {"keylease:lease": "L-4k7m9q2x", "keylease:principal": "https://login.example/t/v2.0#0f2c"}


def test_what_ended_early_may_run_until_its_last_session_is_over_for_certain() -> None:
    lease = a_lease(state=State.REVOKING, end_reason=EndReason.RETURNED, sessions_until=NOW + HOUR)
    assert may_run(lease, NOW + HOUR + SKEW - timedelta(seconds=1))
    assert not may_run(lease, NOW + HOUR + SKEW)


def test_a_session_that_reaches_beyond_its_lease_runs_no_longer_than_that() -> None:
    lease = a_lease(timedelta(minutes=5), end_reason=EndReason.REVOKED, sessions_until=NOW + SHORTEST)
    assert may_run(lease, NOW + timedelta(minutes=9))
    assert not may_run(lease, NOW + timedelta(minutes=10))


@pytest.mark.parametrize("changes", [{}, {"sessions_until": NOW + HOUR, "end_reason": EndReason.EXPIRED}])
def test_nothing_runs_of_a_lease_without_sessions_or_whose_time_was_up(changes: dict[str, object]) -> None:
    assert not may_run(a_lease(**changes), NOW)
