"""People who sign in to the console with a password alone."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot
from keylease.audit.wording import day, of_people


def find(at: Snapshot) -> Iterator[Found]:
    """Users with a password and without a second factor; the root user is another check's."""
    for row in of_people(at):
        if row.password and not row.mfa:
            sentence = f"{row.user} signs in to the console with a password alone."
            evidence = (("last sign-in", day(row.password_used)),)
            yield Found(kind="user", subject=row.user, arn=row.arn, sentence=sentence, evidence=evidence)


CHECK = Check(
    id="console-without-mfa",
    title="A console user has no second factor",
    severity=Severity.HIGH,
    why="Passwords are guessed, reused and phished; each of these is then a way into the account.",
    mend="Let people sign in through the company directory (docs/how-to/entra.md) and delete the password, or "
    "add a device.",
    cis=cis("1.10", "1.10", "1.9", "2.9", "2.10"),
    parts=("report",),
    find=find,
)
