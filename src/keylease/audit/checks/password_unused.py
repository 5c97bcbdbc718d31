"""Console passwords that nobody uses."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot
from keylease.audit.wording import day, of_people


def find(at: Snapshot) -> Iterator[Found]:
    """Longer than the limit without a sign-in; a password that was set lately has time to be used."""
    for row in of_people(at):
        last = row.password_used or row.password_changed or row.created
        if row.password and last and at.at - last > at.limits.unused:
            yield Found(
                kind="user",
                subject=row.user,
                arn=row.arn,
                sentence=f"{row.user} has a console password that was last used: {day(row.password_used)}.",
                evidence=(("last sign-in", day(row.password_used)), ("password set", day(row.password_changed))),
            )


CHECK = Check(
    id="password-unused",
    title="A console password is not used any more",
    severity=Severity.MEDIUM,
    why="Somebody who does not sign in does not notice who else does.",
    mend="Delete the login profile: `aws iam delete-login-profile --user-name NAME`.",
    cis=cis("1.12", "1.12", "1.11", "2.11", "2.11"),
    parts=("report",),
    find=find,
)
