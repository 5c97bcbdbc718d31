"""What AWS holds under keylease's paths.

One listing, `GetAccountAuthorizationDetails`, brings users with their boundary, groups and tags, and policies with
their documents, a thousand a page; only the access keys are asked for user by user. It shows the whole account, so
what is not under keylease's paths is dropped here.

Where it shows no boundary for a user, the user itself is asked once more: an alarm is to rest on that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keylease.aws import tags
from keylease.aws.failures import NoSuchEntity, ask
from keylease.aws.leftovers import key_ids
from keylease.domain import iam as names
from keylease.domain.plan import Observed, ObservedFence, ObservedUser

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient


def observed(iam: IAMClient) -> Observed:
    """All users and fences, sorted by name. A user that goes while the others are asked about is left out."""
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["User", "LocalManagedPolicy"])
    found: Mapping[str, Any] = ask(pages.build_full_result)
    users = [_user(iam, user) for user in found["UserDetailList"] if user["Path"].startswith(names.USER_PATH)]
    there = sorted((user for user in users if user is not None), key=lambda user: user.name)
    worn = {user.boundary for user in there}
    fences = [_fence(policy, worn) for policy in found["Policies"] if policy["Path"].startswith(names.FENCE_PATH)]
    return Observed(users=tuple(there), fences=tuple(sorted(fences, key=lambda fence: fence.name)))


def _user(iam: IAMClient, detail: Mapping[str, Any]) -> ObservedUser | None:
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
        access_key_ids=frozenset(key_ids(iam, name)),
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
