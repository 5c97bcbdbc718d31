"""The root user was used lately."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot
from keylease.audit.wording import age, day


def find(at: Snapshot) -> Iterator[Found]:
    """The latest of three dates counts: the password and both access keys."""
    root = at.root()
    uses = [("the password", root.password_used, "")]
    uses += [
        (f"access key {key.slot}", key.used, f" in {key.used_region} for {key.used_service}") for key in root.keys
    ]
    dated = [(what, used, where) for what, used, where in uses if used is not None]
    if not dated:
        return
    what, used, where = max(dated, key=lambda one: one[1])
    if at.at - used <= at.limits.root_quiet:
        yield Found(
            kind="root",
            subject="root",
            arn=root.arn,
            sentence=f"The root user was used {age(used, at.at)} ago.",
            evidence=(("last used", f"{what} on {day(used)}{where}"),),
        )


CHECK = Check(
    id="root-used",
    title="The root user is in use",
    severity=Severity.HIGH,
    why="Daily work as root means that its credentials are at hand, and that a mistake has no limit.",
    mend="`keylease root uses` says what uses it, from where, and which permission set would do.",
    cis=cis("1.7", "1.7", "1.6", "2.6", "2.7"),
    parts=("report",),
    find=find,
)
