"""Member accounts keep root credentials of their own."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, seen


def find(at: Snapshot) -> Iterator[Found]:
    """Seen from the management account: the feature that removes them is off. From a member: it has some."""
    organization = seen(at.organization)
    if organization is None:
        return
    if organization.management == at.account:
        if "RootCredentialsManagement" not in seen(organization.root_features):
            sentence = "The organization does not manage the root credentials of its member accounts."
            yield Found(kind="organization", subject=organization.id, sentence=sentence)
        return
    if seen(at.summary).get("AccountPasswordPresent"):
        sentence = "This member account's root user has a password of its own."
        yield Found(
            kind="root", subject="root", arn=f"arn:{at.partition}:iam::{at.account}:root", sentence=sentence
        )


CHECK = Check(
    id="root-in-members",
    title="Member accounts have root credentials",
    severity=Severity.HIGH,
    why="Each is one more root user with a mailbox, a password and a phone number. Members need none: the "
    "management "
    "account can do for fifteen minutes what is left for root.",
    mend="`keylease root members` removes them, account by account.",
    cis={"7.0": "2.1.1"},
    parts=("organization", "summary"),
    find=find,
)
