"""The password policy allows old passwords again."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """Fewer passwords remembered than the limit."""
    policy = seen(at.password_policy)
    if policy.reuse < at.limits.password_reuse:
        sentence = (
            f"The last {policy.reuse} console passwords are refused again, not the last {at.limits.password_reuse}."
        )
        yield Found(kind="account", subject=at.account, sentence=sentence)


CHECK = Check(
    id="password-reuse",
    title="Old console passwords are allowed again",
    severity=Severity.LOW,
    why="A password that leaked once comes back.",
    mend="`aws iam update-account-password-policy --minimum-password-length 14 --password-reuse-prevention 24`.",
    cis=cis("1.9", "1.9", "1.8", "2.8", "2.9"),
    parts=("password_policy",),
    find=find,
)
