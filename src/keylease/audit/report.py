"""Running the checks: a snapshot in, a report out.

A check runs whatever another one found or stumbled over. What it could not look at is said in `unseen`, whole or
region by region; a check that was stopped has no findings and is not counted among those that ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from keylease.audit.finding import Check, Finding, Severity
from keylease.audit.snapshot import NOT_ASKED, NotLookedAt, Snapshot, Unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What was not looked at: the checks that could say nothing, or nothing about one region, and why."""

    checks: tuple[str, ...]
    why: str
    hint: str = ""
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report on one account. `findings` are worst first, then in the checks' own order.

    `ran` are the checks that looked at all they need.
    """

    account: str
    alias: str | None
    at: datetime
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    ran: tuple[str, ...]

    @property
    def counts(self) -> Mapping[Severity, int]:
        """How many findings of each severity, all severities named."""
        return {one: sum(finding.severity is one for finding in self.findings) for one in Severity}

    def worst(self) -> Severity | None:
        """The worst severity; None where nothing was found."""
        return self.findings[0].severity if self.findings else None


def examine(snapshot: Snapshot, checks: Iterable[Check]) -> Report:
    """Run checks over a snapshot."""
    findings: list[Finding] = []
    stopped: list[tuple[str, Unseen, str | None]] = []
    ran = []
    for check in checks:
        try:
            ordered = sorted(check.find(snapshot), key=lambda one: (one.subject, one.region or "", one.about))
            found = [Finding(account=snapshot.account, check=check, found=one) for one in ordered]
            partly = list(_regions_unseen(check, snapshot))
        except NotLookedAt as reason:
            stopped.append((check.id, reason.unseen, None))
            continue
        except Exception as unforeseen:  # noqa: BLE001 - a check that stumbles over something odd must hide no other
            stopped.append((check.id, _stumbled(unforeseen), None))
            continue
        findings += found
        partly += [*_policies_unread(check, snapshot), *_newer_than_report(check, snapshot)]
        stopped += partly
        if not partly:
            ran.append(check.id)
    return Report(
        account=snapshot.account,
        alias=snapshot.alias,
        at=snapshot.at,
        findings=tuple(sorted(findings, key=lambda one: one.severity.rank)),
        gaps=tuple(_gathered(stopped)),
        ran=tuple(ran),
    )


def _regions_unseen(check: Check, snapshot: Snapshot) -> Iterator[tuple[str, Unseen, str | None]]:
    for part in check.parts:
        facts = getattr(snapshot, part)
        if part in REGIONAL and not facts:
            yield check.id, NOT_ASKED, None
        elif part in REGIONAL:
            for region, fact in facts.items():
                if isinstance(fact, Unseen):
                    yield check.id, fact, region


def _policies_unread(check: Check, snapshot: Snapshot) -> Iterator[tuple[str, Unseen, str | None]]:
    """Who wears a policy that could not be read may do more than was seen."""
    if "iam" in check.parts and not isinstance(snapshot.iam, Unseen) and snapshot.iam.unread:
        listed = ", ".join(arn.rpartition("/")[2] for arn in snapshot.iam.unread)
        yield check.id, Unseen(why=f"Policies that are in use could not be read: {listed}."), None


def _newer_than_report(check: Check, snapshot: Snapshot) -> Iterator[tuple[str, Unseen, str | None]]:
    """Users of whom the credential report knows nothing yet."""
    if "report" not in check.parts or isinstance(snapshot.iam, Unseen) or isinstance(snapshot.report, Unseen):
        return
    missing = sorted({user.name for user in snapshot.iam.users} - {row.user for row in snapshot.report})
    if missing:
        listed = ", ".join(missing[:10]) + (" and more" if len(missing) > 10 else "")
        yield check.id, Unseen(why=f"Users that are newer than the credential report: {listed}.", hint=LATER), None


LATER = "AWS writes a new report every four hours; look again then."
REGIONAL = frozenset({"recorders", "instances", "user_data", "functions", "tasks", "stacks", "parameters"})
"""The facts of a snapshot that are kept region by region."""


def _stumbled(failure: Exception) -> Unseen:
    why = f"The check failed ({type(failure).__name__}): something in the account is of an unknown form."
    return Unseen(why=why, hint="Report it, with `--json` of this audit.")


def _gathered(stopped: Iterable[tuple[str, Unseen, str | None]]) -> Iterator[Gap]:
    """One gap for each reason, with all the checks that it stopped."""
    reasons: dict[tuple[str, str, str | None], list[str]] = {}
    for check, unseen, region in stopped:
        reasons.setdefault((unseen.why, unseen.hint, region), []).append(check)
    for (why, hint, region), checks in reasons.items():
        yield Gap(checks=tuple(checks), why=why, hint=hint, region=region)
