"""The life of a lease: every state against every event."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.domain.lease import (
    ENDED,
    IN_AWS,
    ONLY_FOR,
    STUCK_AFTER,
    TRANSITIONS,
    Event,
    Kind,
    Lease,
    NoTransition,
    State,
    new_id,
    user_name,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_lease(state: State = State.REQUESTED, **changes: object) -> Lease:
    fields = {
        "id": "L-4k7m9q2x",
        "kind": Kind.ACCESS_KEY,
        "state": state,
        "principal_id": "dir#mara",
        "principal_name": "Mara Lind",
        "account": "main",
        "permission_set": "archive",
        "group": "archive",
        "grant": "media",
        "reason": "Winter masters",
        "asked": timedelta(weeks=2),
        "requested_at": NOW,
        "expires_at": NOW + timedelta(weeks=2),
    }
    return Lease(**(fields | changes))  # type: ignore[arg-type] - a table of fields


@pytest.mark.parametrize(("kind", "state", "event"), list(product(Kind, State, Event)))
def test_every_state_takes_the_events_of_the_table_and_no_other(kind: Kind, state: State, event: Event) -> None:
    lease = a_lease(state, kind=kind)
    if (state, event) not in TRANSITIONS or ONLY_FOR.get(event, kind) is not kind:
        with pytest.raises(NoTransition):
            lease.after(event)
        return
    after = lease.after(event)
    assert after.state is TRANSITIONS[state, event]
    assert after.version == lease.version + 1


def reachable(start: State, kind: Kind) -> set[State]:
    found, edge = {start}, [start]
    taken = {event for event in Event if ONLY_FOR.get(event, kind) is kind}
    while edge:
        here = edge.pop()
        new = {after for (state, by), after in TRANSITIONS.items() if state is here and by in taken} - found
        found |= new
        edge += new
    return found


@pytest.mark.parametrize(("kind", "state"), list(product(Kind, State)))
def test_every_state_can_reach_an_end_and_an_end_is_final(kind: Kind, state: State) -> None:
    assert reachable(state, kind) & ENDED
    if state in ENDED:
        assert reachable(state, kind) == {state}


def test_a_lease_that_gives_sessions_has_no_user_on_its_way() -> None:
    assert State.ISSUING not in reachable(State.REQUESTED, Kind.SESSION)
    assert State.ISSUING in reachable(State.REQUESTED, Kind.ACCESS_KEY)


@given(st.lists(st.sampled_from(Event), max_size=40))
def test_an_ended_lease_never_holds_an_access_key_again(events: list[Event]) -> None:
    lease, ended = a_lease(), False
    for event in events:
        try:
            lease = lease.after(event, **({"access_key_id": "AKIA"} if event is Event.MAKE else {}))
        except NoTransition:
            continue
        ended = ended or lease.state in ENDED
        assert not (ended and lease.access_key_id)
        assert not lease.access_key_id or lease.state in IN_AWS


def test_repeated_failures_are_called_stuck_and_still_end() -> None:
    lease = a_lease(State.REVOKING)
    for failures in range(1, STUCK_AFTER + 1):
        assert lease.state is State.REVOKING
        lease = lease.after(Event.FAIL, failures=failures)
    assert lease.state is State.STUCK
    assert lease.after(Event.CLOSE).state is State.CLOSED


@given(st.text(max_size=300), st.integers(min_value=1, max_value=9999))
def test_a_user_name_is_one_that_iam_takes(name: str, collection: int) -> None:
    made = user_name(a_lease(principal_name=name), collection)
    assert re.fullmatch(r"[\w+=,.@-]{1,64}", made, re.ASCII)
    assert "4k7m9q2x" in made


def test_each_collection_has_a_user_name_of_its_own() -> None:
    lease = a_lease()
    assert len({user_name(lease, number) for number in range(1, 50)}) == 49
    assert re.fullmatch(r"mara-lind-4k7m9q2x-[0-9a-z]{4}", user_name(lease, 1))
    assert user_name(lease, 1) != user_name(lease, 1), "also where a ledger was restored and counts anew"


def test_ids_are_short_and_do_not_repeat() -> None:
    ids = {new_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(re.fullmatch(r"L-[0-9a-hjkmnp-tv-z]{8}", one) for one in ids)
