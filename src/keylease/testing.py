"""Fakes that are programs: the same contract suites prove them and the real things.

`FakeCloud` is one AWS account as keylease sees it. It does its work in the same single calls as AWS, and each call
can be told to fail, to be throttled, to act and lose the answer, or to be the last thing that happens (`Crash`).
It shows what was made only after `lag` seconds, as IAM may, and answers the one question that matters:
`accepts(access_key_id)`, whether AWS would serve this access key now.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from keylease.domain import iam
from keylease.domain.access import MFA, Principal, Probe
from keylease.domain.event import AuditEvent, ChainedEvent, chain
from keylease.domain.lease import ENDED, IN_AWS, Lease
from keylease.domain.plan import Observed, ObservedFence, ObservedUser
from keylease.domain.secret import Secret
from keylease.domain.session import SessionTerms
from keylease.errors import (
    AwsFailed,
    AwsQuota,
    AwsThrottled,
    AwsUnreachable,
    ChangedMeanwhile,
    FenceDiffers,
    GroupMissing,
    KeyleaseError,
    NoSuchLease,
    RoleMissing,
    SignInRefused,
)
from keylease.pacing import Pacing
from keylease.ports import AccessKey, Begun, Credentials, DeviceBegun, Figures, GroupFacts, LeaseQuery, SignedIn
from keylease.testing_sessions import FakeRoles


class Crash(BaseException):
    """The process dies here: nothing of ours catches it."""


class FakeClock:
    """A clock that stands still until it is told to go on; sleeping moves it."""

    def __init__(self, now: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The present instant."""
        return self._now.replace(microsecond=0)

    def precise(self) -> float:
        """The present in seconds since 1970."""
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        """Let that much time pass at once."""
        self._now += timedelta(seconds=seconds)

    def pass_time(self, **length: float) -> datetime:
        """Move on by so many `seconds`, `minutes`, `hours`, `days` or `weeks`; the new present."""
        self._now += timedelta(**length)
        return self.now()

    def move_to(self, instant: datetime) -> None:
        """Set the present, forwards or back."""
        self._now = instant


@dataclass(slots=True)
class FakeUser:
    """One IAM user."""

    fence: str
    tags: dict[str, str]
    made_at: datetime
    groups: set[str] = field(default_factory=set)
    access_keys: dict[str, Secret] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)


Fault = Callable[[str], None]
"""Is told each call's name before it acts; raises what is to happen instead."""


class FakeCloud:
    """An account in memory: both `Issuer` and `Remover`."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        groups: Sequence[str] = (),
        roles: Sequence[str] = (),
        lag: timedelta = timedelta(),
        pacing: Pacing | None = None,
    ) -> None:
        self.pacing = pacing
        self.clock = clock
        self.groups = set(groups)
        self.roles = FakeRoles(clock, roles)
        self.lag = lag
        self.users: dict[str, FakeUser] = {}
        self._gone: dict[str, tuple[FakeUser, datetime]] = {}
        self._made_at: dict[str, datetime] = {}
        self.fences: dict[str, str] = {}
        self.facts: dict[str, GroupFacts] = {}
        self.calls: Counter[str] = Counter()
        self.before: Fault = lambda _: None
        self.after: Fault = lambda _: None
        self._numbers = itertools.count(1)

    def accepts(self, access_key_id: str) -> bool:
        """Whether AWS would serve a request with this access key, or a session's, now."""
        if access_key_id in self.roles.sessions:
            return self.roles.accepts(access_key_id)
        for user in self.users.values():
            if access_key_id in user.access_keys:
                until = iam.fence_until(user.fence)
                return bool(user.groups) and until is not None and self.clock.now() < until
        return False

    def group_facts(self, group: str) -> GroupFacts:
        """What was put into `facts`. Not a counted call: the real one remembers."""
        self.before("GetGroup")
        if group not in self.groups:
            raise GroupMissing(f"There is no group {group}.")
        return self.facts.get(group, GroupFacts())

    def role_facts(self, role: str) -> GroupFacts:
        """The same of a session role."""
        self.before("GetRole")
        if role not in self.roles.names:
            raise RoleMissing(f"There is no session role {role}.")
        return self.facts.get(role, GroupFacts())

    def assume(self, terms: SessionTerms) -> Credentials:
        """AssumeRole."""
        with _Call(self, "AssumeRole"):
            return self.roles.assume(terms)

    def refuse_sessions(self, role: str, policy: str | None) -> None:
        """PutRolePolicy or DeleteRolePolicy."""
        with _Call(self, "DeleteRolePolicy" if policy is None else "PutRolePolicy"):
            self.roles.refuse(role, policy)

    def create_fence(self, fence: iam.Fence) -> None:
        """CreatePolicy."""
        with _Call(self, "CreatePolicy"):
            self._made_at.setdefault(fence.name, self.clock.now())
            if self.fences.setdefault(fence.name, fence.document) != fence.document:
                raise FenceDiffers(f"The fence {fence.name} was edited.")

    def create_user(self, user_name: str, fence: iam.Fence, tags: Mapping[str, str]) -> bool:
        """CreateUser."""
        with _Call(self, "CreateUser"):
            if fence.name not in self.fences or not self._is_shown(self._made_at[fence.name]):
                return False
            here = self.users.setdefault(user_name, FakeUser(fence.name, dict(tags), self.clock.now()))
            if (here.fence, here.tags) != (fence.name, dict(tags)):
                raise AwsFailed(f"There is another user {user_name}.")
            return True

    def join_group(self, user_name: str, group: str) -> None:
        """AddUserToGroup."""
        with _Call(self, "AddUserToGroup"):
            if group not in self.groups:
                raise GroupMissing(f"There is no group {group}.")
            self._user(user_name).groups.add(group)

    def create_access_key(self, user_name: str) -> AccessKey:
        """CreateAccessKey; two at most, as AWS has it."""
        with _Call(self, "CreateAccessKey"):
            user, number = self._user(user_name), next(self._numbers)
            if len(user.access_keys) == 2:
                raise AwsQuota(f"{user_name} has two access keys.")
            access_key_id, secret = f"AKIAFAKE{number:012d}", Secret(f"fake/secret/{number:028d}")
            user.access_keys[access_key_id] = secret
        return AccessKey(access_key_id=access_key_id, secret_access_key=secret)

    def confirm(self, access_key: AccessKey, probe: Probe | None) -> bool:
        """Three times GetCallerIdentity and the probe."""
        for _ in range(3):
            with _Call(self, "GetCallerIdentity"):
                pass
        if probe is not None:
            with _Call(self, "Probe"):
                pass
        return self.accepts(access_key.access_key_id)

    def observe(self, *, thorough: bool = False) -> Observed:  # noqa: ARG002 - it always is
        """GetAccountAuthorizationDetails and ListAccessKeys."""
        with _Call(self, "GetAccountAuthorizationDetails"):
            seen = {name: user for name, user in self.users.items() if self._is_shown(user.made_at)}
            seen |= {name: user for name, (user, at) in self._gone.items() if not self._is_shown(at)}
            worn = {user.fence for user in self.users.values()}
            return Observed(
                users=tuple(_observed(name, user) for name, user in seen.items()),
                fences=tuple(
                    ObservedFence(name=name, document=text, worn=name in worn) for name, text in self.fences.items()
                ),
                roles=self.roles.observed(),
            )

    def remove_user(self, user_name: str, *, group: str | None = None, access_key_id: str | None = None) -> bool:
        """RemoveUserFromGroup, DeleteAccessKey, DeleteUser: groups, then access keys, then the user."""
        user = self.users.get(user_name)
        for one in sorted((user.groups if user else set()) | ({group} if group else set())):
            with _Call(self, "RemoveUserFromGroup"):
                if user is not None:
                    user.groups.discard(one)
        keys = set(user.access_keys) if user else set()
        for one in sorted(keys | ({access_key_id} if access_key_id else set())):
            self.delete_access_key(user_name, one)
        with _Call(self, "DeleteUser"):
            if user is not None:
                self._gone[user_name] = user, self.clock.now()
            return self.users.pop(user_name, None) is not None

    def leave_group(self, user_name: str, group: str) -> None:
        """RemoveUserFromGroup."""
        with _Call(self, "RemoveUserFromGroup"):
            if user_name in self.users:
                self.users[user_name].groups.discard(group)

    def delete_access_key(self, user_name: str, access_key_id: str) -> None:
        """DeleteAccessKey."""
        with _Call(self, "DeleteAccessKey"):
            if user_name in self.users:
                self.users[user_name].access_keys.pop(access_key_id, None)

    def drop_policies(self, user_name: str) -> None:
        """DetachUserPolicy."""
        with _Call(self, "DetachUserPolicy"):
            if user_name in self.users:
                self.users[user_name].policies.clear()

    def delete_fence(self, name: str) -> bool:
        """DeletePolicy."""
        with _Call(self, "DeletePolicy"):
            if any(user.fence == name for user in self.users.values()):
                return False
            self.fences.pop(name, None)
            self._made_at.pop(name, None)
            return True

    def _is_shown(self, at: datetime) -> bool:
        """Whether AWS shows by now what happened then."""
        return at + self.lag <= self.clock.now()

    def _user(self, user_name: str) -> FakeUser:
        if user_name not in self.users:
            raise AwsFailed(f"There is no user {user_name}.")
        return self.users[user_name]


REMOVES = ("Delete", "Detach", "Remove", "GetAccount")
"""How the remover's calls begin."""


class _Call:
    """One call to AWS: counted, with a fault before it acts or after it did."""

    def __init__(self, cloud: FakeCloud, name: str) -> None:
        self._cloud = cloud
        self._name = name

    def __enter__(self) -> None:
        asking = partial(self._cloud.before, self._name)
        if self._cloud.pacing is None:
            asking()
        else:
            self._cloud.pacing.call(asking, removes=self._name.startswith(REMOVES))
        self._cloud.calls[self._name] += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._cloud.after(self._name)


def _observed(name: str, user: FakeUser) -> ObservedUser:
    return ObservedUser(
        name=name,
        boundary=f"arn:aws:iam::123456789012:policy{iam.FENCE_PATH}{user.fence}",
        groups=frozenset(user.groups),
        tags=user.tags,
        access_key_ids=frozenset(user.access_keys),
        made_at=user.made_at,
        policies=tuple(sorted(user.policies)),
    )


def fail_at(call: str, failure: BaseException) -> Fault:
    """A fault: this call, and no other, ends like this."""

    def fault(name: str) -> None:
        if name == call:
            raise failure

    return fault


def crash_at(number: int) -> Fault:
    """A fault: the process dies at the nth call, counted from one."""
    count = itertools.count(1)

    def fault(name: str) -> None:
        if next(count) == number:
            raise Crash(f"at {name}")

    return fault


def throttled(_: str) -> None:
    """A fault: AWS asks for fewer calls."""
    raise AwsThrottled("AWS asks for fewer calls.")


def away(_: str) -> None:
    """A fault: AWS does not answer. As `before` it has not acted, as `after` it has: the answer is lost."""
    raise AwsUnreachable("AWS does not answer.")


class MemoryStore:
    """A ledger in memory. `before` and `after` are faults as in `FakeCloud`, around each write."""

    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}
        self.chain: list[ChainedEvent] = []
        self.before: Fault = lambda _: None
        self.after: Fault = lambda _: None

    def add(self, lease: Lease, event: AuditEvent) -> None:
        """Write a new lease and its event."""
        self.before("add")
        self.leases[lease.id] = lease
        self._append(event)
        self.after("add")

    def save(self, lease: Lease, event: AuditEvent) -> None:
        """Write a lease's next version and its event."""
        self.before("save")
        if self.get(lease.id).version != lease.version - 1:
            raise ChangedMeanwhile(f"{lease.id} was changed meanwhile.")
        self.leases[lease.id] = lease
        self._append(event)
        self.after("save")

    def append(self, event: AuditEvent) -> None:
        """Write an event that changes no lease."""
        self.before("append")
        self._append(event)
        self.after("append")

    def get(self, lease_id: str) -> Lease:
        """The lease. Raises `NoSuchLease`."""
        if lease_id not in self.leases:
            raise NoSuchLease(f"There is no lease {lease_id}.")
        return self.leases[lease_id]

    def find(self, query: LeaseQuery) -> Sequence[Lease]:
        """The leases that match, newest request first."""
        found = [lease for lease in self.leases.values() if _matches(lease, query)]
        found.sort(key=lambda lease: (lease.requested_at, lease.id), reverse=True)
        return found[query.offset : query.offset + query.limit]

    def count(self, query: LeaseQuery) -> int:
        """How many match."""
        return sum(_matches(lease, query) for lease in self.leases.values())

    def figures(self, now: datetime) -> Figures:
        """What stands in the ledger, counted."""
        live = [one for one in self.leases.values() if one.state not in ENDED]
        overdue: dict[str, datetime] = {}
        for one in live:
            if one.state in IN_AWS and one.expires_at <= now:
                overdue[one.account] = min(one.expires_at, overdue.get(one.account, one.expires_at))
        return Figures(states=Counter((one.account, str(one.state)) for one in live), overdue_since=overdue)

    def events(
        self, lease_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Iterator[ChainedEvent]:
        """The audit chain, or one lease's part of it."""
        found = (one for one in tuple(self.chain) if lease_id in (None, one.event.lease_id) and one.seq > after)
        return itertools.islice(found, limit)

    def _append(self, event: AuditEvent) -> None:
        self.chain.append(chain(event, self.chain[-1] if self.chain else None))


def _matches(lease: Lease, query: LeaseQuery) -> bool:
    return (
        query.principal_id in (None, lease.principal_id)
        and (query.states is None or lease.state in query.states)
        and query.account in (None, lease.account)
        and query.fence in (None, lease.fence)
        and (query.before is None or lease.requested_at < query.before)
        and _matches_further(lease, query)
    )


def _matches_further(lease: Lease, query: LeaseQuery) -> bool:
    return (
        (query.principal_ids is None or lease.principal_id in query.principal_ids)
        and query.permission_set in (None, lease.permission_set)
        and (query.name is None or query.name.lower() in lease.principal_name.lower())
        and (query.since is None or lease.requested_at >= query.since)
        and (query.ends_after is None or lease.expires_at > query.ends_after)
        and (query.ends_by is None or lease.expires_at <= query.ends_by)
    )


class FakeSignIn:
    """A directory that believes what it is told: the answer names a subject, and is good for one sign-in.

    `methods` are those of a sign-in where nothing more was asked for; `failure` happens in place of an answer.
    """

    def __init__(self, *people: Principal, clock: FakeClock) -> None:
        self.people = {person.subject: person for person in people}
        self.issuer = people[0].issuer
        self.clock = clock
        self.methods = frozenset({"pwd"})
        self.asked: list[tuple[timedelta | None, bool]] = []
        self.failure: KeyleaseError | None = None
        self.on_device = ""
        self._numbers = itertools.count(1)

    def begin(self, *, redirect_uri: str, max_age: timedelta | None = None, mfa: bool = False) -> Begun:
        """Begin; what was asked for is written down."""
        self._fail()
        self.asked.append((max_age, mfa))
        state = f"state-{next(self._numbers)}"
        address = f"https://directory.example/authorize?{urlencode({'state': state, 'redirect_uri': redirect_uri})}"
        return Begun(address=address, memory=json.dumps([state, redirect_uri, mfa]))

    def complete(self, *, memory: str, unverified_answer: Mapping[str, str], redirect_uri: str) -> SignedIn:
        """Whoever the answer names. Raises `SignInRefused`."""
        self._fail()
        state, began_for, mfa = json.loads(memory)
        person = self.people.get(unverified_answer.get("code", ""))
        if (state, began_for) != (unverified_answer.get("state"), redirect_uri) or person is None:
            raise SignInRefused("The directory's answer does not fit.")
        return self._signed_in(person, mfa=mfa)

    def begin_device(self) -> DeviceBegun:
        """Begin a sign-in on another device; `on_device` becomes the subject of who signs in there."""
        self._fail()
        return DeviceBegun(
            user_code="WDJB-MJHT",
            verification_address="https://directory.example/device",
            interval=timedelta(seconds=5),
            expires_in=timedelta(minutes=15),
            memory="on a device",
        )

    def poll_device(self, memory: str) -> SignedIn | None:
        """Who signed in there, if anybody did."""
        self._fail()
        return self._signed_in(self.people[self.on_device]) if memory and self.on_device else None

    def _signed_in(self, person: Principal, *, mfa: bool = False) -> SignedIn:
        now, methods = self.clock.now(), self.methods | ({MFA} if mfa else set())
        known = replace(person, authenticated_at=now, methods=methods)
        return SignedIn(principal=known, authenticated_at=now, methods=methods)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class Limit:
    """A fault: a target that takes so many calls a second, a few more at once, and refuses the others."""

    def __init__(self, clock: FakeClock, *, a_second: float, burst: float) -> None:
        self.clock = clock
        self.a_second = a_second
        self.burst = burst
        self.refused = 0
        self._left = burst
        self._seen = clock.precise()

    def __call__(self, _: str) -> None:
        """Raises `AwsThrottled` for a call too many."""
        now = self.clock.precise()
        self._left = min(self.burst, self._left + (now - self._seen) * self.a_second)
        self._seen = now
        if self._left < 1:
            self.refused += 1
            raise AwsThrottled("AWS asks for fewer calls.")
        self._left -= 1
