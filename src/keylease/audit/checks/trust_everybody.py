"""Roles that anybody in AWS can assume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Bearer, Snapshot, seen
from keylease.domain.statement import Statement, as_list, conditions, statements

NARROWS = (
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "sts:externalid",
)
"""Conditions by which a trust in everybody becomes one in somebody; their value must not be everything."""


def find(at: Snapshot) -> Iterator[Found]:
    """A trust in every AWS principal that no condition narrows."""
    for role in seen(at.iam).roles:
        if any(_is_open(one) for one in statements(role.trust)):
            yield _found(role)


def _is_open(statement: Statement) -> bool:
    named = statement.get("Principal")
    everybody = named == "*" or (isinstance(named, Mapping) and "*" in as_list(named.get("AWS")))
    assumes = any(
        str(action).lower() in {"*", "sts:*", "sts:assumerole"} for action in as_list(statement.get("Action"))
    )
    return statement.get("Effect") == "Allow" and everybody and assumes and not _is_narrowed(statement)


def _is_narrowed(statement: Statement) -> bool:
    return any(key in NARROWS and values and "*" not in values for _, key, values in conditions(statement))


def _found(role: Bearer) -> Found:
    sentence = f"Anybody with an AWS account can assume the role {role.name}."
    return Found(kind="role", subject=role.name, arn=role.arn, sentence=sentence)


CHECK = Check(
    id="trust-everybody",
    title="A role trusts everybody",
    severity=Severity.CRITICAL,
    why="Role names are guessed and listed in public; this is an open door to the account.",
    mend="Name who may assume it in its trust policy.",
    parts=("iam",),
    find=find,
)
