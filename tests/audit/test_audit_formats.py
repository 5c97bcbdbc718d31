"""The outcome in other forms, each judged by the format's own description, and the page by a browser."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from sarif_pydantic import Sarif

from audit.accounts import REGION, changed, clean, key, place, root, row, user
from keylease.audit.checks import ALL
from keylease.audit.formats import ocsf, page, sarif, table
from keylease.audit.outcome import Outcome, conclude
from keylease.audit.report import examine
from keylease.audit.snapshot import Unseen

CSS = resources.files("keylease.web").joinpath("static/keylease.css").read_text("utf-8")
EVIL = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Findings of every severity, in a region and not, a gap, and names that somebody evil gave."""
    at = changed(
        clean(),
        users=[user("bob", groups=()), user("=1+2"), user(EVIL)],
        rows=[root(key(used=200)), row("bob", key(made=99)), row("=1+2", key(made=99)), row(EVIL, key(made=99))],
        functions={REGION: (place("environment of the Lambda function", "f", pem="-----BEGIN PRIVATE KEY-----"),)},
        budgets=Unseen(why="AWS does not allow these credentials budgets:ViewBudget."),
    )
    return conclude([examine(at, ALL)], now=at.at)


def test_the_table_has_a_line_for_each_finding_and_gap_and_no_formula(outcome: Outcome) -> None:
    heading, *lines = csv.reader(io.StringIO(table.render(outcome)))
    assert tuple(heading) == table.COLUMNS
    assert len(lines) == len(outcome.findings) + len(outcome.gaps)
    assert {len(line) for line in lines} == {len(table.COLUMNS)}
    assert not [cell for line in lines for cell in line if cell.startswith(table.FORMULA)]
    assert "not looked at" in {line[1] for line in lines}


def test_the_sarif_log_is_one_and_keeps_alerts_the_same(outcome: Outcome) -> None:
    log = sarif.render(outcome)
    parsed = Sarif.model_validate(log)
    [run] = parsed.runs
    assert run.results is not None
    assert len(run.results) == len(outcome.findings)
    prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in log["runs"][0]["results"]]
    assert len(set(prints)) == len(prints)
    assert sarif.render(outcome) == log


def test_every_sarif_result_has_a_file_as_code_scanning_asks_for_and_its_rule(outcome: Outcome) -> None:
    [run] = sarif.render(outcome)["runs"]
    rules = run["tool"]["driver"]["rules"]
    for one in run["results"]:
        [location] = one["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"aws/[0-9]{12}(/[A-Za-z0-9._-]+){3}", uri)
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    for rule in rules:
        assert float(rule["properties"]["security-severity"]) > 0
        assert len(rule["properties"]["tags"]) <= 10
    notified = run["invocations"][0]["toolExecutionNotifications"]
    assert "budget-missing" in notified[0]["message"]["text"]


def test_the_ocsf_events_are_compliance_findings(outcome: Outcome) -> None:
    schema: Any = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=ocsf.VERSION)).get_class_schema(
        class_name="compliance_finding", profiles=["cloud"]
    )
    events = ocsf.render(outcome)
    assert len(events) == len(outcome.findings)
    judge = jsonschema.Draft202012Validator(schema)
    for event in events:
        assert [error.message for error in judge.iter_errors(event)] == []
    broken = {**events[0], "severity_id": "high"}
    assert list(judge.iter_errors(broken))


def test_the_page_needs_nothing_else_and_runs_nothing(outcome: Outcome) -> None:
    html = page.render(outcome, css=CSS)
    body = html.split("</style>")[1]
    assert EVIL not in html
    assert "&lt;script&gt;" in body
    assert not re.search(r"<script|<link|src=|href=\"(?!#)|url\(|@import", html)
    for finding in outcome.findings:
        assert finding.check.id in body
    assert "budgets:ViewBudget" in body


def test_the_page_says_what_is_new_gone_and_suppressed(outcome: Outcome) -> None:
    from audit.test_audit_outcome import ACCEPTED, OLD
    from keylease.audit.outcome import as_json, compared
    from keylease.audit.suppression import parse

    accepted = parse(ACCEPTED, checks=[check.id for check in ALL])
    more = changed(OLD, users=[user("eve")], rows=[row("eve", key(made=99))])
    now = conclude([examine(more, ALL)], now=more.at, suppressions=accepted)
    html = page.render(compared(now, json.dumps(as_json(outcome))), css=CSS)
    for words in (">new<", "Gone since the last run", "moves to OIDC", "Suppressed"):
        assert words in html


def test_an_empty_outcome_is_a_whole_page_log_and_table() -> None:
    nothing = conclude([examine(clean(), ALL)], now=clean().at)
    assert "Nothing was found" in page.render(nothing, css=CSS)
    assert Sarif.model_validate(sarif.render(nothing)).runs[0].results == []
    assert table.render(nothing).count("\n") == 1
    assert ocsf.render(replace(nothing, reports=())) == []
