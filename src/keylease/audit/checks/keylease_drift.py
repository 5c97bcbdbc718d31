"""What keylease made in the account, and is not as it made it."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Bearer, Iam, Snapshot, seen
from keylease.domain import iam as names
from keylease.domain.group_policy import weaknesses_of_policy


def find(at: Snapshot) -> Iterator[Found]:
    """Leased users without a genuine fence or with own policies, and groups that do not defend themselves."""
    iam = seen(at.iam)
    for user in iam.users:
        if user.path.startswith(names.USER_PATH):
            yield from _user(user, iam)
    for group in iam.groups:
        if group.path.startswith(names.GROUP_PATH):
            yield from _group(group, iam)


def _user(user: Bearer, iam: Iam) -> Iterator[Found]:
    if user.boundary is None or f":policy{names.FENCE_PATH}" not in user.boundary:
        yield _found(user, "fence", f"The leased user {user.name} wears no fence, so its key does not end.")
    elif user.boundary in iam.policies:
        name = user.boundary.split(f":policy{names.FENCE_PATH}", 1)[1]
        if not names.is_genuine(name, names.canonical(iam.policies[user.boundary].document)):
            yield _found(user, "fence", f"The fence of {user.name} is not what its name says: somebody changed it.")
    if user.inline or user.attached:
        yield _found(user, "policies", f"The leased user {user.name} has policies that keylease did not give it.")


def _group(group: Bearer, iam: Iam) -> Iterator[Found]:
    managed = [iam.policies[arn] for arn in group.attached if arn in iam.policies]
    weak = [weakness for policy in (*group.inline, *managed) for weakness in weaknesses_of_policy(policy.document)]
    if weak:
        yield _found(group, "group", f"The group {group.name} does not defend itself: {weak[0]}")


def _found(bearer: Bearer, about: str, sentence: str) -> Found:
    worse = Severity.CRITICAL if about == "fence" else None
    return Found(
        kind=bearer.kind, subject=bearer.name, arn=bearer.arn, about=about, sentence=sentence, severity=worse
    )


CHECK = Check(
    id="keylease-drift",
    title="Something of keylease's own was changed",
    severity=Severity.HIGH,
    why="Leases end because of the fence that each user wears, and stay small because of their groups.",
    mend="`keylease doctor` says what is to be mended; `keylease reconcile --once` removes what belongs to no "
    "lease.",
    parts=("iam",),
    find=find,
)
