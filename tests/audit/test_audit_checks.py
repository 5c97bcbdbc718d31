"""Every check on accounts that have its fault, and on twins that only look like it.

Each account is audited by all checks, so that what one of them says too much fails here too: precision and recall
over everything that was seeded are 1.
"""

from __future__ import annotations

import pytest

from audit.accounts import clean
from audit.faults import FAULTS, TWINS, Fault
from keylease.audit.checks import ALL
from keylease.audit.finding import Check
from keylease.audit.report import Report, examine
from keylease.audit.snapshot import Snapshot

SEEDED = [(check, fault) for check, faults in FAULTS.items() for fault in faults]
ALIKE = [(check, name, at) for check, twins in TWINS.items() for name, at in twins]


def found(report: Report) -> set[str]:
    return {f"{finding.check.id} {finding.found.subject}" for finding in report.findings}


def test_a_clean_account_has_no_findings_and_no_gaps() -> None:
    report = examine(clean(), ALL)
    assert (report.findings, report.gaps) == ((), ())
    assert report.ran == tuple(check.id for check in ALL)


@pytest.mark.parametrize(("check", "fault"), SEEDED, ids=[f"{check}: {fault.name}" for check, fault in SEEDED])
def test_a_fault_is_found_and_nothing_else(check: str, fault: Fault) -> None:
    report = examine(fault.at(), ALL)
    assert report.gaps == ()
    assert check in report.ran
    assert found(report) == set(fault.finds)


@pytest.mark.parametrize(("check", "name", "at"), ALIKE, ids=[f"{check}: {name}" for check, name, _ in ALIKE])
def test_what_only_looks_like_the_fault_is_not_found(check: str, name: str, at: Snapshot) -> None:
    report = examine(at, ALL)
    assert not [line for line in found(report) if line.startswith(f"{check} ")], name


def test_every_check_has_a_fault_and_a_twin() -> None:
    ids = {check.id for check in ALL}
    assert ids == set(FAULTS) == set(TWINS)


@pytest.mark.parametrize("check", ALL, ids=[check.id for check in ALL])
def test_a_check_says_why_it_matters_and_what_to_do(check: Check) -> None:
    assert all((check.title, check.why.endswith("."), check.mend, check.parts))


def test_every_severity_and_every_fingerprint_is_stable_and_distinct() -> None:
    prints = [finding.fingerprint for _, fault in SEEDED for finding in examine(fault.at(), ALL).findings]
    again = [finding.fingerprint for _, fault in SEEDED for finding in examine(fault.at(), ALL).findings]
    assert prints == again
    for _, fault in SEEDED:
        own = [finding.fingerprint for finding in examine(fault.at(), ALL).findings]
        assert len(own) == len(set(own))
