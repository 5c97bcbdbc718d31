"""audit_vs_custodian: keylease's audit of the IAM facts beside Cloud Custodian's filters for them.

Custodian answers only what its policies ask: keys, passwords, factors and policies of users here. `same` says
whether both found the same users with an active access key, which keylease tells of users without an owner, and
here nobody has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bench import peers
from bench.audited import SIZES, Run, Seeded, beside, keylease, seeded, subjects
from bench.result import Result

POLICIES = {
    "policies": [
        {
            "name": "active-keys",
            "resource": "aws.iam-user",
            "filters": [{"type": "access-key", "key": "Status", "value": "Active"}],
        },
        {
            "name": "console-without-mfa",
            "resource": "aws.iam-user",
            "filters": [
                {"type": "credential", "key": "password_enabled", "value": True},
                {"type": "credential", "key": "mfa_active", "value": False},
            ],
        },
        {
            "name": "attached-policies",
            "resource": "aws.iam-user",
            "filters": [{"type": "policy", "key": "PolicyName", "value": "present"}],
        },
        {
            "name": "groups",
            "resource": "aws.iam-user",
            "filters": [{"not": [{"type": "group", "key": "GroupName", "value": "present"}]}],
        },
    ]
}


def measure() -> Iterator[Result]:
    """One line for each size."""
    program = peers.program("custodian", "custodian")
    for users in SIZES:
        with seeded(users) as account:
            theirs = account.run(_command(program, account))
            ours = account.run(keylease())
            yield Result(
                name="audit_vs_custodian",
                case=f"{users} users",
                value=ours.seconds,
                unit="s",
                against="Cloud Custodian's user filters",
                ratio=round(ours.seconds / theirs.seconds, 4),
                more={**beside(ours, theirs), **_same(ours, account)},
            )


def _command(program: str, account: Seeded) -> list[str]:
    path = account.home / "policies.json"
    path.write_text(json.dumps(POLICIES), encoding="utf-8")
    places = ["--output-dir", str(account.home / "custodian"), "--cache-period", "0", "--region", "us-east-1"]
    return [program, "run", *places, str(path)]


def _same(ours: Run, account: Seeded) -> dict[str, object]:
    written = account.home / "custodian" / "active-keys" / "resources.json"
    theirs = {one["UserName"] for one in json.loads(written.read_text("utf-8"))}
    mine = subjects(ours, "key-without-owner")
    return {"same": mine == theirs, "found": len(mine), "against_found": len(theirs)}
