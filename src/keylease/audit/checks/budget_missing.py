"""Nobody would hear that the bill explodes."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """No budget at all."""
    if not seen(at.budgets):
        yield Found(kind="account", subject=at.account, sentence="The account has no budget.")


CHECK = Check(
    id="budget-missing",
    title="There is no budget",
    severity=Severity.LOW,
    why="The bill is often the first sign of a stolen key; a budget shows it within a day instead of a month.",
    mend="`aws budgets create-budget`, with a mail at half of it and at all of it.",
    parts=("budgets",),
    find=find,
)
