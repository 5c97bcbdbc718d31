"""What doctor asks, against a real ministack."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from aws.live import GROUP, LiveCloud
from keylease.aws import inspector
from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.aws.simulation import missing
from keylease.domain import iam
from keylease.domain.broker_policy import issuer_policy, remover_policy
from keylease.domain.clock import SystemClock
from keylease.domain.secret import Secret
from keylease.errors import AwsCredentials
from keylease.ports import AccessKey
from keylease.sandbox.account import enforceable
from keylease.testing import FakeClock

pytestmark = pytest.mark.live

HORIZON = datetime(2030, 1, 1, tzinfo=UTC)
ALLOW_S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def test_each_identity_is_who_it_should_be(cloud: LiveCloud) -> None:
    issuer, remover = inspector.caller(cloud.issuing), inspector.caller(cloud.removing)
    assert issuer.account == remover.account == cloud.account.id
    assert ":assumed-role/keylease-issuer/" in issuer.arn
    assert ":assumed-role/keylease-remover/" in remover.arn


def test_a_clock_that_is_slow_is_shown_by_how_much(cloud: LiveCloud) -> None:
    slow = FakeClock(SystemClock().now() - timedelta(minutes=3))
    assert timedelta(seconds=179) <= inspector.clock_skew(cloud.removing, slow) <= timedelta(seconds=182)


def test_the_clock_is_compared_even_where_aws_refuses_the_call(cloud: LiveCloud) -> None:
    unknown = AccessKey(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key=Secret("x"))
    clients = Clients(cloud.root.account, Identity(access_key=unknown))
    with pytest.raises(AwsCredentials):
        inspector.caller(clients)
    assert abs(inspector.clock_skew(clients, SystemClock())) <= timedelta(seconds=2)


def test_quotas_are_shown_with_what_is_used(cloud: LiveCloud) -> None:
    cloud.user()
    assert [(quota.name, quota.used, quota.limit) for quota in inspector.quotas(cloud.removing)] == [
        ("Users", 1, 5000),
        ("Policies", 3, 1500),
        ("Groups", 1, 300),
    ]


def test_a_group_is_shown_with_all_its_policies_and_its_horizon(cloud: LiveCloud) -> None:
    for clients in (cloud.issuing, cloud.removing):
        group = inspector.group(clients, GROUP)
        assert group is not None
        assert (group.path, [policy.name for policy in group.policies]) == (iam.GROUP_PATH, [GROUP])
        assert group.horizon is not None
        assert timedelta(days=89) < group.horizon - SystemClock().now() <= timedelta(days=90)


def test_a_group_has_no_horizon_where_one_of_its_policies_has_none(cloud: LiveCloud) -> None:
    extra = cloud.admin.create_policy(PolicyName="extra", PolicyDocument=json.dumps(iam.policy([ALLOW_S3])))[
        "Policy"
    ]
    cloud.admin.attach_group_policy(GroupName=GROUP, PolicyArn=extra["Arn"])
    group = inspector.group(cloud.removing, GROUP)
    assert group is not None
    assert [policy.name for policy in group.policies] == [GROUP, "extra"]
    assert (group.policies[1].arn, group.policies[1].document) == (extra["Arn"], iam.policy([ALLOW_S3]))
    assert group.horizon is None


def test_a_group_that_gives_nothing_has_no_horizon(cloud: LiveCloud) -> None:
    cloud.admin.create_group(GroupName="empty", Path=iam.GROUP_PATH)
    group = inspector.group(cloud.removing, "empty")
    assert group is not None
    assert (group.policies, group.horizon) == ((), None)


def test_a_group_that_is_not_there_is_none(cloud: LiveCloud) -> None:
    assert inspector.group(cloud.removing, "nobodys") is None


def test_the_remover_reads_the_policies_of_both_roles(cloud: LiveCloud) -> None:
    for role in (cloud.account.issuer.role_arn, inspector.caller(cloud.issuing).arn):
        assert role is not None
        (policy,) = inspector.policies_of(cloud.removing, role)
        actions = [statement["Action"] for statement in policy.document["Statement"]]
        assert actions == [statement["Action"] for statement in issuer_policy(horizon=HORIZON)["Statement"]]


def test_the_policies_of_a_user_are_read_by_its_arn(cloud: LiveCloud) -> None:
    made = cloud.admin.create_user(UserName="broker", Path="/some/path/")["User"]
    cloud.admin.put_user_policy(
        UserName="broker", PolicyName="own", PolicyDocument=json.dumps(iam.policy([ALLOW_S3]))
    )
    assert [policy.name for policy in inspector.policies_of(cloud.removing, made["Arn"])] == ["own"]
    assert inspector.policies_of(cloud.removing, f"arn:aws:iam::{cloud.account.id}:root") == ()


def role(cloud: LiveCloud, document: dict[str, object]) -> str:
    """A role without a path, which ministack's simulator finds; it looks at no context, and at no `NotResource`."""
    trust = json.dumps(iam.policy([]))
    made = cloud.admin.create_role(RoleName="judged", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    cloud.admin.put_role_policy(
        RoleName="judged", PolicyName="own", PolicyDocument=json.dumps(enforceable(document))
    )
    return str(made)


def test_nothing_is_missing_of_a_policy_that_is_all_there(cloud: LiveCloud) -> None:
    expected = remover_policy(account=cloud.account.id)
    assert missing(cloud.root, role(cloud, expected), expected) == ()


def test_what_is_missing_is_named_action_by_action(cloud: LiveCloud) -> None:
    expected = remover_policy(account=cloud.account.id)
    less = [own for own in expected["Statement"] if own["Action"] != "iam:RemoveUserFromGroup"]
    less += [{"Effect": "Deny", "Action": ["iam:DeleteLoginProfile", "iam:GetUser"], "Resource": "*"}]
    assert missing(cloud.root, role(cloud, iam.policy(less)), expected) == (
        "iam:DeleteLoginProfile",
        "iam:GetUser",
        "iam:RemoveUserFromGroup",
    )


def test_where_asking_is_refused_nothing_is_said(cloud: LiveCloud) -> None:
    expected = remover_policy(account=cloud.account.id)
    assert missing(cloud.removing, role(cloud, expected), expected) is None


def test_an_account_s_fences_are_named_in_its_own_partition() -> None:
    account = Account(id="123456789012", partition="aws-cn", region="cn-north-1")
    assert account.fence_arn("f") == "arn:aws-cn:iam::123456789012:policy/keylease/fence/f"
