"""Findings that somebody has accepted: with a reason, and up to a date.

A file of suppressions is TOML, so that it can be reviewed as code is:

    [[suppress]]
    check = "key-old"
    subject = "ci-*"              # a pattern; without it every subject
    account = "123456789012"      # without it every account
    until = 2027-01-31
    reason = "The build server moves to OIDC in January."

From the day on that `until` names, the finding is back, and that the suppression is over is said.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from keylease.audit.finding import Finding
from keylease.errors import BadSuppressions

KNOWN = frozenset({"check", "subject", "account", "until", "reason"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One entry. `until` is the first day on which it does not hold any more, in UTC."""

    check: str
    until: date
    reason: str
    subject: str = "*"
    account: str = "*"

    def fits(self, finding: Finding) -> bool:
        """Whether it speaks of this finding."""
        return (
            self.check == finding.check.id
            and fnmatchcase(finding.found.subject, self.subject)
            and fnmatchcase(finding.account, self.account)
        )

    def holds(self, now: datetime) -> bool:
        """Whether its end has not come."""
        return now.astimezone(UTC).date() < self.until


def parse(text: str, *, checks: Iterable[str]) -> tuple[Suppression, ...]:
    """The suppressions of a file. Raises `BadSuppressions`, with the number of the entry."""
    try:
        entries = tomllib.loads(text).get("suppress", [])
    except tomllib.TOMLDecodeError as error:
        raise BadSuppressions(f"The suppressions are not TOML: {error}.") from None
    return tuple(_entry(number, entry, frozenset(checks)) for number, entry in enumerate(entries, start=1))


def _entry(number: int, entry: Mapping[str, Any], checks: frozenset[str]) -> Suppression:
    if unknown := sorted(entry.keys() - KNOWN):
        raise BadSuppressions(f"Suppression {number} has {', '.join(unknown)}, which means nothing.")
    if missing := sorted({"check", "until", "reason"} - entry.keys()):
        raise BadSuppressions(f"Suppression {number} has no {', '.join(missing)}.")
    if entry["check"] not in checks:
        raise BadSuppressions(f"Suppression {number}: there is no check {entry['check']}.")
    until, reason = entry["until"], str(entry["reason"]).strip()
    if isinstance(until, datetime) or not isinstance(until, date) or not reason:
        raise BadSuppressions(f"Suppression {number} needs a day such as 2027-01-31, and a reason.")
    rest = {name: str(entry[name]) for name in ("subject", "account") if name in entry}
    return Suppression(check=entry["check"], until=until, reason=reason, **rest)


def divide(
    findings: Iterable[Finding], suppressions: Iterable[Suppression], now: datetime
) -> tuple[tuple[Finding, ...], tuple[tuple[Finding, Suppression], ...]]:
    """The findings that stay, and those that are suppressed, each with its reason."""
    holding = [one for one in suppressions if one.holds(now)]
    stay, away = [], []
    for finding in findings:
        fitting = next((one for one in holding if one.fits(finding)), None)
        if fitting is None:
            stay.append(finding)
        else:
            away.append((finding, fitting))
    return tuple(stay), tuple(away)
