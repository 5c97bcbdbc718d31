"""CSV, one finding a line. A cell that a spreadsheet would take for a formula is made a text."""

from __future__ import annotations

import csv
import io

from keylease.audit.outcome import Outcome

COLUMNS = (
    "account",
    "severity",
    "check",
    "cis",
    "kind",
    "subject",
    "arn",
    "region",
    "sentence",
    "evidence",
    "mend",
    "id",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(outcome: Outcome) -> str:
    """All findings, worst first; a line `not looked at` for each gap, since a table is read by itself."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in outcome.findings:
        found = one.found
        evidence = "; ".join(f"{name}: {value}" for name, value in found.evidence)
        first = (one.account, str(one.severity), one.check.id, one.cis, found.kind, found.subject, found.arn)
        writer.writerow(
            [
                _plain(cell)
                for cell in (*first, found.region or "", found.sentence, evidence, one.mend, one.fingerprint)
            ]
        )
    for account, gap in outcome.gaps:
        cells = (
            account,
            "not looked at",
            " ".join(gap.checks),
            "",
            "",
            "",
            "",
            gap.region or "",
            gap.why,
            "",
            gap.hint,
            "",
        )
        writer.writerow([_plain(cell) for cell in cells])
    return written.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
