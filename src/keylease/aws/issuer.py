"""The identity that makes: fences, users behind them, group memberships, access keys, sessions.

Every method may be called again after a lost answer; what is there already is compared with what should be, and
never changed. IAM shows what was just made only after a while, so a user that is not seen yet is asked for again,
with growing pauses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from keylease.aws import sessions
from keylease.aws import tags as tag_values
from keylease.aws.clients import Clients
from keylease.aws.confirm import confirmed
from keylease.aws.facts import Groups
from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.sweep import document_text
from keylease.domain import iam
from keylease.domain.access import Probe
from keylease.domain.clock import Clock
from keylease.domain.iam import Fence
from keylease.domain.secret import Secret
from keylease.domain.session import SessionTerms
from keylease.errors import AwsFailed, AwsThrottled, FenceDiffers, FenceMissing, GroupMissing
from keylease.ports import AccessKey, Credentials, GroupFacts

if TYPE_CHECKING:
    from types_boto3_iam.type_defs import TagTypeDef

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between two tries of what AWS refused without having done it."""

LEASE_TAG = "keylease:lease"
"""The tag by which a user that exists already is known as this very lease's."""

_UNSEEN = (NoSuchEntity,)
_REFUSED = (NoSuchEntity, AwsThrottled)

R = TypeVar("R")


class AwsIssuer:
    """Makes, in one account; an `Issuer`."""

    def __init__(self, clients: Clients, clock: Clock, *, fences_ahead: bool = False) -> None:
        self._clients = clients
        self._account = clients.account
        self._clock = clock
        self._fences_ahead = fences_ahead
        self._groups = Groups(clients, clock)

    def group_facts(self, group: str) -> GroupFacts:
        """The group's horizon and its warnings, five minutes old at most. Raises `GroupMissing`."""
        return self._groups.facts(group)

    def role_facts(self, role: str) -> GroupFacts:
        """The same of a session role, with its ceiling. Raises `RoleMissing`."""
        return self._groups.role_facts(role)

    def assume(self, terms: SessionTerms) -> Credentials:
        """A session of a session role, on these terms."""
        return sessions.assume(self._clients, terms)

    def create_fence(self, fence: Fence) -> None:
        """See to it that the fence exists and is what it should be. Raises `FenceDiffers` where it is not.

        Where an administrator makes fences ahead, none is made here: `FenceMissing` for one that is not there.
        """
        if self._fences_ahead:
            self._must_be_there(fence.name)
            return
        create = self._clients.iam().create_policy
        try:
            ask(create, PolicyName=fence.name, Path=iam.FENCE_PATH, PolicyDocument=fence.document)
        except AlreadyExists:
            self._compare(fence.name)

    def create_user(self, user_name: str, fence: Fence, tags: Mapping[str, str]) -> bool:
        """See to it that the user exists, born behind the fence. False where the fence is not there (yet)."""
        boundary = self._account.fence_arn(fence.name)
        written: list[TagTypeDef] = [
            {"Key": key, "Value": tag_values.encode(value)} for key, value in sorted(tags.items())
        ]
        try:
            ask(
                self._clients.iam().create_user,
                UserName=user_name,
                Path=iam.USER_PATH,
                PermissionsBoundary=boundary,
                Tags=written,
            )
        except NoSuchEntity:
            return False
        except AlreadyExists:
            self._must_be_ours(user_name, boundary, tags.get(LEASE_TAG))
        return True

    def join_group(self, user_name: str, group: str) -> None:
        """Put the user into the group. Raises `GroupMissing`."""
        self._again(partial(self._add, user_name, group), after=_UNSEEN)

    def create_access_key(self, user_name: str) -> AccessKey:
        """Make an access key. A refusal is tried again; a lost answer is not, since a key may have been made."""
        create = partial(ask, self._clients.iam(attempts=1).create_access_key, UserName=user_name)
        access_key = self._again(create, after=_REFUSED)["AccessKey"]
        secret = Secret(access_key["SecretAccessKey"])
        return AccessKey(access_key_id=access_key["AccessKeyId"], secret_access_key=secret)

    def confirm(self, access_key: AccessKey, probe: Probe | None) -> bool:
        """Use the key until AWS has accepted it several times running; False where a stated limit runs out."""
        return confirmed(self._clients, access_key, probe, self._clock)

    def _must_be_there(self, name: str) -> None:
        try:
            self._compare(name, after=())
        except NoSuchEntity:
            raise FenceMissing(f"There is no fence {name} in account {self._account.id}.") from None

    def _compare(self, name: str, *, after: tuple[type[NoSuchEntity], ...] = _UNSEEN) -> None:
        arn, client = self._account.fence_arn(name), self._clients.iam()
        get = partial(ask, client.get_policy, PolicyArn=arn)
        version = self._again(get, after=after)["Policy"]["DefaultVersionId"]
        stored = ask(client.get_policy_version, PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        if not iam.is_genuine(name, document_text(stored)):
            raise FenceDiffers(f"The fence {name} is not, byte by byte, what it should be.")

    def _must_be_ours(self, user_name: str, boundary: str, lease: str | None) -> None:
        """A user of that name exists: it is what a lost answer has left, or somebody else's."""
        get = partial(ask, self._clients.iam().get_user, UserName=user_name)
        user = self._again(get, after=_UNSEEN)["User"]
        worn = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        written = {tag["Key"]: tag_values.decode(tag["Value"]) for tag in user.get("Tags", [])}
        if worn != boundary or lease is None or written.get(LEASE_TAG) != lease:
            raise AwsFailed(f"There is a user {user_name} that keylease did not make for this lease.")

    def _add(self, user_name: str, group: str) -> None:
        try:
            ask(self._clients.iam().add_user_to_group, UserName=user_name, GroupName=group)
        except NoSuchEntity as answer:
            if answer.kind == "group":
                raise GroupMissing(f"There is no IAM group {group} in account {self._account.id}.") from None
            raise

    def _again(self, call: Callable[[], R], *, after: tuple[type[AwsFailed | AwsThrottled], ...]) -> R:
        """Try again after an answer that says that nothing was done, with pauses; the last answer counts."""
        for pause in PAUSES:
            try:
                return call()
            except after:
                self._clock.sleep(pause)
        return call()
