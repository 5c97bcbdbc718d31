"""Everything that may hang on an IAM user, and how to take it away.

IAM deletes no user that still holds something. The list is AWS's own (API reference of `DeleteUser`), in the order
in which it matters: groups, access keys, then ways to sign in, then policies. A permissions boundary is not on it.

Something that cannot be listed or deleted keeps nothing else from being taken away; whether it mattered is seen
when the user is deleted. Only a refused permission is remembered, since somebody has to give it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec

from keylease.aws.failures import NoSuchEntity, ask
from keylease.errors import AwsDenied, AwsFailed

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

P = ParamSpec("P")
Deletion = Callable[[], bool]


def delete(operation: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Make one deleting call. False where the thing was gone already."""
    try:
        ask(operation, *args, **kwargs)
    except NoSuchEntity:
        return False
    return True


def every(client: IAMClient, operation: str, member: str, **parameters: str) -> list[Any]:
    """All that a listing holds, every page of it. Nothing where the user itself is gone."""
    try:
        if client.can_paginate(operation):
            paginator: Any = client.get_paginator(operation)  # type: ignore[call-overload]  # known by name
            found = ask(paginator.paginate(**parameters).build_full_result)
        else:
            found = ask(getattr(client, operation), **parameters)
    except NoSuchEntity:
        return []
    return list(found.get(member, []))


def groups(iam: IAMClient, user: str) -> list[Deletion]:
    """The user's group memberships."""
    names = [group["GroupName"] for group in every(iam, "list_groups_for_user", "Groups", UserName=user)]
    return [partial(delete, iam.remove_user_from_group, UserName=user, GroupName=name) for name in names]


def access_keys(iam: IAMClient, user: str) -> list[Deletion]:
    """The user's access keys."""
    return [partial(delete, iam.delete_access_key, UserName=user, AccessKeyId=id_) for id_ in key_ids(iam, user)]


def key_ids(iam: IAMClient, user: str) -> list[str]:
    """The ids of the user's access keys."""
    listed = every(iam, "list_access_keys", "AccessKeyMetadata", UserName=user)
    return [access_key["AccessKeyId"] for access_key in listed]


def _login_profile(iam: IAMClient, user: str) -> list[Deletion]:
    return [partial(delete, iam.delete_login_profile, UserName=user)]


def _mfa_devices(iam: IAMClient, user: str) -> list[Deletion]:
    serials = [device["SerialNumber"] for device in every(iam, "list_mfa_devices", "MFADevices", UserName=user)]
    off = [partial(delete, iam.deactivate_mfa_device, UserName=user, SerialNumber=serial) for serial in serials]
    virtual = [serial for serial in serials if ":mfa/" in serial]
    return [*off, *(partial(delete, iam.delete_virtual_mfa_device, SerialNumber=serial) for serial in virtual)]


def _signing_certificates(iam: IAMClient, user: str) -> list[Deletion]:
    listed = every(iam, "list_signing_certificates", "Certificates", UserName=user)
    ids = [certificate["CertificateId"] for certificate in listed]
    return [partial(delete, iam.delete_signing_certificate, UserName=user, CertificateId=id_) for id_ in ids]


def _ssh_public_keys(iam: IAMClient, user: str) -> list[Deletion]:
    ids = [key["SSHPublicKeyId"] for key in every(iam, "list_ssh_public_keys", "SSHPublicKeys", UserName=user)]
    return [partial(delete, iam.delete_ssh_public_key, UserName=user, SSHPublicKeyId=id_) for id_ in ids]


def _service_credentials(iam: IAMClient, user: str) -> list[Deletion]:
    listed = every(iam, "list_service_specific_credentials", "ServiceSpecificCredentials", UserName=user)
    ids = [credential["ServiceSpecificCredentialId"] for credential in listed]
    call = iam.delete_service_specific_credential
    return [partial(delete, call, UserName=user, ServiceSpecificCredentialId=id_) for id_ in ids]


def inline_policies(iam: IAMClient, user: str) -> list[Deletion]:
    """The policies that are written into the user."""
    names = every(iam, "list_user_policies", "PolicyNames", UserName=user)
    return [partial(delete, iam.delete_user_policy, UserName=user, PolicyName=name) for name in names]


def attached_policies(iam: IAMClient, user: str) -> list[Deletion]:
    """The policies that are attached to the user."""
    listed = every(iam, "list_attached_user_policies", "AttachedPolicies", UserName=user)
    arns = [attached["PolicyArn"] for attached in listed]
    return [partial(delete, iam.detach_user_policy, UserName=user, PolicyArn=arn) for arn in arns]


KINDS = (
    groups,
    access_keys,
    _login_profile,
    _mfa_devices,
    _signing_certificates,
    _ssh_public_keys,
    _service_credentials,
    inline_policies,
    attached_policies,
)


def take_all(iam: IAMClient, user: str) -> AwsDenied | None:
    """Take everything away from the user. The first refusal, if there was one, which may not matter."""
    refusals = [attempt(partial(kind, iam, user)) for kind in KINDS]
    return next((refusal for refusal in refusals if refusal is not None), None)


def attempt(listing: Callable[[], list[Deletion]]) -> AwsDenied | None:
    """Make all of a listing's deletions, whichever fails. The first refusal, if there was one."""
    try:
        deletions = listing()
    except AwsDenied as refusal:
        return refusal
    except AwsFailed:
        return None
    refusals = [_refusal(deletion) for deletion in deletions]
    return next((refusal for refusal in refusals if refusal is not None), None)


def _refusal(deletion: Deletion) -> AwsDenied | None:
    try:
        deletion()
    except AwsDenied as refusal:
        return refusal
    except AwsFailed:
        return None
    return None
