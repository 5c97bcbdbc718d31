"""Every policy that keylease writes, laid before an independent judge of IAM."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import pytest

from keylease.domain import iam
from oracle.judge import Judge
from oracle.mutations import mutations
from oracle.rows import EVERYTHING, OBJECT, Policies, Row, in_session, leased, naming
from oracle.table import rows

PARTS = 6
BELTS = {("fence", 0), ("open_fence", 0), ("session", 0)}
"""Statements whose date is another one's too: they end things if the denial were gone, as is shown further down."""


@pytest.fixture(scope="module")
def policies() -> Policies:
    return Policies()


def wrong(judge: Judge, table: Iterable[Row]) -> list[str]:
    table = list(table)
    verdicts = zip(table, judge(row.request() for row in table), strict=True)
    return [f"{row}: {verdict.result}" for row, verdict in verdicts if not row.holds(verdict)]


def test_every_request_of_the_table_is_judged_as_it_must_be(judge: Judge, policies: Policies) -> None:
    table = rows(policies)

    assert len(table) > 300
    assert wrong(judge, table) == []


def test_the_judge_knows_every_request_of_the_table_and_uses_all_of_its_context(
    judge: Judge, policies: Policies
) -> None:
    verdicts = judge(row.request() for row in rows(policies))

    assert {(verdict.validated, verdict.ignored) for verdict in verdicts} == {(True, ())}


def test_the_table_notices_every_statement_and_condition_that_is_gone_or_wrong(
    judge: Judge, policies: Policies
) -> None:
    cases = {f"{name}: {what}": (name, document) for name, what, document in broken(policies)}
    tables = {
        case: rows_that_use(replace(policies, **{name: document}), name) for case, (name, document) in cases.items()
    }
    assert len(tables) > 120
    for part in range(PARTS):  # what a part of the rows has noticed needs no further one
        tables = unnoticed(judge, tables, part)
    assert list(tables) == []


def unnoticed(judge: Judge, tables: dict[str, list[Row]], part: int) -> dict[str, list[Row]]:
    parts = {case: table[part::PARTS] for case, table in tables.items()}
    verdicts = iter(judge(row.request() for rows_ in parts.values() for row in rows_))
    wrong_rows = {case: sum(not row.holds(next(verdicts)) for row in rows_) for case, rows_ in parts.items()}
    return {case: table for case, table in tables.items() if not wrong_rows[case]}


def broken(policies: Policies) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for name in (field.name for field in fields(policies)):
        for what, document in mutations(getattr(policies, name)):
            belt = any(what.startswith(f"statement {number + 1} has") for belted, number in BELTS if belted == name)
            if not (belt and is_weaker(document)):
                yield name, what, document


def is_weaker(document: dict[str, Any]) -> bool:
    """Whether a belt's date is gone or later: then the denial alone ends things, as it must anyway."""
    before = document["Statement"][0].get("Condition", {}).get("DateLessThan", {})
    return not before or before["aws:CurrentTime"] > "2026-12-08T17:00:00Z"


def rows_that_use(policies: Policies, name: str) -> list[Row]:
    return [row for row in rows(policies) if name in row.who.uses]


@pytest.mark.parametrize("at", [-1, 0, 1, 86400])
def test_without_the_denial_that_ends_it_a_fence_or_a_session_still_ends(
    judge: Judge, policies: Policies, at: int
) -> None:
    fence, session = without_end(policies.fence), without_end(policies.session)
    anna = leased(replace(policies, fence=fence))
    of_session = in_session(replace(policies, session=session))
    table = [
        Row(who=who, action="s3:GetObject", at=at, allowed=at < 0, resource=OBJECT) for who in (anna, of_session)
    ]

    assert wrong(judge, table) == []


def without_end(document: Any) -> Any:
    return {**document, "Statement": [document["Statement"][0], *document["Statement"][2:]]}


def test_the_denial_is_what_ends_a_user_whom_a_resource_policy_names(judge: Judge, policies: Policies) -> None:
    anna = leased(replace(policies, fence=without_end(policies.fence)))
    named = naming(anna.principal)
    row = Row(who=anna, action="s3:GetObject", at=86400, allowed=True, resource=OBJECT, resource_policy=named)

    assert wrong(judge, [row]) == [], "a missing Allow limits nobody whom a resource policy names"


def test_the_fence_gives_nothing_by_itself(judge: Judge, policies: Policies) -> None:
    anna = replace(leased(policies), identity=())
    table = [Row(who=anna, action="s3:GetObject", at=at, allowed=False, resource=OBJECT) for at in (-86400, -1, 0)]

    assert wrong(judge, table) == []


def test_a_lease_of_minutes_has_its_last_hours_from_the_start(judge: Judge, policies: Policies) -> None:
    anna = leased(policies)
    row = Row(who=anna, action="ecr:GetAuthorizationToken", at=-600, allowed=False)

    assert wrong(judge, [row]) == []


def test_an_administrator_elsewhere_is_not_touched(judge: Judge) -> None:
    everything = iam.policy(EVERYTHING)
    request = {
        "principal": "arn:aws:iam::123456789012:user/root-of-all",
        "action": "iam:CreateUser",
        "identity": [json.loads(json.dumps(everything))],
    }

    assert judge([request])[0].allowed
