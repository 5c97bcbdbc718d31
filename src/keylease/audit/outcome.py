"""What one run of the audit comes to: reports, what was suppressed, and what changed since the last run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from keylease.audit.finding import Finding, Severity
from keylease.audit.report import Gap, Report
from keylease.audit.suppression import Suppression, divide
from keylease.domain.clock import to_text
from keylease.errors import BadLastRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Since the last run: fingerprints that are new, and findings that are gone, as that run told them.

    A finding whose check could not look now is not gone: it is not known.
    """

    since: str
    new: frozenset[str]
    gone: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run over one account or many. `unreached`: accounts that could not be audited, and why."""

    at: datetime
    reports: tuple[Report, ...]
    suppressed: tuple[tuple[Finding, Suppression], ...] = ()
    over: tuple[Suppression, ...] = ()
    """Suppressions whose end has come."""
    unreached: Mapping[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of all accounts, worst first."""
        return tuple(
            sorted(
                (finding for report in self.reports for finding in report.findings),
                key=lambda one: (one.severity.rank, one.account),
            )
        )

    @property
    def gaps(self) -> tuple[tuple[str, Gap], ...]:
        """What was not looked at, by account."""
        return tuple((report.account, gap) for report in self.reports for gap in report.gaps)

    def as_bad_as(self, limit: Severity) -> int:
        """How many findings are that bad or worse."""
        return sum(finding.severity.rank <= limit.rank for finding in self.findings)


def conclude(
    reports: Sequence[Report],
    *,
    now: datetime,
    suppressions: Sequence[Suppression] = (),
    unreached: Mapping[str, str] | None = None,
) -> Outcome:
    """Take what is suppressed out of the reports."""
    kept: list[Report] = []
    away: list[tuple[Finding, Suppression]] = []
    for report in reports:
        stay, suppressed = divide(report.findings, suppressions, now)
        kept.append(replace(report, findings=stay))
        away += suppressed
    over = tuple(one for one in suppressions if not one.holds(now))
    return Outcome(at=now, reports=tuple(kept), suppressed=tuple(away), over=over, unreached=dict(unreached or {}))


def compared(outcome: Outcome, last_run: str) -> Outcome:
    """The outcome with what changed since the report of an earlier run. Raises `BadLastRun`."""
    before = _read(last_run)
    known = {one["id"]: one for account in before["accounts"] for one in account["findings"]}
    now = {finding.fingerprint for finding in outcome.findings}
    hidden = {finding.fingerprint for finding, _ in outcome.suppressed}
    looked = {(report.account, check) for report in outcome.reports for check in report.ran}
    gone = [
        one
        for id_, one in known.items()
        if id_ not in now and id_ not in hidden and (one["account"], one["check"]) in looked
    ]
    comparison = Comparison(since=before["at"], new=frozenset(now - known.keys()), gone=tuple(gone))
    return replace(outcome, comparison=comparison)


def _read(text: str) -> Mapping[str, Any]:
    found: Any = None
    try:
        found = json.loads(text)
        is_one = all("findings" in account for account in found["accounts"]) and isinstance(found["at"], str)
    except (ValueError, KeyError, TypeError):
        is_one = False
    if not is_one:
        raise BadLastRun("The last run's report is not one of an audit.")
    return dict(found)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain data: what `--json` writes and a later run compares itself with."""
    suppressed = [
        {**finding_as_json(finding), "reason": why.reason, "until": why.until.isoformat()}
        for finding, why in outcome.suppressed
    ]
    return {
        "at": to_text(outcome.at),
        "accounts": [_account(report) for report in outcome.reports],
        "suppressed": suppressed,
        "suppressions_over": [_suppression(one) for one in outcome.over],
        "unreached": [{"account": account, "why": why} for account, why in outcome.unreached.items()],
        "since_last_run": _comparison(outcome.comparison),
    }


def _account(report: Report) -> dict[str, Any]:
    return {
        "account": report.account,
        "alias": report.alias,
        "at": to_text(report.at),
        "counts": {str(severity): count for severity, count in report.counts.items()},
        "findings": [finding_as_json(finding) for finding in report.findings],
        "not_looked_at": [
            {"checks": list(gap.checks), "region": gap.region, "why": gap.why, "hint": gap.hint}
            for gap in report.gaps
        ],
        "ran": list(report.ran),
    }


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """One finding as plain data."""
    found = finding.found
    return {
        "id": finding.fingerprint,
        "account": finding.account,
        "check": finding.check.id,
        "severity": str(finding.severity),
        "kind": found.kind,
        "subject": found.subject,
        "arn": found.arn,
        "region": found.region,
        "sentence": found.sentence,
        "evidence": dict(found.evidence),
        "why": finding.check.why,
        "cis": {f"CIS-{version}": number for version, number in finding.check.cis.items()},
        "mend": finding.mend,
    }


def _suppression(one: Suppression) -> dict[str, str]:
    return {
        "check": one.check,
        "subject": one.subject,
        "account": one.account,
        "until": one.until.isoformat(),
        "reason": one.reason,
    }


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {"since": comparison.since, "new": sorted(comparison.new), "gone": list(comparison.gone)}


def needed(checks: Iterable[Any]) -> frozenset[str]:
    """The parts of a snapshot that these checks need."""
    return frozenset(part for check in checks for part in check.parts)
