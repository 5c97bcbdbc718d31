"""Every document of the baseline, linted by parliament: no finding but those that are listed with a reason."""

from __future__ import annotations

import pytest

from baseline.guarded import HORIZON
from baseline.guardrail_rows import Table, tables
from baseline.linter import lint
from keylease.domain import ready_sets
from keylease.domain.group_policy import group_policy
from keylease.domain.role_policy import session_role_policy

TABLES = [table for table in tables() if table.place != "resource"]
REASONS = {
    ("UNKNOWN_CONDITION_FOR_ACTION", "aws:ViaAWSService"): "a global key that its data does not know yet",
    ("UNKNOWN_CONDITION_FOR_ACTION", "rds:DatabaseClass"): "a key of the database, which it asks of the action",
    ("UNKNOWN_CONDITION_FOR_ACTION", "sagemaker:InstanceTypes"): "Create* and Update* match actions without types",
    ("BAD_PATTERN_FOR_MFA", '{"Bool": '): "it spares access keys, which say nothing of MFA, on purpose",
    ("RESOURCE_STAR", ""): "who looks at everything, or at no resource of their own, names none",
    ("UNKNOWN_PREFIX", ""): "services that are newer than its data",
    ("UNKNOWN_ACTION", ""): "actions that are newer than its data, or that a pattern of a denial waits for",
}
SETS = {"read-only": ready_sets.read_only(), "power-user": ready_sets.power_user()}


def unexplained(findings: list[tuple[str, str]], *issues: str) -> list[tuple[str, str]]:
    explained = [(kind, part) for kind, part in REASONS if kind in issues]
    return [
        (kind, detail)
        for kind, detail in findings
        if not any(kind == issue and part in detail for issue, part in explained)
    ]


@pytest.fixture(scope="module")
def findings() -> dict[str, list[tuple[str, str]]]:
    return dict(zip((table.name for table in TABLES), lint(table.document for table in TABLES), strict=True))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_document_has_no_finding_without_a_reason(
    table: Table, findings: dict[str, list[tuple[str, str]]]
) -> None:
    broad = ("RESOURCE_STAR",) if table.name.startswith("set ") else ()
    spares = ("BAD_PATTERN_FOR_MFA",) if table.name == "mfa spares keys" else ()

    assert unexplained(findings[table.name], "UNKNOWN_CONDITION_FOR_ACTION", *broad, *spares) == []


def test_the_policies_of_groups_and_roles_have_no_finding_without_a_reason() -> None:
    documents = [
        make(given, horizon=HORIZON) for given in SETS.values() for make in (group_policy, session_role_policy)
    ]

    found = [unexplained(one, "RESOURCE_STAR", "UNKNOWN_PREFIX", "UNKNOWN_ACTION") for one in lint(documents)]

    assert found == [[]] * len(documents)
