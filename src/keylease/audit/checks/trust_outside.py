"""Roles that another company's account can assume without a secret between the two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from keylease.audit.finding import Check, Found, Severity
from keylease.audit.snapshot import Snapshot, Unseen, seen
from keylease.domain.statement import Statement, as_list, conditions, statements

_ACCOUNT = re.compile(r"^(?:arn:[^:]+:(?:iam|sts)::)?([0-9]{12})(?:$|:)")


def find(at: Snapshot) -> Iterator[Found]:
    """Accounts that are neither this one, nor of the organization, nor known, without `sts:ExternalId`."""
    known = known_accounts(at)
    for role in seen(at.iam).roles:
        outside = sorted(
            {
                account
                for one in statements(role.trust)
                if one.get("Effect") == "Allow" and not _asks_for_id(one)
                for account in _accounts(one)
            }
            - known
        )
        if outside:
            who = ", ".join(outside)
            yield Found(
                kind="role",
                subject=role.name,
                arn=role.arn,
                sentence=f"The role {role.name} trusts an outside account without an external id.",
                evidence=(("trusts", who),),
            )


def known_accounts(at: Snapshot) -> set[str]:
    """This account, those of its organization as far as they can be read, and those that the limits name."""
    known = {at.account, *at.limits.known_accounts}
    organization = at.organization
    if not isinstance(organization, Unseen) and organization is not None:
        known.add(organization.management)
        known |= set() if isinstance(organization.accounts, Unseen) else organization.accounts
    return known


def _accounts(statement: Statement) -> Iterator[str]:
    named = statement.get("Principal")
    for principal in as_list(named.get("AWS")) if isinstance(named, Mapping) else []:
        if match := _ACCOUNT.match(str(principal)):
            yield match[1]


def _asks_for_id(statement: Statement) -> bool:
    return any(key == "sts:externalid" and values and "*" not in values for _, key, values in conditions(statement))


CHECK = Check(
    id="trust-outside",
    title="A role trusts an outside account without an external id",
    severity=Severity.HIGH,
    why="A provider that serves many customers can be led to use your role for another one of them.",
    mend="Ask the provider for an external id and demand it in the trust policy, or name the account as known "
    "(--known).",
    parts=("iam",),
    find=find,
)
