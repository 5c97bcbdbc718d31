"""Every page of every listing. ministack has one page only, so botocore's own stand-in answers here as AWS does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from keylease.aws.leftovers import access_keys, groups
from keylease.aws.sweep import observed
from keylease.domain import iam
from keylease.domain.ended_policy import NAME
from keylease.domain.plan import ObservedFence, ObservedUser

WHEN = datetime(2026, 11, 24, tzinfo=UTC)
FENCE = iam.fence(datetime(2026, 12, 8, 12, tzinfo=UTC))
ARN = f"arn:aws:iam::123456789012:policy{iam.FENCE_PATH}{FENCE.name}"
SWEEP = {"Filter": ["User", "Role", "LocalManagedPolicy"], "MaxItems": 1000}


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "iam", region_name="us-east-1", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x"
    )


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def user(
    name: str, *, path: str = "/keylease/", boundary: str | None = ARN, groups: tuple[str, ...] = ()
) -> dict[str, Any]:
    detail: dict[str, Any] = {"UserName": name, "Path": path, "GroupList": list(groups), "CreateDate": WHEN}
    detail["Tags"] = [{"Key": "keylease:purpose", "Value": f"for {name} =26 more"}]
    if boundary is not None:
        detail["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    return detail


def policy(name: str, *, usage: int = 0, attached: int = 0, path: str = iam.FENCE_PATH) -> dict[str, Any]:
    old = {"VersionId": "v1", "IsDefaultVersion": False, "Document": "%7B%7D"}
    now = {"VersionId": "v2", "IsDefaultVersion": True, "Document": FENCE.document}
    return {
        "PolicyName": name,
        "Path": path,
        "Arn": f"arn:aws:iam::123456789012:policy{path}{name}",
        "PermissionsBoundaryUsageCount": usage,
        "AttachmentCount": attached,
        "PolicyVersionList": [old, now],
    }


def keys(stub: Stubber, name: str, *pages: list[str]) -> None:
    for number, ids in enumerate(pages):
        wanted = {"UserName": name} | ({"Marker": f"m{number}"} if number else {})
        more = (
            {"IsTruncated": True, "Marker": f"m{number + 1}"} if number + 1 < len(pages) else {"IsTruncated": False}
        )
        metadata = [{"UserName": name, "AccessKeyId": id_, "Status": "Active", "CreateDate": WHEN} for id_ in ids]
        stub.add_response("list_access_keys", {"AccessKeyMetadata": metadata, **more}, wanted)


def test_a_sweep_reads_every_page_and_asks_for_access_keys_alone(stub: Stubber, client: Any) -> None:
    first = {
        "UserDetailList": [user("b", groups=("archive",)), user("outside", path="/")],
        "RoleDetailList": [],
        "Policies": [],
    }
    second = {
        "UserDetailList": [user("a")],
        "RoleDetailList": [],
        "Policies": [policy(FENCE.name), policy("x", path="/keylease/")],
    }
    sweep = "get_account_authorization_details"
    stub.add_response(sweep, {**first, "IsTruncated": True, "Marker": "page-2"}, SWEEP)
    stub.add_response(sweep, {**second, "IsTruncated": False}, {**SWEEP, "Marker": "page-2"})
    keys(stub, "b", ["AKIAIOSFODNN7EXAMPL1"], ["AKIAIOSFODNN7EXAMPL2"])
    keys(stub, "a", [])
    found = observed(client)
    a, b = found.users
    assert a == ObservedUser(
        name="a",
        boundary=ARN,
        groups=frozenset(),
        tags={"keylease:purpose": "for a & more"},
        access_key_ids=frozenset(),
        made_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    assert (b.name, b.groups) == ("b", {"archive"})
    assert b.access_key_ids == {"AKIAIOSFODNN7EXAMPL1", "AKIAIOSFODNN7EXAMPL2"}
    assert found.fences == (ObservedFence(name=FENCE.name, document=FENCE.document, worn=True),)


@pytest.mark.parametrize(
    ("counts", "worn"),
    [({}, False), ({"usage": 1}, True), ({"attached": 1}, True), ({"usage": 2, "attached": 1}, True)],
)
def test_a_fence_is_worn_where_aws_counts_a_wearer(
    stub: Stubber, client: Any, counts: dict[str, int], worn: object
) -> None:
    answer = {"UserDetailList": [], "RoleDetailList": [], "Policies": [policy("f", **counts)], "IsTruncated": False}
    stub.add_response("get_account_authorization_details", answer, SWEEP)
    assert [fence.worn for fence in observed(client).fences] == [worn]


def test_a_user_without_a_boundary_is_asked_once_more(stub: Stubber, client: Any) -> None:
    answer = {
        "UserDetailList": [user("bare", boundary=None)],
        "RoleDetailList": [],
        "Policies": [],
        "IsTruncated": False,
    }
    stub.add_response("get_account_authorization_details", answer, SWEEP)
    full = user("bare", boundary=None) | {
        "UserId": "AIDACKCEVSQ6C2EXAMPLE",
        "Arn": "arn:aws:iam::1:user/keylease/bare",
    }
    del full["GroupList"]
    stub.add_response("get_user", {"User": full}, {"UserName": "bare"})
    keys(stub, "bare", [])
    assert [seen.boundary for seen in observed(client).users] == [None]


def test_a_user_that_goes_during_the_sweep_is_left_out(stub: Stubber, client: Any) -> None:
    answer = {
        "UserDetailList": [user("going", boundary=None)],
        "RoleDetailList": [],
        "Policies": [],
        "IsTruncated": False,
    }
    stub.add_response("get_account_authorization_details", answer, SWEEP)
    stub.add_client_error("get_user", "NoSuchEntity", http_status_code=404)
    assert observed(client).users == ()


def role(name: str, *, boundary: str | None, path: str = iam.SESSION_PATH) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "RoleName": name,
        "Path": path,
        "RoleId": "AROACKCEVSQ6C2EXAMPLE",
        "Arn": f"arn:aws:iam::123456789012:role{path}{name}",
        "CreateDate": WHEN,
    }
    if boundary is not None:
        detail["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    return detail


def test_session_roles_are_read_and_one_without_a_boundary_is_asked_once_more(stub: Stubber, client: Any) -> None:
    ceiling = f"arn:aws:iam::123456789012:policy{iam.CEILING_PATH}archive"
    ended = {"RolePolicyList": [{"PolicyName": NAME, "PolicyDocument": "%7B%22Statement%22%3A%20%5B%5D%7D"}]}
    details = [role("b", boundary=ceiling) | ended, role("a", boundary=None), role("c", boundary=None, path="/")]
    answer = {"UserDetailList": [], "RoleDetailList": details, "Policies": [], "IsTruncated": False}
    stub.add_response("get_account_authorization_details", answer, SWEEP)
    stub.add_response("get_role", {"Role": role("a", boundary=None)}, {"RoleName": "a"})
    a, b = observed(client).roles
    assert (a.name, a.has_ceiling, a.ended) == ("a", False, None)
    assert (b.name, b.has_ceiling, b.ended) == ("b", True, '{"Statement":[]}')


def test_every_group_and_access_key_is_found_on_whatever_page(stub: Stubber, client: Any) -> None:
    for number in range(3):
        wanted = {"UserName": "mara"} | ({"Marker": f"m{number}"} if number else {})
        group = {
            "GroupName": f"g{number}",
            "Path": "/",
            "GroupId": "AGPACKCEVSQ6C2EXAMPLE",
            "Arn": "a" * 20,
            "CreateDate": WHEN,
        }
        more = {"IsTruncated": True, "Marker": f"m{number + 1}"} if number < 2 else {"IsTruncated": False}
        stub.add_response("list_groups_for_user", {"Groups": [group], **more}, wanted)
    for number in range(3):
        stub.add_response("remove_user_from_group", {}, {"UserName": "mara", "GroupName": f"g{number}"})
    assert [leave() for leave in groups(client, "mara")] == [True] * 3
    keys(stub, "mara", ["AKIAIOSFODNN7EXAMPL1"], ["AKIAIOSFODNN7EXAMPL2"])
    for _ in range(2):
        stub.add_response("delete_access_key", {}, {"UserName": "mara", "AccessKeyId": ANY})
    assert [delete() for delete in access_keys(client, "mara")] == [True] * 2
