"""X.509 signing certificates, root's too: credentials from the time before access keys."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """Whoever has an active one."""
    for row in seen(at.report):
        if row.certificates:
            name = "root" if row.is_root else row.user
            yield Found(
                kind="root" if row.is_root else "user",
                subject=name,
                arn=row.arn,
                sentence=f"{name} has an active signing certificate.",
                severity=Severity.HIGH if row.is_root else None,
            )


CHECK = Check(
    id="signing-certificate",
    title="A signing certificate is active",
    severity=Severity.MEDIUM,
    why="It signs requests as an access key does, and hardly anything still needs it.",
    mend="Delete it: `aws iam delete-signing-certificate --user-name NAME --certificate-id ID`.",
    parts=("report",),
    find=find,
)
