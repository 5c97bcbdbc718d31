"""The identity that takes away: users, access keys, fences, what sessions may do. It can make nothing.

The order is groups, access keys, all else, user: a session that the access key has begun lives on what the
groups allow, so they go first. The permissions boundary is never taken off, not even last: sessions of up to 36
hours would come alive again, and `DeleteUser` does not ask for it.

A user that holds just what its lease gave it is gone after three calls. Only where AWS says that something still
hangs on it is everything looked for.
"""

from __future__ import annotations

import random
from functools import partial

from keylease.aws.clients import Clients
from keylease.aws.failures import InUse, NoSuchEntity, ask
from keylease.aws.leftovers import (
    access_keys,
    attached_policies,
    attempt,
    delete,
    every,
    groups,
    inline_policies,
    take_all,
)
from keylease.aws.sweep import TURNS, observed
from keylease.domain import ended_policy
from keylease.domain.plan import Observed


class AwsRemover:
    """Takes away, in one account; a `Remover`."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._turn = random.randrange(TURNS)  # noqa: S311 - so that not all processes ask for the same users

    def observe(self, *, thorough: bool = False) -> Observed:
        """All users and fences under keylease's paths, whoever made them, every page of them."""
        self._turn += 1
        return observed(self._clients.iam(), turn=None if thorough else self._turn)

    def remove_user(self, user_name: str, *, group: str | None = None, access_key_id: str | None = None) -> bool:
        """Take away groups, then access keys, then the user with all it has grown; never its boundary.

        `group` and `access_key_id` are what should be there. False where there was no such user.
        """
        self._expected(user_name, group, access_key_id)  # what fails here fails again below, where it counts
        iam = self._clients.iam()
        try:
            return delete(iam.delete_user, UserName=user_name)
        except InUse:
            refused = take_all(iam, user_name)
        try:
            return delete(iam.delete_user, UserName=user_name)
        except InUse as still:
            raise refused or still from None

    def leave_group(self, user_name: str, group: str) -> None:
        """Take the user out of one group. That it is out already is no error."""
        delete(self._clients.iam().remove_user_from_group, UserName=user_name, GroupName=group)

    def delete_access_key(self, user_name: str, access_key_id: str) -> None:
        """Delete one access key. That it is gone already is no error."""
        delete(self._clients.iam().delete_access_key, UserName=user_name, AccessKeyId=access_key_id)

    def drop_policies(self, user_name: str) -> None:
        """Take away all policies that are on the user itself. That there are none is no error."""
        iam = self._clients.iam()
        for kind in (inline_policies, attached_policies):
            for deletion in kind(iam, user_name):
                deletion()

    def delete_fence(self, name: str) -> bool:
        """Delete a fence that nobody wears. False where somebody does; then it stays."""
        iam, arn = self._clients.iam(), self._clients.account.fence_arn(name)
        try:
            delete(iam.delete_policy, PolicyArn=arn)
        except InUse:
            return self._is_free(arn) and self._delete_with_versions(arn)
        return True

    def refuse_sessions(self, role: str, policy: str | None) -> None:
        """Write the policy that refuses sessions of the role; with None take it away, if it is there."""
        iam = self._clients.iam()
        if policy is None:
            delete(iam.delete_role_policy, RoleName=role, PolicyName=ended_policy.NAME)
        else:
            ask(iam.put_role_policy, RoleName=role, PolicyName=ended_policy.NAME, PolicyDocument=policy)

    def _expected(self, user: str, group: str | None, access_key_id: str | None) -> None:
        iam = self._clients.iam()
        leave = partial(delete, iam.remove_user_from_group, UserName=user, GroupName=group or "")
        drop = partial(delete, iam.delete_access_key, UserName=user, AccessKeyId=access_key_id or "")
        attempt(lambda: groups(iam, user) if group is None else [leave])
        attempt(lambda: access_keys(iam, user) if access_key_id is None else [drop])

    def _is_free(self, arn: str) -> bool:
        """Whether nobody wears the policy, so that only its further versions keep it from being deleted."""
        try:
            policy = ask(self._clients.iam().get_policy, PolicyArn=arn)["Policy"]
        except NoSuchEntity:
            return True
        return not policy.get("PermissionsBoundaryUsageCount", 0) and not policy.get("AttachmentCount", 0)

    def _delete_with_versions(self, arn: str) -> bool:
        """Delete what somebody has added to the policy, then the policy."""
        iam = self._clients.iam()
        for version in every(iam, "list_policy_versions", "Versions", PolicyArn=arn):
            if not version["IsDefaultVersion"]:
                delete(iam.delete_policy_version, PolicyArn=arn, VersionId=version["VersionId"])
        try:
            delete(iam.delete_policy, PolicyArn=arn)
        except InUse:
            return False
        return True
