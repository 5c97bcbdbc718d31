"""What an administrator does in an account, with credentials of their own: read and write policies, make fences.

The broker's identities can do none of this and must never be used for it: an attempt with them is refused before
anything is asked of IAM. Which accounts an administrator's credentials are of, AWS says; an account that the
configuration names otherwise is left alone.

A customer managed policy keeps at most five versions; where it has five the oldest that is not in force goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keylease.aws import inspector
from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.inspector import Entity
from keylease.aws.leftovers import every
from keylease.aws.sweep import document_text
from keylease.domain import iam as names
from keylease.domain.iam import Fence
from keylease.errors import BrokerIsNoAdministrator, KeyleaseError, OtherAccount

MOST_VERSIONS = 5
"""Of one customer managed policy (IAM quotas: managed policy versions)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a policy is: on which group, role or user, and under which name. `arn` is None for an inline policy."""

    entity: Entity
    owner: str
    policy: str
    arn: str | None


def administrators(
    accounts: Mapping[str, Account], *, profile: str | None = None, only: str | None = None
) -> dict[str, Clients]:
    """Clients with an administrator's credentials, for each account here that they are of.

    `profile`: whose credentials, else what AWS's SDK finds by itself. `only`: the one account that is meant, by its
    name. Raises `OtherAccount`, `BrokerIsNoAdministrator` and what AWS may fail with.
    """
    wanted = {name: account for name, account in accounts.items() if only in (None, name)}
    callers: dict[tuple[str | None, str], inspector.Caller] = {}
    found = {}
    for name, account in wanted.items():
        clients, where = Clients(account, Identity(profile=profile)), (account.endpoint_url, account.partition)
        if where not in callers:
            callers[where] = inspector.caller(clients)
        if callers[where].account == account.id:
            _refuse_broker(account, callers[where])
            found[name] = clients
    if not found:
        theirs = ", ".join(sorted({caller.account for caller in callers.values()})) or "none"
        meant = only or "any account of the configuration"
        raise OtherAccount(f"These credentials are of the account {theirs}, which is not {meant}.")
    return found


def _refuse_broker(account: Account, caller: inspector.Caller) -> None:
    for name, identity in (("issuer", account.issuer), ("remover", account.remover)):
        if _who(caller.arn) == _broker(account, identity):
            raise BrokerIsNoAdministrator(f"These are the {name}'s own credentials ({caller.arn}).")


def _broker(account: Account, identity: Identity) -> tuple[str, ...] | None:
    """Who one of the broker's identities is; None where this machine cannot tell."""
    if identity.role_arn is not None:
        return _who(identity.role_arn)
    try:
        return _who(inspector.caller(Clients(account, identity)).arn)
    except KeyleaseError:
        return None


def _who(arn: str) -> tuple[str, ...]:
    """An account and a role or user in it, the same for a role and its sessions, whatever path it has."""
    account, resource = arn.split(":", 5)[4:]
    kind, *path = resource.split("/")
    if kind == "assumed-role":
        return account, "role", path[0]
    return account, kind, *path[-1:]


def read(clients: Clients, place: Place) -> Mapping[str, Any] | None:
    """The policy document that is in force at a place; None where there is none."""
    iam: Any = clients.iam()
    try:
        if place.arn is None:
            get = getattr(iam, f"get_{place.entity}_policy")
            inline: Mapping[str, Any] = ask(get, **_owner(place), PolicyName=place.policy)["PolicyDocument"]
            return inline
        version = ask(iam.get_policy, PolicyArn=place.arn)["Policy"]["DefaultVersionId"]
        answer = ask(iam.get_policy_version, PolicyArn=place.arn, VersionId=version)
    except NoSuchEntity:
        return None
    managed: Mapping[str, Any] = answer["PolicyVersion"]["Document"]
    return managed


def write(clients: Clients, place: Place, document: Mapping[str, Any]) -> None:
    """Put a policy document in force at a place."""
    iam: Any = clients.iam()
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    if place.arn is None:
        put = getattr(iam, f"put_{place.entity}_policy")
        ask(put, **_owner(place), PolicyName=place.policy, PolicyDocument=text)
        return
    _make_room(clients, place.arn)
    ask(iam.create_policy_version, PolicyArn=place.arn, PolicyDocument=text, SetAsDefault=True)


def _make_room(clients: Clients, arn: str) -> None:
    versions = every(clients.iam(), "list_policy_versions", "Versions", PolicyArn=arn)
    if len(versions) < MOST_VERSIONS:
        return
    spare = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
    oldest = min(spare, key=lambda version: int(version.removeprefix("v")))
    ask(clients.iam().delete_policy_version, PolicyArn=arn, VersionId=oldest)


def _owner(place: Place) -> dict[str, str]:
    return {f"{place.entity.title()}Name": place.owner}


def fences(clients: Clients) -> dict[str, str]:
    """All policies under the fences' path: their documents by their names."""
    pages = clients.iam().get_paginator("get_account_authorization_details").paginate(Filter=["LocalManagedPolicy"])
    found: Mapping[str, Any] = ask(pages.build_full_result)
    return {
        policy["PolicyName"]: document_text(version["Document"])
        for policy in found["Policies"]
        if policy["Path"].startswith(names.FENCE_PATH)
        for version in policy["PolicyVersionList"]
        if version["IsDefaultVersion"]
    }


def make_fence(clients: Clients, fence: Fence) -> bool:
    """Make a fence. False where there is one of that name already."""
    create = clients.iam().create_policy
    try:
        ask(create, PolicyName=fence.name, Path=names.FENCE_PATH, PolicyDocument=fence.document)
    except AlreadyExists:
        return False
    return True
