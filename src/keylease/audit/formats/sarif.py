"""SARIF 2.1.0, as code scanning takes it.

A result needs a file. A finding has none, so it gets a stable path of its own (`aws/ACCOUNT/user/NAME`), and its
fingerprint keeps the alert the same from run to run. What was not looked at is a notification of the run.
"""

from __future__ import annotations

import re
from typing import Any

from keylease import __version__
from keylease.audit.finding import Check, Finding, Severity
from keylease.audit.outcome import Outcome
from keylease.domain.clock import to_text

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
"""Security severities as GitHub cuts them: 9 critical, 7 high, 4 medium."""
MOST_RESULTS = 25_000
"""That GitHub takes of one run; the worst come first."""


def render(outcome: Outcome) -> dict[str, Any]:
    """The log: one run with a rule for each check that found something."""
    findings = outcome.findings[:MOST_RESULTS]
    checks = list({finding.check.id: finding.check for finding in findings}.values())
    places = {check.id: number for number, check in enumerate(checks)}
    driver = {
        "name": "keylease audit",
        "semanticVersion": __version__,
        "rules": [_rule(check) for check in checks],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "keylease-audit/"},
        "invocations": [_invocation(outcome)],
        "results": [_result(finding, places[finding.check.id]) for finding in findings],
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(check: Check) -> dict[str, Any]:
    tags = ["security", "aws", *(f"CIS-{version}:{number}" for version, number in check.cis.items())]
    return {
        "id": check.id,
        "name": check.id.title().replace("-", ""),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {"text": f"{check.why}\n\n{check.mend}", "markdown": f"{check.why}\n\n{check.mend}"},
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "properties": {"security-severity": SCORES[check.severity], "tags": tags[:10]},
    }


def _result(finding: Finding, place: int) -> dict[str, Any]:
    evidence = "; ".join(f"{name}: {value}" for name, value in finding.found.evidence)
    text = f"{finding.found.sentence} {evidence}".strip()
    location = {"artifactLocation": {"uri": _path(finding)}, "region": {"startLine": 1}}
    return {
        "ruleId": finding.check.id,
        "ruleIndex": place,
        "level": LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": finding.fingerprint},
        "properties": {"account": finding.account, "arn": finding.found.arn, "severity": str(finding.severity)},
    }


def _path(finding: Finding) -> str:
    found = finding.found
    parts = ("aws", finding.account, found.region or "global", found.kind, found.subject)
    return "/".join(re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.") or "x" for part in parts)


def _invocation(outcome: Outcome) -> dict[str, Any]:
    gaps = [
        {"level": "warning", "message": {"text": f"{account}: {', '.join(gap.checks)} not looked at. {gap.why}"}}
        for account, gap in outcome.gaps
    ]
    return {
        "executionSuccessful": not outcome.unreached,
        "endTimeUtc": to_text(outcome.at),
        "toolExecutionNotifications": gaps,
    }
