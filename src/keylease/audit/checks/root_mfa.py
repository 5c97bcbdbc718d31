"""No second factor at the root user."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, Unseen


def find(at: Snapshot) -> Iterator[Found]:
    """Where the report and the summary say so. A root user without any credentials needs none."""
    root = at.root()
    summary = {} if isinstance(at.summary, Unseen) else at.summary
    if root.mfa or summary.get("AccountMFAEnabled"):
        return
    if has_no_credentials(at):
        return
    used = root.password_used.date().isoformat() if root.password_used else "never"
    yield Found(
        kind="root",
        subject="root",
        arn=root.arn,
        sentence="The root user signs in with a password alone.",
        evidence=(("last sign-in", used),),
    )


def has_no_credentials(at: Snapshot) -> bool:
    """Whether the root user has neither password nor access key, as in members of a well-kept organization."""
    summary = {} if isinstance(at.summary, Unseen) else at.summary
    return summary.get("AccountPasswordPresent") == 0 and not any(key.active for key in at.root().keys)


CHECK = Check(
    id="root-mfa",
    title="The root user has no second factor",
    severity=Severity.CRITICAL,
    why="A password that leaks, or a mailbox that somebody reads, is then the whole account.",
    mend="Sign in as root once and add two security keys (My security credentials); `keylease root` lists it too.",
    cis=cis("1.5", "1.5", "1.4", "2.4", "2.5"),
    parts=("report", "summary"),
    find=find,
)
