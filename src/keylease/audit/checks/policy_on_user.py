"""Policies that hang on users instead of groups or roles."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, seen
from keylease.audit.wording import is_leased

OURS = frozenset({"keylease-end"})
"""The date that `keylease adopt` puts on a user."""


def find(at: Snapshot) -> Iterator[Found]:
    """Inline and attached ones; AWS's quarantine is another check's."""
    for user in seen(at.iam).users:
        own = [policy.name for policy in user.inline if policy.name not in OURS]
        own += [arn.rpartition("/")[2] for arn in user.attached if "AWSCompromisedKeyQuarantine" not in arn]
        if own and not is_leased(user.arn):
            yield Found(
                kind="user",
                subject=user.name,
                arn=user.arn,
                sentence=f"{user.name} has policies of its own.",
                evidence=(("policies", ", ".join(sorted(own))),),
            )


CHECK = Check(
    id="policy-on-user",
    title="A policy hangs on a user",
    severity=Severity.LOW,
    why="Rights that are given person by person are forgotten person by person.",
    mend="Make a permission set of it (docs/how-to/account.md), and let people lease it.",
    cis=cis("1.15", "1.15", "1.14", "2.14", "2.13"),
    parts=("iam",),
    find=find,
)
