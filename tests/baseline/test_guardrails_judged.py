"""Every document of the baseline, laid before an independent judge of IAM."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from baseline.guardrail_rows import Row, Table, tables
from oracle.judge import Judge, Verdict
from oracle.mutations import mutations

TABLES = tables()
PARTS = 6
Case = tuple[Table, str, Mapping[str, Any]]
FLIPPED = {
    "ArnEquals": "ArnNotEquals",
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ForAnyValue:StringLike": "ForAnyValue:StringNotLike",
}


def wrong(table: Table, verdicts: list[Verdict], rows: tuple[Row, ...]) -> list[str]:
    judged = zip(rows, verdicts, strict=True)
    return [f"{table.name}: {row} is {verdict.result}" for row, verdict in judged if verdict.allowed != row.allowed]


def test_every_request_of_the_tables_is_judged_as_it_must_be(judge: Judge) -> None:
    requests = [row.request(table.document, table.place) for table in TABLES for row in table.rows]

    verdicts = iter(judge(requests))

    found = [wrong(table, [next(verdicts) for _ in table.rows], table.rows) for table in TABLES]
    assert len(requests) > 150
    assert [one for lists in found for one in lists] == []


def test_every_table_allows_something_and_refuses_something() -> None:
    one_sided = [table.name for table in TABLES if len({row.allowed for row in table.rows}) != 2]

    assert one_sided == ["set administrator"]


def test_the_tables_notice_every_statement_and_condition_that_is_gone_or_turned_round(judge: Judge) -> None:
    cases = [
        (table, what, document)
        for table in TABLES
        for what, document in (*mutations(table.document), *flips(table.document))
        if not any(what.startswith(idle) for idle in table.idle)
    ]
    assert len(cases) > 150
    for part in range(PARTS):  # what a part of the rows has noticed needs no further one
        cases = unnoticed(judge, cases, part)
    assert [f"{table.name}: {what}" for table, what, _ in cases] == []


def unnoticed(judge: Judge, cases: list[Case], part: int) -> list[Case]:
    asked = [table.rows[part::PARTS] for table, _, _ in cases]
    verdicts = iter(
        judge(row.request(case[2], case[0].place) for case, rows in zip(cases, asked, strict=True) for row in rows)
    )
    found = [wrong(case[0], [next(verdicts) for _ in rows], rows) for case, rows in zip(cases, asked, strict=True)]
    return [case for case, noticed in zip(cases, found, strict=True) if not noticed]


def flips(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What `mutations` does not turn round: booleans, nulls, and a few operators."""
    for number, statement in enumerate(document["Statement"]):
        for operator, keys in statement.get("Condition", {}).items():
            for key, value in keys.items():
                for new, turned in _flipped(operator, value):
                    changed = copy.deepcopy(dict(document))
                    block = changed["Statement"][number]["Condition"]
                    del block[operator][key]
                    block.setdefault(new, {})[key] = turned
                    yield f"statement {number + 1} has {key} flipped to {new}", changed


def _flipped(operator: str, value: Any) -> Iterator[tuple[str, Any]]:
    if operator in FLIPPED:
        yield FLIPPED[operator], value
    if operator in {"Bool", "BoolIfExists", "Null"}:
        yield operator, "false" if value == "true" else "true"


@pytest.mark.parametrize("table", [table for table in TABLES if table.place == "scp"], ids=lambda table: table.name)
def test_a_service_control_policy_never_allows(table: Table) -> None:
    assert {statement["Effect"] for statement in table.document["Statement"]} == {"Deny"}
