"""Who can administer the account."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.rights import Rights, trusts_caller
from keylease.audit.snapshot import Bearer, Snapshot, Unseen
from keylease.audit.wording import active

BY_DESIGN = ("AWSControlTower", "AWSAFT", "stacksets-exec-", "OrganizationAccountAccessRole", "AWSReservedSSO_")
"""What the names of roles begin with that are administrators by AWS's own design."""


def find(at: Snapshot) -> Iterator[Found]:
    """Each user, worst with an access key; and roles of the account's own."""
    rights = Rights(at)
    keyed = set() if isinstance(at.report, Unseen) else {row.user for row in at.credentials() if active(row)}
    for user in rights.iam.users:
        if source := rights.administers(user):
            yield _user(user, source, keyed=user.name in keyed)
    for role in rights.iam.roles:
        aws_made = role.path.startswith("/aws-service-role/") or role.name.startswith(BY_DESIGN)
        if not aws_made and (source := rights.administers(role)):
            yield _role(role, source, rights)


def _user(user: Bearer, source: str, *, keyed: bool) -> Found:
    return Found(
        kind="user",
        subject=user.name,
        arn=user.arn,
        sentence=f"{user.name} can administer the account{', with an access key' if keyed else ''}.",
        evidence=(("by", source),),
        severity=Severity.CRITICAL if keyed else None,
    )


def _role(role: Bearer, source: str, rights: Rights) -> Found:
    may = [user.name for user in rights.iam.users if trusts_caller(role, user) and _assumes(rights, user, role)]
    return Found(
        kind="role",
        subject=role.name,
        arn=role.arn,
        sentence=f"The role {role.name} can administer the account.",
        evidence=(("by", source), ("users who may assume it", ", ".join(may[:10]) or "none by their own policies")),
        severity=Severity.MEDIUM,
    )


def _assumes(rights: Rights, user: Bearer, role: Bearer) -> bool:
    return any(one.reaches(role.arn) for one in rights.given(user, "sts:AssumeRole"))


CHECK = Check(
    id="administrator",
    title="Somebody can administer the account",
    severity=Severity.HIGH,
    why="Each is as good as root to a thief. There should be few, signed in through the directory, for hours.",
    mend="Let administrators lease a permission set for hours (docs/how-to/account.md); end their keys by "
    "`keylease adopt plan`.",
    parts=("iam", "report"),
    find=find,
)
