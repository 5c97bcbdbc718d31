"""The user whose access key lies in the directory: the gallery application's provisioning."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.rights import Rights
from keylease.audit.snapshot import Bearer, Snapshot, seen
from keylease.audit.wording import ADOPT, active, key_evidence
from keylease.domain.statement import as_list, statements

NAMES = ("azureadrolemanager", "azureadroleprovisioning", "entraidrolemanager")
READS = {"iam:ListRoles", "iam:ListAccountAliases"}


def find(at: Snapshot) -> Iterator[Found]:
    """A user of that name, or one that may list roles and nothing else, with an active access key."""
    rights, rows = Rights(at), {row.user: row for row in at.credentials()}
    for user in seen(at.iam).users:
        keys = active(rows[user.name]) if user.name in rows else []
        if keys and (user.name.lower() in NAMES or _only_lists_roles(user, rights)):
            yield Found(
                kind="user",
                subject=user.name,
                arn=user.arn,
                sentence=f"{user.name} provisions roles to the directory with an access key that never ends.",
                evidence=key_evidence(at, keys[0]),
            )


def _only_lists_roles(user: Bearer, rights: Rights) -> bool:
    actions = {
        str(action)
        for _, policy in rights.policies(user)
        for one in statements(policy.document)
        for action in as_list(one.get("Action"))
    }
    return "iam:ListRoles" in actions and actions <= READS


CHECK = Check(
    id="gallery-user",
    title="The directory's provisioning has an access key",
    severity=Severity.MEDIUM,
    why="The gallery application's guide asks for a user with an access key that lies in the directory for "
    "ever, only "
    "to copy the names of roles. The roles can be written there by hand.",
    mend=f"Switch provisioning off in the application (docs/how-to/entra.md), then `{ADOPT}` ends the key.",
    parts=("iam", "report"),
    find=find,
)
