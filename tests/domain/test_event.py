"""The audit chain: what was changed is found, and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keylease.domain.event import AuditEvent, ChainedEvent, chain, verify
from keylease.errors import ChainBroken

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def links(count: int = 5) -> list[ChainedEvent]:
    made: list[ChainedEvent] = []
    for number in range(count):
        event = AuditEvent(
            at=NOW + timedelta(seconds=number),
            action="approved",
            actor="dir#ü",
            lease_id="L-1",
            details={"n": number},
        )
        made.append(chain(event, made[-1] if made else None))
    return made


def test_a_whole_chain_holds_and_its_last_link_comes_back() -> None:
    assert verify(links()) == links()[-1]
    assert verify([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "dir#thief"},
        {"action": "denied"},
        {"lease_id": "L-2"},
        {"at": NOW},
        {"details": {"n": "2"}},
        {"details": {"n": 2, "more": None}},
    ],
    ids=["actor", "action", "lease", "instant", "a detail's type", "a detail more"],
)
def test_a_changed_record_is_named(change: dict[str, object]) -> None:
    chained = links()
    chained[2] = replace(chained[2], event=replace(chained[2].event, **change))
    with pytest.raises(ChainBroken, match="Record 3"):
        verify(chained)


def test_a_record_taken_out_is_noticed_at_the_next() -> None:
    chained = links()
    del chained[1]
    with pytest.raises(ChainBroken, match="Record 3"):
        verify(chained)


def test_records_in_another_order_are_noticed() -> None:
    chained = links()
    chained[1], chained[2] = chained[2], chained[1]
    with pytest.raises(ChainBroken):
        verify(chained)


def test_a_chain_that_begins_late_is_noticed() -> None:
    with pytest.raises(ChainBroken, match="Record 2"):
        verify(links()[1:])
