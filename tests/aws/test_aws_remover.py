"""The remover against a real ministack: what a lease gave, what a user has grown, and what must stay."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from aws.faulty_proxy import CONFLICT, FaultyProxy
from aws.live import GROUP, USER, LiveCloud
from keylease.aws.failures import InUse, ask
from keylease.domain import iam
from keylease.errors import AwsCredentials, AwsDenied

pytestmark = pytest.mark.live

ANYTHING = json.dumps(iam.policy([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]))


def test_a_user_with_what_its_lease_gave_it_is_gone_after_three_calls(cloud: LiveCloud) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    cloud.remover.observe()
    cloud.calls.clear()
    assert cloud.remover.remove_user(USER, group=GROUP, access_key_id=access_key.access_key_id) is True
    assert cloud.calls == ["iam.RemoveUserFromGroup", "iam.DeleteAccessKey", "iam.DeleteUser"]
    assert cloud.remover.observe().users == ()


def test_a_removed_key_is_refused(cloud: LiveCloud) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    assert cloud.issuer.confirm(access_key, cloud.probe)
    cloud.remover.remove_user(USER, group=GROUP, access_key_id=access_key.access_key_id)
    with pytest.raises(AwsCredentials):
        ask(cloud.issuing.with_access_key(access_key, "sts").get_caller_identity)


def test_removing_again_is_no_error_and_says_so(cloud: LiveCloud) -> None:
    cloud.user()
    assert cloud.remover.remove_user(USER, group=GROUP, access_key_id="AKIAIOSFODNN7EXAMPLE") is True
    assert cloud.remover.remove_user(USER, group=GROUP, access_key_id="AKIAIOSFODNN7EXAMPLE") is False
    assert cloud.remover.remove_user(USER) is False


def test_what_nobody_named_is_looked_for_groups_before_access_keys_before_the_user(cloud: LiveCloud) -> None:
    cloud.user()
    cloud.admin.create_group(GroupName="second", Path=iam.GROUP_PATH)
    cloud.admin.add_user_to_group(GroupName="second", UserName=USER)
    cloud.issuer.create_access_key(USER)
    cloud.issuer.create_access_key(USER)
    cloud.calls.clear()
    assert cloud.remover.remove_user(USER) is True
    assert cloud.calls == [
        "sts.AssumeRole",
        "iam.ListGroupsForUser",
        "iam.RemoveUserFromGroup",
        "iam.RemoveUserFromGroup",
        "iam.ListAccessKeys",
        "iam.DeleteAccessKey",
        "iam.DeleteAccessKey",
        "iam.DeleteUser",
    ]


def grow(cloud: LiveCloud) -> None:
    """All that ministack can hang on a user."""
    admin = cloud.admin
    cloud.issuer.create_access_key(USER)
    admin.create_group(GroupName="second")
    admin.add_user_to_group(GroupName="second", UserName=USER)
    admin.create_login_profile(UserName=USER, Password="Correct-horse-battery-1")
    device = admin.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]["SerialNumber"]
    admin.enable_mfa_device(
        UserName=USER, SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    admin.put_user_policy(UserName=USER, PolicyName="own", PolicyDocument=ANYTHING)
    attached = admin.create_policy(PolicyName="extra", PolicyDocument=ANYTHING)["Policy"]["Arn"]
    admin.attach_user_policy(UserName=USER, PolicyArn=attached)


def test_all_that_a_user_has_grown_goes_with_it_but_never_its_boundary(
    cloud: LiveCloud, proxy: FaultyProxy
) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    grow(cloud)
    proxy.plan("DeleteUser", CONFLICT)  # as AWS answers; ministack lets go of a user that has a login profile
    remover = cloud.through(proxy.endpoint).remover
    assert remover.remove_user(USER, group=GROUP, access_key_id=access_key.access_key_id) is True
    admin = cloud.admin
    assert admin.list_users()["Users"] == []
    assert admin.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert admin.get_group(GroupName="second")["Users"] == []
    with pytest.raises(admin.exceptions.NoSuchEntityException):
        admin.get_login_profile(UserName=USER)
    assert not [action for action in proxy.seen if "Boundary" in action]
    kinds = [
        "RemoveUserFromGroup",
        "DeleteAccessKey",
        "DeleteLoginProfile",
        "DeactivateMFADevice",
        "DeleteUserPolicy",
    ]
    last = [len(proxy.seen) - proxy.seen[::-1].index(action) for action in kinds]
    assert last == sorted(last)
    assert proxy.seen[-1] == "DeleteUser"


def test_a_user_that_cannot_be_emptied_is_a_failure_that_is_tried_again_later(
    cloud: LiveCloud, proxy: FaultyProxy
) -> None:
    cloud.user()
    proxy.plan("DeleteUser", CONFLICT, CONFLICT)
    remover = cloud.through(proxy.endpoint).remover
    with pytest.raises(InUse):
        remover.remove_user(USER, group=GROUP)
    assert remover.remove_user(USER, group=GROUP) is True


def test_a_permission_that_is_missing_is_named_and_keeps_no_key_alive(cloud: LiveCloud, proxy: FaultyProxy) -> None:
    cloud.user()
    access_key = cloud.issuer.create_access_key(USER)
    less = iam.policy([{"Effect": "Allow", "Action": ["iam:Delete*", "iam:List*"], "Resource": "*"}])
    cloud.admin.put_role_policy(RoleName="keylease-remover", PolicyName="keylease", PolicyDocument=json.dumps(less))
    proxy.plan("DeleteUser", CONFLICT, CONFLICT)
    with pytest.raises(AwsDenied, match="iam:RemoveUserFromGroup"):
        cloud.through(proxy.endpoint).remover.remove_user(USER, group=GROUP, access_key_id=access_key.access_key_id)
    assert cloud.admin.list_access_keys(UserName=USER)["AccessKeyMetadata"] == []


def test_one_access_key_is_deleted_and_deleting_it_again_is_no_error(cloud: LiveCloud) -> None:
    cloud.user()
    kept, stray = cloud.issuer.create_access_key(USER), cloud.issuer.create_access_key(USER)
    cloud.remover.delete_access_key(USER, stray.access_key_id)
    cloud.remover.delete_access_key(USER, stray.access_key_id)
    (user,) = cloud.remover.observe().users
    assert user.access_key_ids == {kept.access_key_id}


def test_a_fence_that_somebody_wears_stays(cloud: LiveCloud) -> None:
    fence = cloud.user()
    assert cloud.remover.delete_fence(fence.name) is False
    assert [(seen.name, seen.worn) for seen in cloud.remover.observe().fences] == [(fence.name, True)]
    cloud.remover.remove_user(USER)
    assert [(seen.name, seen.worn) for seen in cloud.remover.observe().fences] == [(fence.name, False)]
    assert cloud.remover.delete_fence(fence.name) is True
    assert cloud.remover.delete_fence(fence.name) is True
    assert cloud.remover.observe().fences == ()


def test_what_somebody_added_to_a_fence_that_nobody_wears_goes_with_it(
    cloud: LiveCloud, proxy: FaultyProxy
) -> None:
    fence = cloud.user()
    cloud.remover.remove_user(USER)
    arn = cloud.account.fence_arn(fence.name)
    cloud.admin.create_policy_version(PolicyArn=arn, PolicyDocument=ANYTHING, SetAsDefault=True)
    proxy.plan("DeletePolicy", CONFLICT)  # as AWS answers for a policy with versions
    assert cloud.through(proxy.endpoint).remover.delete_fence(fence.name) is True
    assert proxy.seen.count("DeletePolicyVersion") == 1
    assert cloud.remover.observe().fences == ()


def test_a_fence_that_was_edited_while_worn_keeps_all_its_versions(cloud: LiveCloud) -> None:
    fence = cloud.user()
    arn = cloud.account.fence_arn(fence.name)
    cloud.admin.create_policy_version(PolicyArn=arn, PolicyDocument=ANYTHING, SetAsDefault=True)
    assert cloud.remover.delete_fence(fence.name) is False
    assert len(cloud.admin.list_policy_versions(PolicyArn=arn)["Versions"]) == 2


def test_everything_under_keylease_s_paths_is_observed_and_nothing_else(cloud: LiveCloud) -> None:
    fence = cloud.user()
    admin = cloud.admin
    admin.create_user(UserName="outside")
    admin.create_user(UserName="bare", Path="/keylease/")
    admin.create_user(UserName="deeper", Path="/keylease/x/")
    admin.create_policy(PolicyName="outside", Path="/keylease/", PolicyDocument=ANYTHING)
    admin.create_policy(PolicyName="deeper", Path="/keylease/fence/x/", PolicyDocument=ANYTHING)
    observed = cloud.remover.observe()
    assert [(user.name, user.boundary) for user in observed.users] == [
        ("bare", None),
        ("deeper", None),
        (USER, cloud.account.fence_arn(fence.name)),
    ]
    assert [(seen.name, seen.worn) for seen in observed.fences] == [(fence.name, True), ("x/deeper", False)]
    assert cloud.remover.delete_fence("x/deeper") is True


def test_an_edited_fence_is_observed_as_it_is_now(cloud: LiveCloud) -> None:
    fence = cloud.user()
    arn = cloud.account.fence_arn(fence.name)
    cloud.admin.create_policy_version(PolicyArn=arn, PolicyDocument=ANYTHING, SetAsDefault=True)
    (seen,) = cloud.remover.observe().fences
    assert seen.document == iam.canonical(json.loads(ANYTHING))
    assert not iam.is_genuine(seen.name, seen.document)


def test_the_remover_can_make_nothing(cloud: LiveCloud) -> None:
    cloud.user()
    with pytest.raises(AwsDenied):
        ask(cloud.removing.iam().create_access_key, UserName=USER)
    with pytest.raises(AwsDenied):
        ask(cloud.removing.iam().add_user_to_group, UserName=USER, GroupName=GROUP)
    with pytest.raises(AwsDenied):
        ask(cloud.removing.iam().delete_user_permissions_boundary, UserName=USER)
    fence = iam.fence(
        cloud.user.__self__ and iam.fence_until("keylease-fence-20300101T000000Z-0123456789abcdef") + timedelta()
    )
    with pytest.raises(AwsDenied):
        ask(cloud.removing.iam().create_policy, PolicyName=fence.name, PolicyDocument=fence.document)


def test_policies_that_somebody_put_on_a_leased_user_are_seen_and_taken_away(cloud: LiveCloud) -> None:
    cloud.user()
    document = json.dumps(iam.policy([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
    cloud.admin.put_user_policy(UserName=USER, PolicyName="inline", PolicyDocument=document)
    arn = cloud.admin.create_policy(PolicyName="attached", PolicyDocument=document)["Policy"]["Arn"]
    cloud.admin.attach_user_policy(UserName=USER, PolicyArn=arn)
    [user] = cloud.remover.observe().users
    assert sorted(user.policies) == ["attached", "inline"]
    for _ in range(2):
        cloud.remover.drop_policies(USER)
    [user] = cloud.remover.observe().users
    assert user.policies == ()
