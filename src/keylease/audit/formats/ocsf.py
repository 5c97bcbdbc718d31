"""OCSF 1.5.0: one Compliance Finding (class 2003) for each finding, as security lakes take them."""

from __future__ import annotations

from typing import Any

from keylease import __version__
from keylease.audit.finding import Finding, Severity
from keylease.audit.outcome import Outcome

VERSION = "1.5.0"
CLASS, CREATE = 2003, 1
SEVERITIES = {
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
FAILED = 3
"""`compliance.status_id`."""


def render(outcome: Outcome) -> list[dict[str, Any]]:
    """All findings as events."""
    milliseconds = int(outcome.at.timestamp() * 1000)
    return [_event(finding, milliseconds) for finding in outcome.findings]


def _event(finding: Finding, at: int) -> dict[str, Any]:
    severity_id, severity = SEVERITIES[finding.severity]
    return {
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Compliance Finding: Create",
        "time": at,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "message": finding.found.sentence,
        "metadata": _metadata(finding),
        "finding_info": _info(finding, at),
        "compliance": _compliance(finding),
        "cloud": {
            "provider": "AWS",
            "account": {"uid": finding.account},
            "region": finding.found.region or "global",
        },
        "resources": [_resource(finding)],
        "remediation": {"desc": finding.mend},
        "unmapped": {"evidence": dict(finding.found.evidence)},
    }


def _metadata(finding: Finding) -> dict[str, Any]:
    product = {"name": "keylease audit", "vendor_name": "keylease", "version": __version__}
    return {"version": VERSION, "product": product, "event_code": finding.check.id, "profiles": ["cloud"]}


def _info(finding: Finding, at: int) -> dict[str, Any]:
    return {
        "uid": finding.fingerprint,
        "title": finding.check.title,
        "desc": finding.check.why,
        "created_time": at,
        "types": ["Credentials"],
    }


def _compliance(finding: Finding) -> dict[str, Any]:
    cis = [f"CIS-{version}" for version in finding.check.cis]
    numbers = [f"CIS-{version}:{number}" for version, number in finding.check.cis.items()]
    return {
        "control": finding.check.id,
        "standards": cis or ["keylease"],
        "requirements": numbers,
        "status_id": FAILED,
        "status": "Fail",
    }


def _resource(finding: Finding) -> dict[str, Any]:
    found = finding.found
    return {
        "uid": found.arn or f"{finding.account}/{found.kind}/{found.subject}",
        "name": found.subject,
        "type": found.kind,
        "cloud_partition": found.arn.split(":")[1] if found.arn else "aws",
        "region": found.region or "global",
    }
