"""Which permission an AWS operation asks for, and what to do where it is refused."""

from __future__ import annotations

from datetime import UTC, datetime

from keylease.domain import iam
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.statement import as_list, covers, statements

_STS = frozenset({"AssumeRole", "GetCallerIdentity"})
_EC2 = frozenset({"DescribeInstances", "StopInstances"})
_ANY_HORIZON = datetime(9999, 1, 1, tzinfo=UTC)


def action(operation: str) -> str:
    """The action that a policy must allow for an operation of ours: `iam:CreateUser`."""
    service = "sts" if operation in _STS else "ec2" if operation in _EC2 else "iam"
    return f"{service}:{operation}"


def hint(denied: str, *, explicit: bool) -> str:
    """What to do about a refused action; `explicit` where a policy denies it and not merely none allows it."""
    if explicit:
        return "A policy denies it: the horizon in the issuer's policy may be over, or the organization forbids it."
    if denied == "sts:AssumeRole":
        return "The role must trust the credentials that keylease starts with, and these must allow sts:AssumeRole."
    found = statement(denied)
    needed = f"It needs {found}. " if found else ""
    return f"{needed}`keylease broker-policy` prints the whole policy."


def statement(allowed: str) -> str | None:
    """The statement of the broker's own policies that allows an action, cut down to it; None where none does."""
    for document in (issuer_policy(horizon=_ANY_HORIZON), remover_policy(watches=True, stops=True)):
        for own in statements(document):
            if own["Effect"] == "Allow" and any(covers(pattern, allowed) for pattern in as_list(own["Action"])):
                return iam.canonical({**own, "Action": allowed})
    return None
