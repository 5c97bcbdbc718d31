"""audit_vs_prowler: keylease's audit of the IAM facts beside Prowler's IAM checks, on the same account.

`same` says whether both found the same users with policies of their own, a fact that both tell by name. Prowler at
5,000 users takes ten minutes and 2.8 gigabytes on a quiet machine of 2 cores; it is given an hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bench import peers
from bench.audited import SIZES, Run, Seeded, beside, keylease, seeded, subjects
from bench.result import Result

FACT = "iam_policy_attached_only_to_group_or_roles"
FAILED = 3
"""Prowler's exit status where it found something."""


def measure() -> Iterator[Result]:
    """One line for each size."""
    program = peers.program("prowler", "prowler")
    for users in SIZES:
        with seeded(users) as account:
            theirs = account.run(_command(program, account), accepts=(0, FAILED))
            ours = account.run(keylease())
            yield Result(
                name="audit_vs_prowler",
                case=f"{users} users",
                value=ours.seconds,
                unit="s",
                against="Prowler's IAM checks",
                ratio=round(ours.seconds / theirs.seconds, 4),
                more={**beside(ours, theirs), **_same(ours, account)},
            )


def _command(program: str, account: Seeded) -> list[str]:
    words = ["aws", "--service", "iam", "--region", "us-east-1", "--output-formats", "json-ocsf", "--no-banner"]
    return [program, *words, "--output-directory", str(account.home / "prowler"), "--output-filename", "found"]


def _same(ours: Run, account: Seeded) -> dict[str, object]:
    found = json.loads(_report(account.home / "prowler").read_text("utf-8"))
    theirs = {
        one["resources"][0]["uid"].rpartition("/")[2]
        for one in found
        if one["metadata"]["event_code"] == FACT and one["status_code"] == "FAIL"
    }
    mine = subjects(ours, "policy-on-user")
    return {"same": mine == theirs, "found": len(mine), "against_found": len(theirs)}


def _report(folder: Path) -> Path:
    return next(folder.rglob("found*.ocsf.json"))
