"""The password policy allows short passwords."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """Shorter than the limit, or no policy of the account's own."""
    policy = seen(at.password_policy)
    if policy.length < at.limits.password_length:
        own = "" if policy.is_set else ", since the account has no password policy of its own"
        sentence = f"Console passwords may have {policy.length} characters{own}."
        yield Found(kind="account", subject=at.account, sentence=sentence)


CHECK = Check(
    id="password-length",
    title="Short console passwords are allowed",
    severity=Severity.LOW,
    why="Short passwords are guessed.",
    mend="`aws iam update-account-password-policy --minimum-password-length 14 --password-reuse-prevention 24`.",
    cis=cis("1.8", "1.8", "1.7", "2.7", "2.8"),
    parts=("password_policy",),
    find=find,
)
