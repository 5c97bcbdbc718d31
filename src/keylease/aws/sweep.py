"""What AWS holds under keylease's paths.

One listing, `GetAccountAuthorizationDetails`, brings users with their boundary, groups and tags, session roles with
their boundary and inline policies, and policies with their documents, a thousand a page; only the access keys are
asked for user by user. It shows the whole account, so what is not under keylease's paths is dropped here. Of more
than `ALL` leased users only one in `TURNS` is asked for its access keys each time, whose turn it is by its name.

Where it shows no boundary for a user or a session role, that itself is asked once more: an alarm is to rest on it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keylease.aws import tags
from keylease.aws.failures import NoSuchEntity, ask
from keylease.aws.leftovers import key_ids
from keylease.domain import iam as names
from keylease.domain.clock import utc
from keylease.domain.ended_policy import NAME
from keylease.domain.plan import Observed, ObservedFence, ObservedRole, ObservedUser

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient


ALL, TURNS = 100, 60


PAGE = 1000
"""The most that AWS lists at once; unasked it lists a hundred."""


def observed(iam: IAMClient, *, turn: int | None = None) -> Observed:
    """All users, session roles and fences, sorted by name. Who goes meanwhile is left out.

    `turn` is which of the turns this is; None asks for all access keys.
    """
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Role", "LocalManagedPolicy"], PaginationConfig={"PageSize": PAGE}
    )
    found: Mapping[str, Any] = ask(pages.build_full_result)
    details = [user for user in found["UserDetailList"] if user["Path"].startswith(names.USER_PATH)]
    some = turn is not None and len(details) > ALL
    users = [_user(iam, user, keys=not some or _has_turn(user["UserName"], turn or 0)) for user in details]
    there = sorted((user for user in users if user is not None), key=lambda user: user.name)
    worn = {user.boundary for user in there}
    fences = [_fence(policy, worn) for policy in found["Policies"] if policy["Path"].startswith(names.FENCE_PATH)]
    roles = [_role(iam, role) for role in found["RoleDetailList"] if role["Path"].startswith(names.SESSION_PATH)]
    return Observed(
        users=tuple(there),
        fences=tuple(sorted(fences, key=lambda fence: fence.name)),
        roles=tuple(sorted((role for role in roles if role is not None), key=lambda role: role.name)),
    )


def _has_turn(name: str, turn: int) -> bool:
    return zlib.crc32(name.encode()) % TURNS == turn % TURNS


def _user(iam: IAMClient, detail: Mapping[str, Any], *, keys: bool) -> ObservedUser | None:
    name = detail["UserName"]
    try:
        boundary = _boundary(detail) or _boundary(ask(iam.get_user, UserName=name)["User"])
    except NoSuchEntity:
        return None
    return ObservedUser(
        name=name,
        boundary=boundary,
        groups=frozenset(detail.get("GroupList", [])),
        tags={tag["Key"]: tags.decode(tag["Value"]) for tag in detail.get("Tags", [])},
        access_key_ids=frozenset(key_ids(iam, name)) if keys else None,
        policies=(
            *(policy["PolicyName"] for policy in detail.get("UserPolicyList", [])),
            *(policy["PolicyName"] for policy in detail.get("AttachedManagedPolicies", [])),
        ),
        made_at=utc(detail["CreateDate"]) if "CreateDate" in detail else None,
    )


def _role(iam: IAMClient, detail: Mapping[str, Any]) -> ObservedRole | None:
    name = detail["RoleName"]
    try:
        boundary = _boundary(detail) or _boundary(ask(iam.get_role, RoleName=name)["Role"])
    except NoSuchEntity:
        return None
    inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in detail.get("RolePolicyList", [])}
    return ObservedRole(
        name=name,
        has_ceiling=f":policy{names.CEILING_PATH}" in (boundary or ""),
        ended=document_text(inline[NAME]) if NAME in inline else None,
    )


def _boundary(user: Mapping[str, Any]) -> str | None:
    arn: str | None = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return arn


def _fence(policy: Mapping[str, Any], worn: set[str | None]) -> ObservedFence:
    documents = [version["Document"] for version in policy["PolicyVersionList"] if version["IsDefaultVersion"]]
    counted = policy.get("PermissionsBoundaryUsageCount", 0) + policy.get("AttachmentCount", 0)
    return ObservedFence(
        name=policy["Arn"].split(f":policy{names.FENCE_PATH}", 1)[1],
        document=document_text(documents[0] if documents else ""),
        worn=counted > 0 or policy["Arn"] in worn,
    )


def document_text(document: object) -> str:
    """A policy document as the text that `is_genuine` compares; boto3 has parsed it where it could."""
    return names.canonical(document) if isinstance(document, Mapping) else str(document)
