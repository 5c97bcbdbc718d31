"""Guardrails of an organization: service control policies, and the switch without which none of them holds.

Only the management account reads and writes these. A policy is put on its targets one by one, each after a look at
how many are there already: a target takes so many and no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.kinds.kind import Asked, Kind, Place, is_ours
from keylease.domain.guardrail import Found, Phase, Properties
from keylease.domain.organization_policy import MOST_ON_ONE
from keylease.errors import AwsFailed, AwsQuota, NotInOrganization

TYPE = "SERVICE_CONTROL_POLICY"
_DESCRIPTION = "Made by keylease. Change it in keylease.toml, not here."


def read(at: Place, asked: Asked) -> Iterator[Found]:
    """The switch and the policies that are ours or wanted. Raises `NotInOrganization`."""
    client = at.service("organizations")
    must_manage(at)
    for root in _listed(client, "list_roots", "Roots"):
        if any(one["Type"] == TYPE and one["Status"] == "ENABLED" for one in root["PolicyTypes"]):
            yield Found(kind="policy-type", name=TYPE, properties={}, ours=False)
    for summary in _listed(client, "list_policies", "Policies", Filter=TYPE):
        ours = is_ours(name=summary["Name"]) and not summary["AwsManaged"]
        if ours or f"scp/{summary['Name']}" in asked.keys:
            yield _found(client, summary, ours=ours)


def must_manage(at: Place) -> None:
    """Raises `NotInOrganization` where this is not a management account."""
    try:
        found = ask(at.service("organizations").describe_organization)["Organization"]
    except AwsFailed:
        raise NotInOrganization(f"The account {at.clients.account.id} is in no organization.") from None
    if found["MasterAccountId"] != at.clients.account.id:
        raise NotInOrganization(f"The organization is managed by the account {found['MasterAccountId']}.")


def _found(client: Any, summary: Mapping[str, Any], *, ours: bool) -> Found:
    content = ask(client.describe_policy, PolicyId=summary["Id"])["Policy"]["Content"]
    targets = _listed(client, "list_targets_for_policy", "Targets", PolicyId=summary["Id"])
    properties = {"document": json.loads(content), "targets": sorted(one["TargetId"] for one in targets)}
    return Found(
        kind="scp",
        name=summary["Name"],
        properties=properties,
        ours=ours,
        part="organization" if ours else "",
        phase=Phase.DENY,
    )


def _listed(client: Any, operation: str, member: str, **parameters: str) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**parameters)
    found: list[Any] = ask(pages.build_full_result).get(member, [])
    return found


class PolicyType:
    """The switch: whether the organization knows service control policies. Its name is AWS's name of the type."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Switch it on."""
        del after
        client = at.service("organizations")
        for root in _listed(client, "list_roots", "Roots"):
            ask(client.enable_policy_type, RootId=root["Id"], PolicyType=name)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """It is on or off."""
        del before
        self.create(at, name, after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Switch it off: every such policy is taken off everything."""
        del before
        client = at.service("organizations")
        for root in _listed(client, "list_roots", "Roots"):
            ask(client.disable_policy_type, RootId=root["Id"], PolicyType=name)


class ServiceControlPolicy:
    """A policy with the roots, units and accounts on which it holds."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it, and put it on its targets."""
        client = at.service("organizations")
        for target in after["targets"]:
            _must_have_room(client, target)
        try:
            ask(
                client.create_policy,
                Name=name,
                Type=TYPE,
                Description=_DESCRIPTION,
                Content=_text(after["document"]),
            )
        except AlreadyExists:
            self.update(at, name, {"targets": []}, after)
            return
        self._move(client, _id(client, name), set(), set(after["targets"]))

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Change its document, then its targets."""
        client = at.service("organizations")
        policy = _id(client, name)
        if before.get("document") != after["document"]:
            ask(client.update_policy, PolicyId=policy, Content=_text(after["document"]))
        self._move(client, policy, set(before["targets"]), set(after["targets"]))

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it off everything and delete it."""
        del before
        client = at.service("organizations")
        try:
            policy = _id(client, name)
        except NoSuchEntity:
            return
        there = {one["TargetId"] for one in _listed(client, "list_targets_for_policy", "Targets", PolicyId=policy)}
        self._move(client, policy, there, set())
        ask(client.delete_policy, PolicyId=policy)

    def _move(self, client: Any, policy: str, before: set[str], after: set[str]) -> None:
        for target in sorted(after - before):
            _must_have_room(client, target)
            try:
                ask(client.attach_policy, PolicyId=policy, TargetId=target)
            except AlreadyExists:
                continue
        for target in sorted(before - after):
            ask(client.detach_policy, PolicyId=policy, TargetId=target)


def _must_have_room(client: Any, target: str) -> None:
    there = _listed(client, "list_policies_for_target", "Policies", TargetId=target, Filter=TYPE)
    if len(there) >= MOST_ON_ONE:
        raise AwsQuota(f"{target} has {len(there)} service control policies already, and takes no more.")


def _id(client: Any, name: str) -> str:
    for one in _listed(client, "list_policies", "Policies", Filter=TYPE):
        if one["Name"] == name:
            found: str = one["Id"]
            return found
    raise NoSuchEntity(f"There is no service control policy {name}.")


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


KINDS: Mapping[str, Kind] = {"policy-type": PolicyType(), "scp": ServiceControlPolicy()}
