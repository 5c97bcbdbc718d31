"""What the centre asks of the outside, as Protocols with their obligations.

Every method may raise the failures that its text names and no other; foreign exceptions stop in the adapter.
Each method is safe to call again after a crash or a lost answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from keylease.domain.access import Principal, Probe
from keylease.domain.event import AuditEvent, ChainedEvent
from keylease.domain.iam import Fence
from keylease.domain.lease import Lease, State
from keylease.domain.plan import Observed
from keylease.domain.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key on its way to its owner. It is never stored."""

    access_key_id: str
    secret_access_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """What a permission set's group says of itself, read from its policies in AWS."""

    horizon: datetime | None = None
    """The instant from which on it allows nothing; None where some of it never ends (doctor says so)."""
    warnings: tuple[str, ...] = ()
    """What it allows that no fence can stop, a sentence each."""


class Issuer(Protocol):
    """The identity that makes, in one account. It can give nothing that a reviewed group does not hold.

    Every method may raise `AwsUnreachable`, `AwsThrottled`, `AwsDenied`, `AwsCredentials`, `AwsQuota` and
    `AwsFailed`. An answer that was lost ("perhaps it was done") is `AwsUnreachable`.
    """

    def group_facts(self, group: str) -> GroupFacts:
        """What the group says of itself; may be some minutes old. Raises `GroupMissing`."""
        ...

    def create_fence(self, fence: Fence) -> None:
        """See to it that the fence exists and is what it should be. Raises `FenceDiffers` where it is not."""
        ...

    def create_user(self, user_name: str, fence: Fence, tags: Mapping[str, str]) -> bool:
        """See to it that the user exists, born behind the fence. False where the fence is not there (yet)."""
        ...

    def join_group(self, user_name: str, group: str) -> None:
        """Put the user into the group. Raises `GroupMissing`."""
        ...

    def create_access_key(self, user_name: str) -> AccessKey:
        """Make an access key. Not repeated after a lost answer: what was made then is never acknowledged."""
        ...

    def confirm(self, access_key: AccessKey, probe: Probe | None) -> bool:
        """Use the key until AWS has accepted it several times running; False where a stated limit runs out."""
        ...


class Remover(Protocol):
    """The identity that takes away, in one account. It can make nothing. Raises as `Issuer` does."""

    def observe(self) -> Observed:
        """All users and fences under keylease's paths, whoever made them, every page of them."""
        ...

    def remove_user(self, user_name: str, *, group: str | None = None, access_key_id: str | None = None) -> bool:
        """Take away groups, then keys, then the user with all it has grown; never its boundary.

        `group` and `access_key_id` are what should be there, which saves asking; what else is found goes too.
        That something is gone already is no error; False where the whole user was.
        """
        ...

    def leave_group(self, user_name: str, group: str) -> None:
        """Take the user out of one group. That it is out already is no error."""
        ...

    def delete_access_key(self, user_name: str, access_key_id: str) -> None:
        """Delete one access key. That it is gone already is no error."""
        ...

    def delete_fence(self, name: str) -> bool:
        """Delete a fence that nobody wears. False where somebody does; then it stays."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseQuery:
    """Which leases: all conditions that are given must hold. Newest request first."""

    principal_id: str | None = None
    states: frozenset[State] | None = None
    account: str | None = None
    fence: str | None = None
    before: datetime | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One account: the identity that makes, where this process holds it, and the one that takes away."""

    issuer: Issuer | None
    remover: Remover


class Store(Protocol):
    """The ledger. Every method may raise `StoreBusy`, `StoreFull` and `StoreFailed`, and has then done nothing."""

    def add(self, lease: Lease, event: AuditEvent) -> None:
        """Write a new lease and its event, both or neither."""
        ...

    def save(self, lease: Lease, event: AuditEvent) -> None:
        """Write a lease's next version and its event, both or neither.

        Raises `ChangedMeanwhile` where the stored version is not the one just before.
        """
        ...

    def append(self, event: AuditEvent) -> None:
        """Write an event that changes no lease."""
        ...

    def get(self, lease_id: str) -> Lease:
        """The lease. Raises `NoSuchLease`."""
        ...

    def find(self, query: LeaseQuery) -> Sequence[Lease]:
        """The leases that match."""
        ...

    def events(self, lease_id: str | None = None) -> Iterator[ChainedEvent]:
        """The audit chain from its start, or the part of it that concerns one lease."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody whose sign-in was verified: who, when, and by what means."""

    principal: Principal
    authenticated_at: datetime
    """When they last proved who they are to the directory; refreshing does not move it."""
    methods: frozenset[str] = frozenset()
    """What the directory says of the means (`amr`, `acrs`): `mfa`, `pwd`, `c1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that has begun: where the browser goes, and what must be remembered until it comes back."""

    address: str
    memory: str
    """Opaque, secret to anybody but this browser and us: state, nonce, code verifier."""


class SignIn(Protocol):
    """Says who is asking. What comes in is unverified until this has answered."""

    def begin(self, *, redirect_uri: str, max_age: timedelta | None = None) -> Begun:
        """Begin a sign-in; `max_age` asks for one that is no older. Raises `DirectoryUnreachable`."""
        ...

    def complete(self, *, memory: str, unverified_answer: Mapping[str, str], redirect_uri: str) -> SignedIn:
        """Verify what the browser brought back. Raises `SignInRefused` and `DirectoryUnreachable`."""
        ...


class People(Protocol):
    """The directory during a lease: who is still there. Needs no person's presence."""

    def gone(self, principals: Mapping[str, frozenset[str]]) -> Mapping[str, str]:
        """Of these principals (id, and the groups that their leases rest on), who lost what: id and a sentence.

        Raises `DirectoryUnreachable`; then nobody is gone. Somebody who could not be looked up is not gone either.
        """
        ...
