"""One HTML file that needs nothing else: no script, no network, the look of keylease's pages, fit for printing.

Everything that comes from AWS is escaped. The style sheet is given by the caller, so that there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from keylease import __version__
from keylease.audit.finding import Check, Finding, Severity
from keylease.audit.outcome import Outcome
from keylease.audit.report import Report
from keylease.domain.clock import to_text

LOOKS = {Severity.CRITICAL: "stuck", Severity.HIGH: "revoked", Severity.MEDIUM: "ending", Severity.LOW: "requested"}
MOST_BARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the chart: what it counts, how many, and its width in hundredths."""

    check: Check
    severity: Severity
    count: int
    width: int


def render(outcome: Outcome, *, css: str) -> str:
    """The whole page."""
    counts = {one: sum(finding.severity is one for finding in outcome.findings) for one in Severity}
    return (
        _environment()
        .get_template("report.html")
        .render(
            outcome=outcome,
            css=Markup(css.replace("</", "<\\/")),  # noqa: S704 - our own style sheet
            at=to_text(outcome.at),
            version=__version__,
            counts=counts,
            looks=LOOKS,
            bars=list(_bars(outcome)),
            reports=[(report, list(_groups(report))) for report in outcome.reports],
            new=outcome.comparison.new if outcome.comparison else frozenset(),
        )
    )


def _bars(outcome: Outcome) -> Iterator[Bar]:
    """How many findings each check has, worst and most first."""
    by_check: dict[str, list[Finding]] = {}
    for finding in outcome.findings:
        by_check.setdefault(finding.check.id, []).append(finding)
    most = max((len(found) for found in by_check.values()), default=1)
    ordered = sorted(by_check.values(), key=lambda found: (found[0].severity.rank, -len(found)))
    for found in ordered[:MOST_BARS]:
        width = max(2, round(100 * len(found) / most))
        yield Bar(check=found[0].check, severity=found[0].severity, count=len(found), width=width)


def _groups(report: Report) -> Iterator[tuple[Check, Severity, list[Finding]]]:
    """The findings of a report by check, in the report's order."""
    by_check: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_check.setdefault(finding.check.id, []).append(finding)
    for found in by_check.values():
        yield found[0].check, found[0].severity, found


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("keylease.audit.formats", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["told"] = _told
    return made


def _told(text: Any) -> Markup:
    """Words in which what stands between backticks is a command."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
