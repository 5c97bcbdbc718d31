"""Guardrails in IAM: managed policies, groups, what is attached to whom, roles, instance profiles.

One listing shows nearly all of it, a thousand a page, its four parts at once. It leaves out how long a role's
session may last, and here and there a boundary; that is asked for the few roles that are ours or wanted.

A policy's document is replaced as a new version; where there are five the oldest that is not in force goes.
Users are read, since who administers the account is to be known, and never changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from keylease.aws.administration import Place as PolicyPlace
from keylease.aws.administration import write
from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.kinds.kind import TAG, Asked, Kind, Place, differing, is_ours, tag_list
from keylease.aws.leftovers import every
from keylease.domain.guardrail import COST_PATH, OUR_PATHS, Found, Phase, Properties
from keylease.domain.lockout import Identities, Identity

PARTS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
}
PAGE = 1000
IDENTITIES = "identities"

Details = Mapping[str, list[Mapping[str, Any]]]


def read(at: Place, asked: Asked) -> Iterator[Found]:
    """Policies, groups, attachments, roles and instance profiles that are ours or wanted."""
    with ThreadPoolExecutor(max_workers=len(PARTS)) as pool:
        lists = pool.map(lambda part: _details(at.iam, part), PARTS)
        details: Details = dict(zip(PARTS, lists, strict=True))
    asked.shared[IDENTITIES] = identities(details)
    yield from _policies(details, asked)
    yield from _groups(details, asked)
    yield from _attachments(details, asked)
    yield from _roles(at, details, asked)
    yield from _profiles(at, asked)
    yield from _of_services(details, asked)


def _details(iam: Any, part: str) -> list[Mapping[str, Any]]:
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=[part], PaginationConfig={"PageSize": PAGE}
    )
    found: list[Mapping[str, Any]] = ask(pages.build_full_result).get(PARTS[part], [])
    return found


def identities(details: Details) -> Identities:
    """Everybody in the account with what they may do, for whoever asks who administers it."""
    users = [_identity("user", one, "User") for one in details["User"]]
    roles = [_identity("role", one, "Role") for one in details["Role"]]
    groups = [_identity("group", one, "Group") for one in details["Group"]]
    return Identities(
        everybody={one.key: one for one in (*users, *roles, *groups)},
        documents={one["Arn"]: _document(one) for one in details["LocalManagedPolicy"]},
    )


def _identity(kind: str, detail: Mapping[str, Any], field: str) -> Identity:
    return Identity(
        key=f"{kind}/{detail[f'{field}Name']}",
        arn=detail["Arn"],
        inline=tuple(one["PolicyDocument"] for one in detail.get(f"{field}PolicyList", [])),
        attached=frozenset(one["PolicyArn"] for one in detail.get("AttachedManagedPolicies", [])),
        groups=tuple(detail.get("GroupList", ())),
        boundary=detail.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        trust=detail.get("AssumeRolePolicyDocument"),
    )


def _document(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    versions = [one["Document"] for one in policy["PolicyVersionList"] if one["IsDefaultVersion"]]
    return versions[0] if versions else {}


def _policies(details: Details, asked: Asked) -> Iterator[Found]:
    for one in details["LocalManagedPolicy"]:
        ours = is_ours(path=one["Path"])
        if ours or f"policy/{one['PolicyName']}" in asked.keys:
            properties = {"path": one["Path"], "document": _document(one)}
            part = OUR_PATHS.get(one["Path"], "")
            yield Found(kind="policy", name=one["PolicyName"], properties=properties, ours=ours, part=part)


def _groups(details: Details, asked: Asked) -> Iterator[Found]:
    full = {name for user in details["User"] for name in user.get("GroupList", [])}
    for one in details["Group"]:
        ours, name = is_ours(path=one["Path"]), one["GroupName"]
        if ours or f"group/{name}" in asked.keys:
            holds = "people are in it; take them out first." if name in full else ""
            yield Found(
                kind="group",
                name=name,
                properties={"path": one["Path"]},
                ours=ours,
                part=OUR_PATHS.get(one["Path"], ""),
                holds=holds,
            )


def _attachments(details: Details, asked: Asked) -> Iterator[Found]:
    paths = {one["Arn"]: one["Path"] for one in details["LocalManagedPolicy"]}
    for entity in ("Group", "Role"):
        for owner in details[entity]:
            of_ours = is_ours(path=owner["Path"], tags=_tags(owner))
            part = _tags(owner).get(TAG) or OUR_PATHS.get(owner["Path"], "")
            for one in owner.get("AttachedManagedPolicies", []):
                if paths.get(one["PolicyArn"]) == COST_PATH:
                    continue  # AWS attaches it where a budget is used up, and takes it off again
                arn, name = one["PolicyArn"], f"{entity.lower()}/{owner[f'{entity}Name']}/{one['PolicyName']}"
                wanted = f"attachment/{name}" in asked.keys
                ours = is_ours(path=paths.get(arn, "")) or (of_ours and wanted)
                if ours or of_ours or wanted:
                    yield Found(
                        kind="attachment",
                        name=name,
                        properties={"policy": arn},
                        ours=ours,
                        part=OUR_PATHS.get(paths.get(arn, ""), part),
                        phase=Phase.DENY,
                        strange="" if ours else "Somebody attached it to what keylease made.",
                    )


def _tags(detail: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in detail.get("Tags", [])}


def _roles(at: Place, details: Details, asked: Asked) -> Iterator[Found]:
    for one in details["Role"]:
        ours, name = is_ours(tags=_tags(one)), one["RoleName"]
        if ours or f"role/{name}" in asked.keys:
            try:
                whole: Mapping[str, Any] = ask(at.iam.get_role, RoleName=name)["Role"]
            except NoSuchEntity:
                continue
            part = _tags(one).get(TAG, "")
            yield Found(kind="role", name=name, properties=_role(one, whole), ours=ours, part=part)


def _role(detail: Mapping[str, Any], whole: Mapping[str, Any]) -> Properties:
    boundary = whole.get("PermissionsBoundary") or detail.get("PermissionsBoundary") or {}
    return {
        "path": detail["Path"],
        "trust": detail["AssumeRolePolicyDocument"],
        "longest": whole.get("MaxSessionDuration", 3600),
        "boundary": boundary.get("PermissionsBoundaryArn"),
        "inline": {one["PolicyName"]: one["PolicyDocument"] for one in detail.get("RolePolicyList", [])},
        "tags": {key: value for key, value in _tags(detail).items() if key.startswith("keylease:")},
    }


def _profiles(at: Place, asked: Asked) -> Iterator[Found]:
    for one in every(at.iam, "list_instance_profiles", "InstanceProfiles", PathPrefix="/keylease/launch/"):
        name, roles = one["InstanceProfileName"], [role["RoleName"] for role in one["Roles"]]
        ours = is_ours(path=one["Path"])
        if ours or f"instance-profile/{name}" in asked.keys:
            properties = {"path": one["Path"], "role": roles[0] if roles else None}
            yield Found(
                kind="instance-profile",
                name=name,
                properties=properties,
                ours=ours,
                part=OUR_PATHS.get(one["Path"], ""),
            )


def _of_services(details: Details, asked: Asked) -> Iterator[Found]:
    """Service-linked roles that are wanted; their path names their service."""
    for one in details["Role"]:
        service = one["Path"].removeprefix("/aws-service-role/").rstrip("/")
        if f"service-linked-role/{service}" in asked.keys:
            yield Found(kind="service-linked-role", name=service, properties={}, ours=False)


class Policy:
    """A customer managed policy."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it under its path."""
        document = json.dumps(after["document"], separators=(",", ":"), ensure_ascii=False)
        try:
            ask(at.iam.create_policy, PolicyName=name, Path=after["path"], PolicyDocument=document)
        except AlreadyExists:
            self.update(at, name, {"path": after["path"]}, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Put another document in force; the path of a policy cannot change."""
        if "document" in set(differing(before, after)):
            write(at.clients, _managed(at, name, after["path"]), after["document"])

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Delete it with all its versions. Raises `InUse` while it is attached to somebody."""
        arn = _arn(at, name, before["path"])
        try:
            for version in every(at.iam, "list_policy_versions", "Versions", PolicyArn=arn):
                if not version["IsDefaultVersion"]:
                    ask(at.iam.delete_policy_version, PolicyArn=arn, VersionId=version["VersionId"])
            ask(at.iam.delete_policy, PolicyArn=arn)
        except NoSuchEntity:
            return


def _managed(at: Place, name: str, path: str) -> PolicyPlace:
    return PolicyPlace(entity="group", owner="", policy=name, arn=_arn(at, name, path))


def _arn(at: Place, name: str, path: str) -> str:
    return at.arn("iam", f"policy{path}{name}")


class Group:
    """A group, without its members and its policies."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it, empty."""
        try:
            ask(at.iam.create_group, GroupName=name, Path=after["path"])
        except AlreadyExists:
            path = ask(at.iam.get_group, GroupName=name)["Group"]["Path"]
            self.update(at, name, {"path": path}, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Move it to another path."""
        if "path" in set(differing(before, after)):
            ask(at.iam.update_group, GroupName=name, NewPath=after["path"])

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Delete it; IAM refuses that while somebody is in it."""
        del before
        try:
            ask(at.iam.delete_group, GroupName=name)
        except NoSuchEntity:
            return


class Attachment:
    """A managed policy on a group or a role: `group/NAME/POLICY`."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Attach it; attaching twice is once."""
        entity, owner, _ = name.split("/", 2)
        attach = getattr(at.iam, f"attach_{entity}_policy")
        ask(attach, **{f"{entity.title()}Name": owner}, PolicyArn=after["policy"])

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Attach the policy of that name that is meant, and take the other one off."""
        self.create(at, name, after)
        self.delete(at, name, before)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it off."""
        entity, owner, _ = name.split("/", 2)
        detach = getattr(at.iam, f"detach_{entity}_policy")
        try:
            ask(detach, **{f"{entity.title()}Name": owner}, PolicyArn=before["policy"])
        except NoSuchEntity:
            return


class Role:
    """A role with its trust, its boundary, its inline policies and its tags of keylease's."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it, behind its boundary from the first moment on."""
        boundary = {"PermissionsBoundary": after["boundary"]} if after["boundary"] else {}
        try:
            ask(
                at.iam.create_role,
                RoleName=name,
                Path=after["path"],
                AssumeRolePolicyDocument=json.dumps(after["trust"]),
                MaxSessionDuration=after["longest"],
                Tags=tag_list(after["tags"]),
                **boundary,
            )
        except AlreadyExists:
            self.update(at, name, {"path": after["path"], "inline": {}, "tags": {}}, after)
            return
        self._inline(at, name, {}, after["inline"])

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Change what differs; the boundary before what it bounds. The path of a role cannot change."""
        changed = set(differing(before, after))
        if "boundary" in changed and after["boundary"]:
            ask(at.iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=after["boundary"])
        if "trust" in changed:
            ask(at.iam.update_assume_role_policy, RoleName=name, PolicyDocument=json.dumps(after["trust"]))
        if "longest" in changed:
            ask(at.iam.update_role, RoleName=name, MaxSessionDuration=after["longest"])
        if "inline" in changed:
            self._inline(at, name, before["inline"], after["inline"])
        if "tags" in changed:
            self._tags(at, name, before["tags"], after["tags"])
        if "boundary" in changed and not after["boundary"]:
            ask(at.iam.delete_role_permissions_boundary, RoleName=name)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Delete it with its inline policies. Raises `InUse` while something else hangs on it."""
        del before
        try:
            for policy in every(at.iam, "list_role_policies", "PolicyNames", RoleName=name):
                ask(at.iam.delete_role_policy, RoleName=name, PolicyName=policy)
            ask(at.iam.delete_role, RoleName=name)
        except NoSuchEntity:
            return

    def _inline(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        for policy in differing(before, after):
            text = json.dumps(after[policy], separators=(",", ":"), ensure_ascii=False)
            ask(at.iam.put_role_policy, RoleName=name, PolicyName=policy, PolicyDocument=text)
        for policy in before.keys() - after.keys():
            ask(at.iam.delete_role_policy, RoleName=name, PolicyName=policy)

    def _tags(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        if gone := sorted(before.keys() - after.keys()):
            ask(at.iam.untag_role, RoleName=name, TagKeys=gone)
        if after:
            ask(at.iam.tag_role, RoleName=name, Tags=tag_list(after))


class InstanceProfile:
    """What hands a role to an EC2 instance."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it and put the role into it."""
        with suppress(AlreadyExists):
            ask(at.iam.create_instance_profile, InstanceProfileName=name, Path=after["path"])
        self._put(at, name, after["role"])

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Give it another role."""
        if before.get("role"):
            self._take(at, name, before["role"])
        self._put(at, name, after["role"])

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take the role out and delete it."""
        try:
            if before.get("role"):
                self._take(at, name, before["role"])
            ask(at.iam.delete_instance_profile, InstanceProfileName=name)
        except NoSuchEntity:
            return

    def _put(self, at: Place, name: str, role: str | None) -> None:
        if role is None:
            return
        there = ask(at.iam.get_instance_profile, InstanceProfileName=name)["InstanceProfile"]["Roles"]
        if role not in [one["RoleName"] for one in there]:
            ask(at.iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=role)

    def _take(self, at: Place, name: str, role: str) -> None:
        try:
            ask(at.iam.remove_role_from_instance_profile, InstanceProfileName=name, RoleName=role)
        except NoSuchEntity:
            return


KINDS: Mapping[str, Kind] = {
    "policy": Policy(),
    "group": Group(),
    "role": Role(),
    "instance-profile": InstanceProfile(),
    "attachment": Attachment(),
}
