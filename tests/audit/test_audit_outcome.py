"""Suppressions, the comparison with the last run, and what is not looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from audit.accounts import ACCOUNT, NOW, REGION, changed, clean, key, row, user
from keylease.audit.checks import ALL
from keylease.audit.outcome import Outcome, as_json, compared, conclude, needed
from keylease.audit.report import examine
from keylease.audit.snapshot import NOT_ASKED, Limits, Snapshot, Unseen
from keylease.audit.suppression import parse
from keylease.errors import BadLastRun, BadSuppressions

IDS = [check.id for check in ALL]
REFUSED = Unseen(why="AWS does not allow these credentials x:Y.")
OLD = changed(
    clean(), users=[user("bob"), user("ci-1")], rows=[row("bob", key(made=99)), row("ci-1", key(made=99))]
)
ACCEPTED = """
[[suppress]]
check = "key-old"
subject = "ci-*"
until = 2026-12-01
reason = "moves to OIDC"
"""


def outcome(at: Snapshot, accepted: str = "") -> Outcome:
    return conclude([examine(at, ALL)], now=at.at, suppressions=parse(accepted, checks=IDS))


def subjects(of: Outcome) -> list[str]:
    return [finding.found.subject for finding in of.findings]


def test_a_suppressed_finding_is_away_with_its_reason_until_its_day() -> None:
    held = outcome(OLD, ACCEPTED)
    assert subjects(held) == ["bob"]
    assert [why.reason for _, why in held.suppressed] == ["moves to OIDC"]
    later = outcome(replace(OLD, at=NOW + timedelta(days=7)), ACCEPTED)
    assert "ci-1" in subjects(later)
    assert [one.reason for one in later.over] == ["moves to OIDC"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[suppress", "not TOML"),
        ('[[suppress]]\ncheck = "key-old"\nuntil = 2026-12-01', "no reason"),
        ('[[suppress]]\ncheck = "key-old"\nreason = "x"', "no until"),
        ('[[suppress]]\ncheck = "key-odl"\nreason = "x"\nuntil = 2026-12-01', "no check key-odl"),
        ('[[suppress]]\ncheck = "key-old"\nreason = " "\nuntil = 2026-12-01', "a reason"),
        ('[[suppress]]\ncheck = "key-old"\nreason = "x"\nuntil = "soon"', "needs a day"),
        ('[[suppress]]\ncheck = "key-old"\nreason = "x"\nuntil = 2026-12-01\nsubjet = "x"', "subjet"),
    ],
)
def test_a_suppression_without_reason_or_end_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadSuppressions, match=says):
        parse(text, checks=IDS)


def test_a_run_says_what_is_new_and_what_is_gone_since_the_last() -> None:
    last = json.dumps(as_json(outcome(changed(clean(), users=[user("bob")], rows=[row("bob", key(made=99))]))))
    now = compared(outcome(changed(clean(), users=[user("eve")], rows=[row("eve", key(made=99))])), last)
    assert now.comparison is not None
    assert [one["subject"] for one in now.comparison.gone] == ["bob"]
    assert [one.found.subject for one in now.findings if one.fingerprint in now.comparison.new] == ["eve"]
    assert compared(outcome(OLD), json.dumps(as_json(outcome(OLD)))).comparison == replace(
        now.comparison, new=frozenset(), gone=()
    )


def test_what_was_not_looked_at_this_time_is_not_gone() -> None:
    last = json.dumps(as_json(outcome(OLD)))
    now = compared(outcome(replace(clean(), report=REFUSED)), last)
    assert now.comparison is not None
    assert now.comparison.gone == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"accounts": [{}], "at": "x"}', '{"accounts": 3, "at": "x"}'])
def test_a_last_run_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadLastRun):
        compared(outcome(clean()), text)


@pytest.mark.parametrize("part", sorted(needed(ALL) - {"summary"}))
def test_a_fact_that_is_refused_stops_every_check_that_needs_it_and_no_other(part: str) -> None:
    whole = getattr(clean(), part)
    refused: Any = {REGION: REFUSED} if isinstance(whole, dict) else REFUSED
    report = examine(replace(clean(), **{part: refused}), ALL)
    stopped = {check for gap in report.gaps for check in gap.checks}
    assert stopped == {check.id for check in ALL} - set(report.ran)
    assert stopped >= {check.id for check in ALL if check.parts[0] == part}
    assert stopped <= {check.id for check in ALL if part in check.parts}
    assert report.findings == ()


def test_a_snapshot_of_which_nothing_is_known_gives_no_finding_and_no_check_that_ran() -> None:
    report = examine(Snapshot(account=ACCOUNT, at=NOW), ALL)
    assert (report.findings, report.ran) == ((), ())
    assert {gap.why for gap in report.gaps} == {NOT_ASKED.why}


def test_one_region_that_is_refused_is_said_and_the_others_are_looked_at() -> None:
    report = examine(replace(clean(), recorders={REGION: (False,), "us-east-1": REFUSED}), ALL)
    assert [finding.check.id for finding in report.findings] == ["config-off"]
    assert [(gap.checks, gap.region) for gap in report.gaps] == [(("config-off",), "us-east-1")]


def test_a_policy_that_could_not_be_read_is_said() -> None:
    at = clean()
    assert not isinstance(at.iam, Unseen)
    report = examine(replace(at, iam=replace(at.iam, unread=("arn:aws:iam::aws:policy/ViewOnly",))), ALL)
    assert {"escalation", "administrator"} <= set(report.gaps[0].checks)
    assert "ViewOnly" in report.gaps[0].why


def test_a_user_that_is_newer_than_the_report_is_said() -> None:
    at = changed(clean(), users=[user("new")])
    assert not isinstance(at.report, Unseen)
    report = examine(replace(at, report=tuple(row for row in at.report if row.user != "new")), ALL)
    [gap] = report.gaps
    assert "new" in gap.why
    assert {"key-old", "console-without-mfa"} <= set(gap.checks)
    assert "policy-on-user" in report.ran


def test_limits_are_what_is_measured_by() -> None:
    strict = replace(OLD, limits=Limits(key_age=timedelta(days=7)))
    assert {"priya", "bob", "ci-1"} <= set(subjects(outcome(strict)))
