"""What the centre asks of the outside, as Protocols with their obligations.

Every method may raise the failures that its text names and no other; foreign exceptions stop in the adapter.
Each method is safe to call again after a crash or a lost answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

from keylease.domain.access import Principal, Probe
from keylease.domain.clock import from_text, to_text
from keylease.domain.event import AuditEvent, ChainedEvent
from keylease.domain.iam import Fence
from keylease.domain.lease import Lease, State
from keylease.domain.notice import Notice
from keylease.domain.pace import Pace
from keylease.domain.plan import Observed
from keylease.domain.secret import Secret
from keylease.domain.session import SessionTerms

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key on its way to its owner. It is never stored."""

    access_key_id: str
    secret_access_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A session on its way to its owner. It is never stored."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expiration: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """What a permission set's group or session role says of itself, read from its policies in AWS."""

    horizon: datetime | None = None
    """The instant from which on it allows nothing; None where some of it never ends (doctor says so)."""
    warnings: tuple[str, ...] = ()
    """What it allows that no fence can stop, a sentence each."""
    can: tuple[str, ...] = ()
    """What it lets people do, in plain words, a line each."""


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

    def role_facts(self, role: str) -> GroupFacts:
        """The same as of a group, of a session role and its ceiling. Raises `RoleMissing`."""
        ...

    def assume(self, terms: SessionTerms) -> Credentials:
        """A session of a session role, on these terms. It may be shorter than they say, never longer.

        One call to AWS. After a lost answer somebody asks anew: what was given then is nobody's.
        """
        ...


class Remover(Protocol):
    """The identity that takes away, in one account. It can make nothing. Raises as `Issuer` does."""

    def observe(self, *, thorough: bool = False) -> Observed:
        """All users and fences under keylease's paths, whoever made them, every page of them.

        Access keys are asked for user by user; unless `thorough`, of many users only some have theirs each time.
        """
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

    def drop_policies(self, user_name: str) -> None:
        """Take away all policies that are on the user itself. That there are none is no error."""
        ...

    def delete_fence(self, name: str) -> bool:
        """Delete a fence that nobody wears. False where somebody does; then it stays."""
        ...

    def refuse_sessions(self, role: str, policy: str | None) -> None:
        """Let this be the policy that refuses sessions of the role, and with None let there be none.

        AWS goes by it after seconds, seldom minutes. A role without a ceiling is not touched: `AwsDenied`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A machine in AWS that carries a lease's tag. `state` is EC2's word: `running`, `stopped`, `pending`."""

    id: str
    region: str
    state: str
    lease_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRole:
    """A role that leases may pass to what they launch, and the instance profiles that hand it on, by name."""

    arn: str
    instance_profiles: tuple[str, ...]


class Instances(Protocol):
    """What leases have started in one account, and may pass to it. Raises as `Issuer` does."""

    def leased(self) -> Sequence[Instance]:
        """All that carry a lease's tag and were not terminated, in the regions that are watched."""
        ...

    def stop(self, instance: Instance) -> None:
        """Stop one; it can be started again. That it is stopped already is no error."""
        ...

    def launch_roles(self) -> Sequence[LaunchRole]:
        """The roles under the launch path, by their ARN."""
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
    principal_ids: frozenset[str] | None = None
    permission_set: str | None = None
    name: str | None = None
    """A part of the owner's name; a to z match upper and lower case alike."""
    since: datetime | None = None
    """Requested then or later."""
    ends_after: datetime | None = None
    ends_by: datetime | None = None
    """`expires_at` after the one, and not after the other."""
    offset: int = 0
    """How many of those that match are passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One account, with the identities in it that this process holds; the other one runs elsewhere."""

    issuer: Issuer | None
    remover: Remover | None
    instances: Instances | None = None
    """Where instances that leases have started are watched."""
    partition: str = "aws"
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The ledger in figures."""

    states: Mapping[tuple[str, str], int]
    """How many leases there are that have not ended, by account and state."""
    overdue_since: Mapping[str, datetime]
    """By account, when the oldest lease ended of which AWS may still hold something."""


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

    def count(self, query: LeaseQuery) -> int:
        """How many match, whatever `limit` and `offset` say."""
        ...

    def figures(self, now: datetime) -> Figures:
        """What stands in the ledger, counted. Cheap, however many leases have ended."""
        ...

    def events(
        self, lease_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Iterator[ChainedEvent]:
        """The audit chain from its start, or the part of it that concerns one lease.

        Only what comes after the record of that number, and no more than `limit`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody whose sign-in was verified: who, when, and by what means."""

    principal: Principal
    authenticated_at: datetime
    """When they last proved who they are to the directory; refreshing does not move it.

    Where the directory does not say (no `auth_time`), when it answered; then the principal's own is None.
    """
    methods: frozenset[str] = frozenset()
    """What the directory says of the means (`amr`, `acr`, `acrs`): `mfa`, `pwd`, `c1`; as in the principal."""

    def to_values(self) -> dict[str, Any]:
        """As plain values, for a record."""
        who = self.principal
        return {
            "issuer": who.issuer,
            "subject": who.subject,
            "name": who.name,
            "groups": sorted(who.groups),
            "authenticated_at": to_text(self.authenticated_at),
            "proven_at": to_text(who.authenticated_at) if who.authenticated_at else None,
            "methods": sorted(self.methods),
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> SignedIn:
        """The reverse of `to_values`."""
        proven_at = values["proven_at"]
        who = Principal(
            issuer=values["issuer"],
            subject=values["subject"],
            name=values["name"],
            groups=frozenset(values["groups"]),
            authenticated_at=from_text(proven_at) if proven_at else None,
            methods=frozenset(values["methods"]),
        )
        return cls(
            principal=who,
            authenticated_at=from_text(values["authenticated_at"]),
            methods=frozenset(values["methods"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that has begun: where the browser goes, and what must be remembered until it comes back.

    The address carries a `state` that the browser brings back, and no two sign-ins have the same.
    """

    address: str
    memory: str
    """Opaque, secret to anybody but this browser and us: state, nonce, code verifier."""


class SignIn(Protocol):
    """Says who is asking. What comes in is unverified until this has answered."""

    @property
    def issuer(self) -> str:
        """Whose principals those who sign in are; a sign-in that was kept and is another's counts no more."""
        ...

    def begin(self, *, redirect_uri: str, max_age: timedelta | None = None, mfa: bool = False) -> Begun:
        """Begin a sign-in; `max_age` asks for one that is no older, `mfa` for a second factor.

        What was asked for here, `complete` demands. Raises `DirectoryUnreachable`.
        """
        ...

    def complete(self, *, memory: str, unverified_answer: Mapping[str, str], redirect_uri: str) -> SignedIn:
        """Verify what the browser brought back. Raises `SignInRefused` and `DirectoryUnreachable`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBegun:
    """A sign-in on another device that has begun (RFC 8628): what a person types, and where."""

    user_code: str
    verification_address: str
    interval: timedelta
    """How long to wait between two polls."""
    expires_in: timedelta
    memory: str
    """Opaque, secret to anybody but this terminal and us."""


@runtime_checkable
class DeviceSignIn(Protocol):
    """What a directory can do besides `SignIn`: sign in a terminal whose machine has no browser."""

    def begin_device(self) -> DeviceBegun:
        """Begin. Raises `SignInRefused` where the directory does not allow it, and `DirectoryUnreachable`."""
        ...

    def poll_device(self, memory: str) -> SignedIn | None:
        """Who signed in; None as long as nobody has. Raises `SignInRefused` and `DirectoryUnreachable`.

        Asking too often is no error; the directory is asked no more often than it wishes.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSession:
    """One browser's sign-in, as the server keeps it."""

    signed_in: SignedIn
    created_at: datetime
    last_seen_at: datetime


class Sessions(Protocol):
    """The browsers that are signed in, by the digests of their ids. Fails as `Store` does."""

    def begin(self, digest: str, session: WebSession) -> None:
        """Keep a new session."""
        ...

    def find(self, digest: str) -> WebSession | None:
        """The session; None where there is none, or it was ended. Its limits are the caller's to check."""
        ...

    def seen(self, digest: str, at: datetime) -> None:
        """Write down that it was used."""
        ...

    def end(self, digest: str, at: datetime) -> None:
        """End it; that it is over already is no error."""
        ...

    def end_all(self, principal_id: str, at: datetime) -> int:
        """End all of somebody's; how many that were."""
        ...

    def forget(self, created_before: datetime) -> None:
        """Delete what is that old."""
        ...

    def people(self) -> Mapping[str, frozenset[str]]:
        """Everybody with a session that was not ended, by id, and all groups that theirs rest on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSignIn:
    """One terminal's sign-in: it rests on what the directory said when its owner allowed it."""

    id: str
    signed_in: SignedIn
    machine: str
    """What the terminal calls its machine; nobody has checked it."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The digests of a terminal's next refresh token, and of an access token with its end."""

    refresh: str
    access: str
    access_until: datetime


class Outcome(StrEnum):
    """What has become of a refresh token that was shown."""

    DONE = "done"
    UNKNOWN = "unknown"
    OVER = "over"
    REUSED = "reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A refresh token was shown: `terminal` is whose it is, None where it is nobody's."""

    outcome: Outcome
    terminal: TerminalSignIn | None = None


class Terminals(Protocol):
    """The terminals that are signed in, and the digests of their tokens. Fails as `Store` does."""

    def begin(self, terminal: TerminalSignIn, tokens: Tokens) -> None:
        """Keep a new one. Raises `SignInRefused` where its refresh token is known already."""
        ...

    def exchange(self, refresh: str, tokens: Tokens, now: datetime) -> Exchange:
        """Let the next refresh token take this one's place: at once, whoever else does the same.

        Saying the very same again is `DONE` again, as long as the next one was not used: an answer may be lost. A
        refresh token that was exchanged for another one is `REUSED`, and ends the sign-in with all its tokens.
        """
        ...

    def find(self, access: str, now: datetime) -> TerminalSignIn | None:
        """Whose access token this is; None for one that is unknown or over."""
        ...

    def holder(self, token: str) -> TerminalSignIn | None:
        """Whose token of either kind this is, used or not, as long as the sign-in was not ended."""
        ...

    def of(self, principal_id: str, now: datetime) -> Sequence[TerminalSignIn]:
        """Somebody's terminals that are signed in, newest first."""
        ...

    def end(self, terminal_id: str, at: datetime) -> bool:
        """End a sign-in with all its tokens. False where there is none, or it was ended before."""
        ...

    def forget(self, now: datetime) -> None:
        """Delete what can be of no use any more."""
        ...

    def people(self, now: datetime) -> Mapping[str, frozenset[str]]:
        """Everybody whose terminal is signed in, by id, and all groups that theirs rest on."""
        ...


class OneTime(Protocol):
    """What is remembered for one use and a short while, by the digest of what opens it. Fails as `Store` does."""

    def keep(self, digest: str, content: Mapping[str, Any], until: datetime) -> None:
        """Remember plain values."""
        ...

    def take(self, digest: str, now: datetime) -> Mapping[str, Any] | None:
        """What was remembered, to the first who asks; None to everybody else, and once it is over."""
        ...

    def forget(self, now: datetime) -> None:
        """Delete what is over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where sign-ins are kept."""

    sessions: Sessions
    terminals: Terminals
    one_time: OneTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What is known of the last pass over an account, or of another thing that is done again and again."""

    at: datetime
    """When it ended."""
    content: Mapping[str, Any]
    """Plain values."""


class Passes(Protocol):
    """What passes saw, for all processes to read. Fails as `Store` does."""

    def keep(self, name: str, passed: Passed) -> None:
        """Let this be what is known of the last one of that name."""
        ...

    def kept(self) -> Mapping[str, Passed]:
        """All that is known, by name."""
        ...


class Paces(Protocol):
    """How fast each account is asked, for all processes that ask it. Fails as `Store` does."""

    def change(self, account: str, rule: Callable[[Pace], tuple[Pace, R]]) -> R:
        """Let a rule change an account's pace, one at a time, and answer what the rule does."""
        ...


class People(Protocol):
    """The directory during a lease: who is still there. Needs no person's presence."""

    def gone(self, principals: Mapping[str, frozenset[str]], *, every: bool = False) -> Mapping[str, str]:
        """Of these principals (id, and the groups that something of theirs rests on), who lost what: a sentence.

        One of the groups is enough, or `every` one is needed; without any, being there is enough. Raises
        `DirectoryUnreachable`; then nobody is gone. Somebody who could not be looked up is not gone either.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A notice that is to be sent, and how often that was tried."""

    notice: Notice
    tries: int


class Outbox(Protocol):
    """What people are to be told, until it is sent. Fails as `Store` does."""

    def cursor(self) -> int | None:
        """Up to which record of the chain it was filled; None for never."""
        ...

    def put(self, notices: Sequence[Notice], *, cursor: int | None) -> None:
        """Add notices, but those whose key is known, and move the cursor: both or neither. None leaves it."""
        ...

    def due(self, now: datetime, limit: int = 100) -> Sequence[Waiting]:
        """What is to be sent by now, the oldest first."""
        ...

    def claim(self, waiting: Waiting, *, again_at: datetime) -> bool:
        """Count one more try, and let the next one be no sooner. False where somebody else was first."""
        ...

    def done(self, key: str, *, at: datetime, failure: str | None) -> None:
        """Never try it again: it was sent, or it was given up with the code of a failure."""
        ...

    def sent(self, lease_id: str) -> Sequence[tuple[datetime, Notice]]:
        """What was sent of a lease, and when; oldest first."""
        ...

    def given_up(self) -> int:
        """How many were given up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What somebody wishes to be told, and where. `name` and `groups` are of when they chose."""

    principal_id: str
    address: str = ""
    """A mail address; empty for the one in the configuration."""
    mails: bool = True
    reminders: bool = True
    groups: frozenset[str] = frozenset()


class Choices(Protocol):
    """What people have chosen. Fails as `Store` does."""

    def of(self, principal_id: str) -> Choice | None:
        """Somebody's."""
        ...

    def all(self) -> Sequence[Choice]:
        """Everybody's."""
        ...

    def keep(self, choice: Choice) -> None:
        """Write one down, in place of what was."""
        ...


class Feeds(Protocol):
    """Private calendars, by the digest of what opens them; each person has at most one. Fails as `Store` does."""

    def make(self, digest: str, principal_id: str, at: datetime) -> None:
        """Let this open somebody's, and nothing that did before."""
        ...

    def whose(self, digest: str) -> str | None:
        """Whose it opens."""
        ...

    def made_at(self, principal_id: str) -> datetime | None:
        """When somebody's was made; None where they have none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Where the ledger keeps what people are told."""

    outbox: Outbox
    choices: Choices
    feeds: Feeds
