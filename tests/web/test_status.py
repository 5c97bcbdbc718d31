"""The status of a lease: every state, on both sides of every edge in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keylease.domain.lease import EndReason, Kind, Lease, State
from keylease.domain.status import Status, ends_at, status_of, time_left

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def lease(state: State, *, left: timedelta, whole: timedelta = timedelta(weeks=4), **changes: object) -> Lease:
    ends = NOW + left
    known: dict[str, object] = {
        "id": "L-00000001",
        "kind": Kind.ACCESS_KEY,
        "state": state,
        "principal_id": "unsafe-people#tomas",
        "principal_name": "Tomás Ortega",
        "account": "media",
        "permission_set": "media-write",
        "group": "keylease-media-write",
        "grant": "media",
        "reason": "Winter masters",
        "asked": whole,
        "requested_at": ends - whole - timedelta(days=1),
        "decided_at": ends - whole,
        "expires_at": ends,
    }
    return Lease(**(known | changes))  # type: ignore[arg-type]


WEEK, OVER = timedelta(weeks=1), timedelta()
CASES = [
    (State.REQUESTED, WEEK, None, Status.REQUESTED),
    (State.REQUESTED, OVER, None, Status.REQUESTED),
    (State.APPROVED, WEEK, None, Status.APPROVED),
    (State.APPROVED, SECOND, None, Status.APPROVED),
    (State.APPROVED, OVER, None, Status.EXPIRED),
    (State.ISSUING, SECOND, None, Status.COLLECTING),
    (State.ISSUING, OVER, None, Status.EXPIRED),
    (State.ACTIVE, WEEK, None, Status.ACTIVE),
    (State.ACTIVE, timedelta(days=3) + SECOND, None, Status.ACTIVE),
    (State.ACTIVE, timedelta(days=3), None, Status.ENDING_SOON),
    (State.ACTIVE, SECOND, None, Status.ENDING_SOON),
    (State.ACTIVE, OVER, None, Status.EXPIRED),
    (State.ACTIVE, -WEEK, None, Status.EXPIRED),
    (State.REVOKING, OVER, EndReason.EXPIRED, Status.EXPIRED),
    (State.REVOKING, WEEK, EndReason.RETURNED, Status.REVOKED),
    (State.STUCK, WEEK, EndReason.REVOKED, Status.STUCK),
    (State.STUCK, OVER, EndReason.EXPIRED, Status.STUCK),
    (State.CLOSED, OVER, EndReason.EXPIRED, Status.EXPIRED),
    (State.CLOSED, OVER, EndReason.UNDECIDED, Status.EXPIRED),
    (State.CLOSED, OVER, EndReason.UNCOLLECTED, Status.EXPIRED),
    (State.CLOSED, WEEK, EndReason.RETURNED, Status.REVOKED),
    (State.CLOSED, WEEK, EndReason.REVOKED, Status.REVOKED),
    (State.CLOSED, WEEK, EndReason.RENEWED, Status.REVOKED),
    (State.CLOSED, WEEK, EndReason.GHOST, Status.REVOKED),
    (State.DENIED, WEEK, None, Status.DENIED),
    (State.WITHDRAWN, WEEK, None, Status.WITHDRAWN),
]


@pytest.mark.parametrize(("state", "left", "reason", "status"), CASES)
def test_a_status_follows_from_the_state_and_the_time(
    state: State, left: timedelta, reason: EndReason | None, status: Status
) -> None:
    assert status_of(lease(state, left=left, end_reason=reason), NOW) is status


def test_every_state_and_every_status_is_among_the_cases() -> None:
    assert {state for state, *_ in CASES} == set(State)
    assert {status for *_, status in CASES} == set(Status)


@pytest.mark.parametrize(("left", "status"), [(2, Status.ENDING_SOON), (3, Status.ACTIVE)])
def test_a_short_lease_ends_soon_in_its_last_fifth(left: int, status: Status) -> None:
    short = lease(State.ACTIVE, left=timedelta(hours=left), whole=timedelta(hours=10))

    assert status_of(short, NOW) is status


def test_a_renewed_lease_ends_when_its_grace_does() -> None:
    grace = NOW + timedelta(days=2)
    renewed = lease(State.ACTIVE, left=WEEK, retire_at=grace)

    assert ends_at(renewed) == grace
    assert time_left(renewed, NOW) == timedelta(days=2)
    assert status_of(renewed, NOW) is Status.ENDING_SOON
    assert time_left(renewed, grace + SECOND) == timedelta()


def test_nothing_is_left_of_what_is_over() -> None:
    assert time_left(lease(State.ACTIVE, left=-WEEK), NOW) == timedelta()
    assert time_left(lease(State.CLOSED, left=WEEK), NOW) == timedelta()
