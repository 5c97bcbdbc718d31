"""Policies that allow everything."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.audit.finding import Check, Found, Severity, cis
from keylease.audit.rights import Rights
from keylease.audit.snapshot import Bearer, Snapshot
from keylease.domain.iam import CEILING_PATH, FENCE_PATH


def find(at: Snapshot) -> Iterator[Found]:
    """Inline ones, and the account's own managed ones that hang on something; fences and ceilings give nothing."""
    rights = Rights(at)
    for bearer in (*rights.iam.users, *rights.iam.groups, *rights.iam.roles):
        for policy in bearer.inline:
            if rights.is_everything(policy.document):
                yield _of(bearer, policy.name)
    for arn, policy in rights.iam.policies.items():
        ours = f":policy{FENCE_PATH}" in arn or f":policy{CEILING_PATH}" in arn
        worn = policy.attached or any(arn in one.attached for one in _bearers(rights))
        if rights.is_everything(policy.document) and worn and not ours:
            sentence = f"The policy {policy.name} allows every action on everything."
            evidence = (("hangs on", _wearers(rights, arn)),)
            yield Found(kind="policy", subject=policy.name, arn=arn, sentence=sentence, evidence=evidence)


def _bearers(rights: Rights) -> tuple[Bearer, ...]:
    return (*rights.iam.users, *rights.iam.groups, *rights.iam.roles)


def _wearers(rights: Rights, arn: str) -> str:
    names = [f"{one.kind} {one.name}" for one in _bearers(rights) if arn in one.attached]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _of(bearer: Bearer, policy: str) -> Found:
    sentence = f"The {bearer.kind} {bearer.name} has an inline policy that allows every action on everything."
    evidence = (("policy", policy),)
    return Found(
        kind=bearer.kind, subject=bearer.name, arn=bearer.arn, about=policy, sentence=sentence, evidence=evidence
    )


CHECK = Check(
    id="star-star",
    title="A policy allows everything",
    severity=Severity.HIGH,
    why="Whoever has it can do what root can, short of a dozen tasks.",
    mend="Replace it by permission sets that say what is needed, and lease administration for hours: "
    "docs/how-to/account.md.",
    cis=cis("1.16", "1.16", "1.15", "2.15", "2.14"),
    parts=("iam",),
    find=find,
)
