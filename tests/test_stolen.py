"""Somebody has the broker's own credentials, or a collected key, and tries to get out. Live, on ministack.

Each attempt ends refused, or bounded until an instant that is waited for. ministack judges IAM's own calls without
the path of a user or group and without `iam:PermissionsBoundary`, so what the policies say of those is judged in
tests/domain by the independent evaluator; here it is shown what each identity may do at all, and how far that goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from aws import live
from keylease.aws.clients import Clients
from keylease.domain import iam
from keylease.domain.clock import SystemClock
from keylease.domain.ended_policy import NAME, ended_policy
from keylease.domain.group_policy import group_policy
from keylease.domain.lease import Lease
from keylease.domain.role_policy import session_policy, session_role_policy
from keylease.domain.session import terms
from keylease.ports import AccessKey, Credentials
from keylease.sandbox.account import BROKER_PATH, GROUP, ROLE, gives, session_role
from keylease.sandbox.ministack import REGION, Ministack
from oracle.rows import leased_session

pytestmark = pytest.mark.live
CLOCK = SystemClock()
BOUND = timedelta(seconds=9)
"""How long the things that are only bounded live here, in place of weeks."""
EVERYTHING = json.dumps(iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
SECURITY = Path(__file__).parent.parent / "docs" / "security.md"


@dataclass(frozen=True, kw_only=True)
class Held:
    """What somebody holds, as boto3 takes it."""

    access_key_id: str
    secret: str
    token: str | None = None

    def client(self, service: str, endpoint: str | None) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret,
            aws_session_token=self.token,
        )


def of(access_key: AccessKey | Credentials | dict[str, Any]) -> Held:
    """An access key or a session of ours, or what STS or IAM have answered."""
    if isinstance(access_key, AccessKey | Credentials):
        token = access_key.session_token.reveal() if isinstance(access_key, Credentials) else None
        secret = access_key.secret_access_key.reveal()
        return Held(access_key_id=access_key.access_key_id, secret=secret, token=token)
    return Held(
        access_key_id=access_key["AccessKeyId"],
        secret=access_key["SecretAccessKey"],
        token=access_key.get("SessionToken"),
    )


def outcome(call: Callable[[], object]) -> str:
    """`done`, or AWS's error code."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def may_list(held: Held, account: live.LiveCloud) -> bool:
    """Whether AWS serves what the permission set gives."""
    s3 = held.client("s3", account.account.endpoint_url)
    return outcome(lambda: s3.list_objects_v2(Bucket=account.bucket)) == "done"


def until(instant: datetime) -> None:
    while CLOCK.now() < instant:
        CLOCK.sleep(0.1)


@pytest.fixture
def account(ministack_server: Ministack) -> live.LiveCloud:
    made = live.cloud(ministack_server)
    made.user()
    return made


USER = {"UserName": live.USER}
Parameters = Callable[[live.LiveCloud], dict[str, Any]]


def fence_arn(account: live.LiveCloud) -> str:
    [fence] = account.remover.observe().fences
    return account.account.fence_arn(fence.name)


WRITES: list[tuple[str, Parameters]] = [
    ("attach_user_policy", lambda a: {**USER, "PolicyArn": fence_arn(a)}),
    ("put_user_policy", lambda _: {**USER, "PolicyName": "x", "PolicyDocument": EVERYTHING}),
    ("attach_group_policy", lambda a: {"GroupName": GROUP, "PolicyArn": fence_arn(a)}),
    ("put_group_policy", lambda _: {"GroupName": GROUP, "PolicyName": "keylease", "PolicyDocument": EVERYTHING}),
    ("delete_user_permissions_boundary", lambda _: USER),
    ("put_user_permissions_boundary", lambda a: {**USER, "PermissionsBoundary": fence_arn(a)}),
    (
        "create_policy_version",
        lambda a: {"PolicyArn": fence_arn(a), "PolicyDocument": EVERYTHING, "SetAsDefault": True},
    ),
    ("set_default_policy_version", lambda a: {"PolicyArn": fence_arn(a), "VersionId": "v1"}),
    ("create_login_profile", lambda _: {**USER, "Password": "Correct-horse-7"}),
    ("create_service_specific_credential", lambda _: {**USER, "ServiceName": "codecommit.amazonaws.com"}),
    ("create_role", lambda _: {"RoleName": "way-out", "AssumeRolePolicyDocument": EVERYTHING}),
    ("update_user", lambda _: {**USER, "NewPath": "/"}),
    ("create_group", lambda _: {"GroupName": "stronger", "Path": "/keylease/"}),
    ("update_group", lambda _: {"GroupName": GROUP, "NewPath": "/"}),
]
ISSUER_NEVER: list[tuple[str, Parameters]] = [
    *WRITES,
    ("update_access_key", lambda _: {**USER, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Active"}),
    ("delete_user", lambda _: USER),
    ("delete_policy", lambda a: {"PolicyArn": fence_arn(a)}),
    ("remove_user_from_group", lambda _: {**USER, "GroupName": GROUP}),
    ("tag_user", lambda _: {**USER, "Tags": [{"Key": "team", "Value": "admins"}]}),
    (
        "create_user",
        lambda _: {"UserName": "abac", "Path": "/keylease/", "Tags": [{"Key": "team", "Value": "admins"}]},
    ),
]
REMOVER_NEVER: list[tuple[str, Parameters]] = [
    *WRITES,
    ("create_user", lambda a: {"UserName": "new", "Path": "/keylease/", "PermissionsBoundary": fence_arn(a)}),
    ("create_access_key", lambda _: USER),
    ("update_access_key", lambda _: {**USER, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Active"}),
    ("add_user_to_group", lambda _: {**USER, "GroupName": GROUP}),
    (
        "create_policy",
        lambda _: {"PolicyName": "fence", "Path": "/keylease/fence/", "PolicyDocument": EVERYTHING},
    ),
    ("tag_user", lambda _: {**USER, "Tags": [{"Key": "keylease:lease", "Value": "L-other"}]}),
]


@pytest.mark.parametrize(("operation", "parameters"), ISSUER_NEVER, ids=[name for name, _ in ISSUER_NEVER])
def test_a_stolen_issuer_is_refused(account: live.LiveCloud, operation: str, parameters: Parameters) -> None:
    client: Any = account.issuing.iam(attempts=1)
    given = parameters(account)
    assert outcome(lambda: getattr(client, operation)(**given)) == "AccessDenied"


@pytest.mark.parametrize(("operation", "parameters"), REMOVER_NEVER, ids=[name for name, _ in REMOVER_NEVER])
def test_a_stolen_remover_is_refused(account: live.LiveCloud, operation: str, parameters: Parameters) -> None:
    client: Any = account.removing.iam(attempts=1)
    given = parameters(account)
    assert outcome(lambda: getattr(client, operation)(**given)) == "AccessDenied"


def test_neither_identity_uses_what_the_permission_sets_give(account: live.LiveCloud) -> None:
    for clients in (account.issuing, account.removing):
        s3: Any = clients.service("s3", attempts=1)
        assert outcome(lambda: s3.list_objects_v2(Bucket=account.bucket)) == "AccessDenied"  # noqa: B023 - at once


@dataclass(frozen=True, kw_only=True)
class Loot:
    """What a thief made of the issuer before the horizon, and when that is."""

    account: live.LiveCloud
    held: dict[str, Held]
    worked: dict[str, bool]
    horizon: datetime


@pytest.fixture(scope="module")
def loot(ministack_server: Ministack) -> Loot:
    """One account with a horizon some seconds ahead; everything is stolen at once, and then it is waited for."""
    account = live.cloud(ministack_server, horizon=BOUND)
    horizon = CLOCK.now() + BOUND
    issuer, root = account.issuing.iam(), account.admin
    held = {
        "an outsider in the strongest group": _outsider(root, issuer),
        "an endless fence": _endless(account, issuer),
        "another person's lease": _borrowed(account, issuer),
        "a session role without a session policy": _role_session(account, horizon),
    }
    worked = {name: may_list(one, account) for name, one in held.items()}
    until(horizon + timedelta(seconds=1))
    return Loot(account=account, held=held, worked=worked, horizon=horizon)


def _outsider(root: Any, issuer: Any) -> Held:
    root.create_user(UserName="eve", Path="/people/")
    held = of(root.create_access_key(UserName="eve")["AccessKey"])
    issuer.add_user_to_group(UserName="eve", GroupName=GROUP)
    return held


def _endless(account: live.LiveCloud, issuer: Any) -> Held:
    made = issuer.create_policy(PolicyName="endless", Path=iam.FENCE_PATH, PolicyDocument=EVERYTHING)
    issuer.create_user(UserName="thief", Path=iam.USER_PATH, PermissionsBoundary=made["Policy"]["Arn"])
    issuer.add_user_to_group(UserName="thief", GroupName=GROUP)
    return of(account.issuer.create_access_key("thief"))


def _borrowed(account: live.LiveCloud, issuer: Any) -> Held:
    account.user(until=timedelta(seconds=BOUND.total_seconds() - 2))
    return of(issuer.create_access_key(UserName=live.USER)["AccessKey"])


def _role_session(account: live.LiveCloud, horizon: datetime) -> Held:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ceiling = session_role_policy([statement], horizon=horizon)
    session_role(account.root, "media", ceiling, issuer_arn=account.account.issuer.role_arn or "")
    assumed = account.issuing.sts().assume_role(
        RoleArn=f"arn:aws:iam::{account.account.id}:role/keylease/session/media",
        RoleSessionName="thief",
        SourceIdentity="keylease-thief",
    )
    return of(assumed["Credentials"])  # type: ignore[arg-type] # AWS's own record


def test_an_outsider_who_is_put_into_the_strongest_group_gets_nothing(loot: Loot) -> None:
    assert not loot.worked["an outsider in the strongest group"]


BOUNDED = ["an endless fence", "another person's lease", "a session role without a session policy"]


@pytest.mark.parametrize("attempt", BOUNDED)
def test_what_a_stolen_issuer_makes_ends_at_the_horizon_or_before(loot: Loot, attempt: str) -> None:
    assert loot.worked[attempt], "it did work, or this shows nothing"
    assert not may_list(loot.held[attempt], loot.account)


def test_the_issuer_itself_may_nothing_from_the_horizon_on(loot: Loot) -> None:
    issuer: Any = loot.account.issuing.iam(attempts=1)
    assert outcome(lambda: issuer.create_user(UserName="late", Path="/keylease/")) == "AccessDenied"
    assert outcome(issuer.list_policies) == "AccessDenied"


def test_the_remover_goes_on_after_the_horizon(loot: Loot) -> None:
    assert loot.account.remover.remove_user("thief")


def test_a_session_role_cannot_leave_itself(loot: Loot, ministack_server: Ministack) -> None:
    account = live.cloud(ministack_server)
    held = _role_session(account, CLOCK.now() + timedelta(hours=1))
    assert may_list(held, account)
    sts = held.client("sts", account.account.endpoint_url)
    role = f"arn:aws:iam::{account.account.id}:role/keylease/session/media"
    again = {"RoleArn": role, "RoleSessionName": "again", "SourceIdentity": "keylease-thief"}
    assert outcome(lambda: sts.assume_role(**again)) == "AccessDenied"
    iam_client = held.client("iam", account.account.endpoint_url)
    assert outcome(lambda: iam_client.create_user(UserName="way-out")) == "AccessDenied"
    assert loot.horizon < CLOCK.now()


def test_only_the_issuer_assumes_a_session_role_and_no_other(account: live.LiveCloud) -> None:
    _role_session(account, CLOCK.now() + timedelta(hours=1))
    session_role = f"arn:aws:iam::{account.account.id}:role/keylease/session/media"
    remover_role = f"arn:aws:iam::{account.account.id}:role{BROKER_PATH}keylease-remover"

    def assume(clients: Clients, role: str) -> str:
        sts: Any = clients.sts(attempts=1)
        given = {"RoleArn": role, "RoleSessionName": "thief", "SourceIdentity": "keylease-thief"}
        return outcome(lambda: sts.assume_role(**given))

    assert assume(account.removing, session_role) == "AccessDenied"
    assert assume(account.issuing, remover_role) == "AccessDenied"
    assert assume(account.issuing, session_role) == "done"


def test_a_session_with_its_session_policy_ends_at_the_lease(account: live.LiveCloud) -> None:
    _role_session(account, CLOCK.now() + timedelta(hours=1))
    ends = CLOCK.now() + timedelta(seconds=4)
    assumed = account.issuing.sts().assume_role(
        RoleArn=f"arn:aws:iam::{account.account.id}:role/keylease/session/media",
        RoleSessionName="mara",
        SourceIdentity="keylease-mara",
        Policy=session_policy(ends),
    )
    held = of(assumed["Credentials"])  # type: ignore[arg-type] # AWS's own record
    assert may_list(held, account)
    until(ends)
    assert not may_list(held, account)


OPENED = "an inline policy of a session role that allows everything"
UNREFUSED = "the policy that refuses sessions, taken away"


def test_a_role_that_a_stolen_remover_opened_gives_no_more_than_its_ceiling(ministack_server: Ministack) -> None:
    """The issuer is stolen as well, so no session policy limits what was opened."""
    account = live.cloud(ministack_server)
    horizon = CLOCK.now() + BOUND
    ceiling = session_role_policy(gives(account.bucket), horizon=horizon)
    session_role(account.root, "narrow", ceiling, issuer_arn=account.account.issuer.role_arn or "")
    account.removing.iam().put_role_policy(RoleName="narrow", PolicyName="open", PolicyDocument=EVERYTHING)
    assumed = account.issuing.sts().assume_role(
        RoleArn=account.account.session_role_arn("narrow"), RoleSessionName="thief", SourceIdentity="keylease-thief"
    )
    held = of(assumed["Credentials"])  # type: ignore[arg-type] # AWS's own record
    assert may_list(held, account)
    for service, operation, given in (
        ("s3", "create_bucket", {"Bucket": "of-a-thief"}),
        ("iam", "create_user", {"UserName": "thief"}),
        ("ec2", "describe_instances", {}),
        ("sts", "assume_role", {"RoleArn": account.account.issuer.role_arn, "RoleSessionName": "thief"}),
    ):
        call = getattr(held.client(service, account.account.endpoint_url), operation)
        assert outcome(lambda: call(**given)) in {"AccessDenied", "UnauthorizedOperation"}  # noqa: B023 - at once
    until(horizon + timedelta(seconds=1))
    assert not may_list(held, account)


def session(account: live.LiveCloud, lease: Lease) -> Credentials:
    """What a lease's owner has: a session on its terms."""
    return account.issuer.assume(terms(lease, longest=timedelta(hours=1), wanted=None, now=CLOCK.now()))


def test_a_session_that_was_refused_goes_on_where_a_stolen_remover_takes_that_away_and_a_pass_mends_it(
    account: live.LiveCloud,
) -> None:
    now = CLOCK.now()
    lease = replace(leased_session("L-4k7m9q2x"), role=ROLE, requested_at=now, expires_at=now + timedelta(hours=1))
    held = of(session(account, lease))
    account.remover.refuse_sessions(ROLE, ended_policy([lease]))
    assert not may_list(held, account)
    account.removing.iam().delete_role_policy(RoleName=ROLE, PolicyName=NAME)
    assert may_list(held, account), "until its own end, an hour at most as a rule"
    [role] = account.remover.observe().roles
    assert role.ended is None, "which the next pass sees"
    account.remover.refuse_sessions(ROLE, ended_policy([lease]))
    assert not may_list(held, account)


def leased(account: live.LiveCloud, length: timedelta) -> tuple[Held, datetime]:
    """A collected access key, and when its fence ends it."""
    fence = account.user(until=length)
    return of(account.issuer.create_access_key(live.USER)), fence.until


def session_of(held: Held, account: live.LiveCloud) -> Held:
    """What GetSessionToken gives, which no policy can refuse."""
    sts = held.client("sts", account.account.endpoint_url)
    return of(sts.get_session_token(DurationSeconds=129_600)["Credentials"])


def test_a_session_of_36_hours_taken_just_before_the_end_is_dead_at_the_end(ministack_server: Ministack) -> None:
    account = live.cloud(ministack_server)
    held, ends = leased(account, timedelta(seconds=30))
    session = session_of(held, account)
    until(ends - timedelta(seconds=1))
    assert may_list(session, account)
    until(ends)
    assert not may_list(session, account)
    assert not may_list(held, account)


def test_after_an_early_return_a_session_is_dead_as_soon_as_the_groups_are_gone(
    ministack_server: Ministack,
) -> None:
    account = live.cloud(ministack_server)
    held, _ = leased(account, timedelta(hours=1))
    session = session_of(held, account)
    account.remover.delete_access_key(live.USER, held.access_key_id)
    assert may_list(session, account), "deleting the key alone would leave it alive"
    account.removing.iam().remove_user_from_group(UserName=live.USER, GroupName=GROUP)
    assert not may_list(session, account)


HOLDER_NEVER: list[tuple[str, str, dict[str, Any]]] = [
    ("iam", "create_access_key", USER),
    ("iam", "create_user", {"UserName": "way-out"}),
    ("iam", "delete_user_permissions_boundary", USER),
    ("iam", "create_login_profile", {**USER, "Password": "Correct-horse-7"}),
    ("sts", "get_federation_token", {"Name": "way-out", "Policy": EVERYTHING}),
    ("s3", "put_bucket_policy", {"Policy": EVERYTHING}),
    ("s3", "put_bucket_acl", {"ACL": "public-read"}),
]


@pytest.mark.parametrize(("service", "operation", "given"), HOLDER_NEVER, ids=[name for _, name, _ in HOLDER_NEVER])
def test_a_key_whose_group_allows_everything_leaves_nothing_behind(
    account: live.LiveCloud, service: str, operation: str, given: dict[str, Any]
) -> None:
    account.admin.put_group_policy(GroupName=GROUP, PolicyName="all", PolicyDocument=EVERYTHING)
    held = of(account.issuer.create_access_key(live.USER))
    client = held.client(service, account.account.endpoint_url)
    own = {"Bucket": account.bucket} if service == "s3" else {}
    assert outcome(lambda: client.list_objects_v2(**own) if own else None) == "done"
    assert outcome(lambda: getattr(client, operation)(**own, **given)) == "AccessDenied"


THIEF_NEVER = [
    *HOLDER_NEVER,
    ("iam", "create_role", {"RoleName": "way-out", "AssumeRolePolicyDocument": EVERYTHING}),
    ("iam", "put_group_policy", {"GroupName": GROUP, "PolicyName": "all", "PolicyDocument": EVERYTHING}),
]


def strongest(account: live.LiveCloud) -> None:
    """The sandbox's group with all that keylease's own `group_policy` can give."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps(group_policy([everything], horizon=CLOCK.now() + timedelta(days=90)))
    arn = f"arn:aws:iam::{account.account.id}:policy{iam.GROUP_PATH}{GROUP}"
    account.admin.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)


@pytest.mark.parametrize(("service", "operation", "given"), THIEF_NEVER, ids=[name for _, name, _ in THIEF_NEVER])
def test_a_thief_behind_an_endless_fence_makes_nothing_that_never_ends(
    account: live.LiveCloud, service: str, operation: str, given: dict[str, Any]
) -> None:
    strongest(account)
    held = _endless(account, account.issuing.iam())
    client = held.client(service, account.account.endpoint_url)
    own = {"Bucket": account.bucket} if service == "s3" else {}
    assert outcome(held.client("sqs", account.account.endpoint_url).list_queues) == "done"
    assert outcome(lambda: getattr(client, operation)(**own, **given)) == "AccessDenied"


def test_an_administrator_whom_a_thief_puts_into_a_group_is_not_locked_out(account: live.LiveCloud) -> None:
    strongest(account)
    held = _outsider(account.admin, account.issuing.iam())
    account.admin.put_user_policy(UserName="eve", PolicyName="all", PolicyDocument=EVERYTHING)
    administrator = held.client("iam", account.account.endpoint_url)
    taken_out = {"UserName": "eve", "GroupName": GROUP}
    assert outcome(lambda: administrator.create_user(UserName="colleague")) == "done"
    assert outcome(lambda: administrator.remove_user_from_group(**taken_out)) == "done"


def test_a_role_that_trusts_everybody_is_closed_to_a_lease(account: live.LiveCloud) -> None:
    trust = iam.policy([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}])
    account.admin.create_role(RoleName="open", AssumeRolePolicyDocument=json.dumps(trust))
    account.admin.put_group_policy(GroupName=GROUP, PolicyName="all", PolicyDocument=EVERYTHING)
    sts = of(account.issuer.create_access_key(live.USER)).client("sts", account.account.endpoint_url)
    role = f"arn:aws:iam::{account.account.id}:role/open"
    assert outcome(lambda: sts.assume_role(RoleArn=role, RoleSessionName="thief")) == "AccessDenied"


ATTEMPTS = [
    *(f"issuer: {name}" for name, _ in ISSUER_NEVER),
    *(f"remover: {name}" for name, _ in REMOVER_NEVER),
    *(f"holder: {name}" for _, name, _ in HOLDER_NEVER),
    *(f"thief: {name}" for _, name, _ in THIEF_NEVER),
    "issuer: an administrator in a group",
    *(f"issuer: {name}" for name in ["an outsider in the strongest group", *BOUNDED]),
    *(f"remover: {name}" for name in [OPENED, UNREFUSED]),
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_every_attempt_is_a_row_of_the_security_page(attempt: str) -> None:
    who, _, what = attempt.partition(": ")
    rows = [line for line in SECURITY.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {who} |")]
    assert any(f"`{what}`" in row or what in row for row in rows), f"docs/security.md has no row for {attempt}"
