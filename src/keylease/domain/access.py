"""Who may lease what, and who may decide.

A grant names principals, permission sets, accounts, a longest time and who approves. Nothing configured means
nobody may do anything: every answer starts as a `Deny`. The longest time is that of the matching grant alone,
never the longest of all that somebody has; where several grants allow the same request, the first in the
configuration's order counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from keylease.domain import until
from keylease.domain.lease import Kind
from keylease.domain.status import PATIENCE, Patience
from keylease.errors import KeyleaseError, NotApprover, NotGranted, OwnRequest, SignInTooOld, TooLong

MFA = "mfa"
"""How `Principal.methods` says that there was a second factor (RFC 8176)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who signed in: `issuer` and `subject` say who it is, `name` and `groups` what the directory says of them."""

    issuer: str
    """As a directory names itself; never with a `#`."""
    subject: str
    name: str
    groups: frozenset[str] = frozenset()
    authenticated_at: datetime | None = None
    """When the directory says they last proved who they are; None where it does not say."""
    methods: frozenset[str] = frozenset()
    """By what means, in the directory's words; `mfa` where there was a second factor."""

    @property
    def id(self) -> str:
        """One text that is this principal and no other."""
        return f"{self.issuer}#{self.subject}"


def who_is(principal_id: str) -> tuple[str, str]:
    """The issuer and the subject that a principal's id was made of."""
    issuer, _, subject = principal_id.partition("#")
    return issuer, subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A set of principals: named ones, and members of named groups. Empty means nobody."""

    subjects: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def includes(self, principal: Principal) -> bool:
        """Whether the principal is one of them."""
        return principal.subject in self.subjects or bool(principal.groups & self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One harmless call that a permission set allows, to see that a new key works: `s3`, `list_objects_v2`."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSet:
    """A named template: what a lease of it rests on in an account, and what people must know of it.

    With a `group`, which a lease's user joins, it gives access keys; with a `role`, sessions; it may have both.
    """

    name: str
    title: str
    sentence: str = ""
    """What it is for, to people who ask; empty where the title says it all."""
    group: str | None = None
    role: str | None = None
    """A session role's name, without its path."""
    session: timedelta = timedelta(hours=1)
    """How long one session lasts at most; it is renewed as long as the lease goes on."""
    share: bool = False
    """Lifts the fence's block against opening data to others; the approver is told."""
    warnings: tuple[str, ...] = ()
    """What no fence can stop and this set allows, a sentence each."""
    probe: Probe | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of lease that it gives; the first is meant where nobody names one."""
        both = {Kind.ACCESS_KEY: self.group, Kind.SESSION: self.role}
        return tuple(kind for kind, rests_on in both.items() if rests_on is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The rule: these principals may lease these permission sets in these accounts for at most `max_ttl`."""

    name: str
    who: Who
    permission_sets: frozenset[str]
    accounts: frozenset[str]
    max_ttl: timedelta
    approvers: Who = Who()
    automatic: bool = False
    mfa: bool = False
    """Whoever asks, approves or collects must have signed in with a second factor."""
    max_sign_in_age: timedelta | None = None
    """Whoever asks, approves or collects must have proved who they are within so long."""

    def is_decided_for(self, principal: Principal) -> bool:
        """Whether there is anybody who could approve what this principal asks for; a group may have somebody."""
        others = self.approvers.subjects - {principal.subject}
        return self.automatic or bool(others or self.approvers.groups)

    def covers(self, principal: Principal, request: Request) -> bool:
        """Whether this grant speaks of such a request of theirs at all, its length aside."""
        return self.who.includes(principal) and self.gives(request)

    def gives(self, request: Request) -> bool:
        """Whether this grant speaks of that permission set in that account, whoever asks."""
        return request.permission_set in self.permission_sets and request.account in self.accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks for. `ttl` is the length seen from the moment of asking."""

    account: str
    permission_set: str
    ttl: timedelta


@dataclass(frozen=True, slots=True)
class Allow:
    """Yes, by this grant."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class Deny:
    """No, with the failure that says why."""

    reason: KeyleaseError


Decision = Allow | Deny


def decide(principal: Principal, request: Request, grants: Iterable[Grant]) -> Decision:
    """Whether the principal may ask for this."""
    covering = [grant for grant in grants if grant.covers(principal, request)]
    for grant in covering:
        if request.ttl <= grant.max_ttl:
            return Allow(grant)
    if not covering:
        return Deny(NotGranted(f"No grant lets you lease {request.permission_set} in {request.account}."))
    longest = max(grant.max_ttl for grant in covering)
    return Deny(TooLong(f"At most {until.write(longest)} is possible for {request.permission_set}."))


def may_decide(approver: Principal, owner_id: str, grant: Grant | None) -> Decision:
    """Whether `approver` may approve or deny what `owner_id` asked for under `grant`, if that still exists."""
    if grant is None:
        return Deny(NotApprover("The grant that this request was made under is gone from the configuration."))
    if approver.id == owner_id:
        return Deny(OwnRequest("You cannot decide on your own request."))
    if not grant.approvers.includes(approver):
        return Deny(NotApprover(f"You are not an approver of the grant {grant.name}."))
    return Allow(grant)


def fresh_enough(signed_in: Principal, grant: Grant, now: datetime) -> Decision:
    """Whether somebody's sign-in is as recent and as strong as the grant demands."""
    age = None if signed_in.authenticated_at is None else now - signed_in.authenticated_at
    if grant.mfa and MFA not in signed_in.methods:
        return Deny(_too_old(f"The grant {grant.name} asks for a sign-in with a second factor.", grant))
    if grant.max_sign_in_age is None or (age is not None and age <= grant.max_sign_in_age):
        return Allow(grant)
    longest = until.write(grant.max_sign_in_age)
    return Deny(_too_old(f"The grant {grant.name} asks for a sign-in that is no older than {longest}.", grant))


def _too_old(sentence: str, grant: Grant) -> SignInTooOld:
    return SignInTooOld(sentence, max_age=grant.max_sign_in_age, mfa=grant.mfa)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All that the configuration says of who may do what. Empty allows nobody anything."""

    accounts: Mapping[str, str] = field(default_factory=dict)
    """The account's name here, and its twelve digits."""
    permission_sets: Mapping[str, PermissionSet] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    administrators: Who = Who()
    auditors: Who = Who()
    renewal_grace: timedelta = timedelta(days=3)
    patience: Patience = PATIENCE
    slots: tuple[timedelta, ...] = until.SLOTS
    """What the end of a lease is rounded down to; whole days where fences are made ahead."""

    def grant(self, name: str) -> Grant | None:
        """The grant of that name, if it is still there."""
        return next((grant for grant in self.grants if grant.name == name), None)

    def granted(self, account: str) -> tuple[PermissionSet, ...]:
        """The permission sets that some grant gives in an account, by its name here."""
        names = {name for grant in self.grants if account in grant.accounts for name in grant.permission_sets}
        return tuple(one for name, one in self.permission_sets.items() if name in names)

    @property
    def groups(self) -> frozenset[str]:
        """All groups of the directory on which anything rests here."""
        whos = [self.administrators, self.auditors]
        whos += [who for grant in self.grants for who in (grant.who, grant.approvers)]
        return frozenset().union(*(who.groups for who in whos))

    def may_audit(self, principal: Principal) -> bool:
        """Whether the principal may read everybody's leases and the audit trail."""
        return self.auditors.includes(principal) or self.administrators.includes(principal)
