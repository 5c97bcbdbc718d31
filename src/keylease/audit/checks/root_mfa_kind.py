"""The root user's second factor is an app on somebody's phone."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.checks.root_mfa import has_no_credentials
from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """A virtual device that is root's."""
    virtual = [arn for arn in seen(at.virtual_mfa) if arn.endswith(":root")]
    if virtual and not has_no_credentials(at):
        sentence = "The root user's second factor is virtual: it is copied with the phone that it lives on."
        yield Found(kind="root", subject="root", arn=at.root().arn, sentence=sentence)


CHECK = Check(
    id="root-mfa-kind",
    title="The root user's second factor is virtual",
    severity=Severity.MEDIUM,
    why="A phone is lost, changed and backed up; whoever restores the backup has the factor. A security key is "
    "one thing.",
    mend="Sign in as root once, add two security keys that are kept apart, and remove the virtual device.",
    cis=cis("1.6", "1.6", "1.5", "2.5", "2.6"),
    parts=("virtual_mfa", "report", "summary"),
    find=find,
)
