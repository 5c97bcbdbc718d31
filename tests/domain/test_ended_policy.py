"""The policy that refuses sessions: what it lists, how long it gets, and that it only denies."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from test_session import NOW, a_lease

from keylease.domain.ended_policy import LIMIT, ended_policy
from keylease.domain.iam import canonical
from keylease.domain.lease import Lease
from keylease.domain.session import SKEW


def leases(count: int) -> list[Lease]:
    return [
        a_lease(id=f"L-{number:08d}", last_session_at=NOW + timedelta(seconds=number)) for number in range(count)
    ]


def statements(of: list[Lease]) -> list[Any]:
    return list(json.loads(ended_policy(of) or "{}")["Statement"])


def test_where_no_lease_has_ended_there_is_no_policy() -> None:
    assert ended_policy([]) is None


def test_each_lease_is_refused_by_both_of_its_marks() -> None:
    source, tag = statements(leases(2))
    assert source["Condition"] == {
        "StringEquals": {"aws:SourceIdentity": ["keylease-L-00000000", "keylease-L-00000001"]}
    }
    assert tag["Condition"] == {"StringEquals": {"aws:PrincipalTag/keylease:lease": ["L-00000000", "L-00000001"]}}
    for one in (source, tag):
        assert (one["Effect"], one["Action"], one["Resource"]) == ("Deny", "*", "*")


@given(st.permutations(leases(5)))
def test_the_same_leases_are_the_same_text_in_any_order(of: list[Lease]) -> None:
    text = ended_policy(of)
    assert text == ended_policy(leases(5))
    assert text == canonical(json.loads(text or ""))


@given(st.integers(1, 600))
def test_it_always_fits_and_only_denies(count: int) -> None:
    text = ended_policy(leases(count)) or ""
    assert len(text) <= LIMIT
    assert {one["Effect"] for one in json.loads(text)["Statement"]} == {"Deny"}


def test_more_than_fit_are_refused_by_the_time_of_their_last_session() -> None:
    assert len(statements(leases(200))) == 2, "two hundred leases of one role within an hour still fit"
    [one] = statements(leases(400))
    until = NOW + timedelta(seconds=399) + SKEW
    assert one["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": until.strftime("%Y-%m-%dT%H:%M:%SZ")}}
