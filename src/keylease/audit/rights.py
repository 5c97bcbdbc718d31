"""What a user or role may do, as far as policies alone say it.

The statements of all its policies count together (a user's groups' too), less what is denied always, within its
boundary and, where they can be read, within the organization's SCPs. Conditions are read as if they held, but for
two: `iam:PassedToService`, and tests of a date that is over. So it says rather too much than too little; resources
are looked at, since `user/${aws:username}` alone gives nobody else's rights.

What a document allows is worked out once for each document, whoever wears it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from keylease.audit.snapshot import Bearer, Document, Iam, Policy, Snapshot, Unseen, seen
from keylease.domain.clock import from_text
from keylease.domain.statement import Statement, as_list, conditions, covers, statements

ADMINISTRATOR = "AdministratorAccess"
EVERYTHING: Document = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
OWN_NAME = ("${aws:username}", "${aws:userid}", "${aws:principaltag/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An action that a statement allows: on which resources, from which policy, under which condition."""

    resources: tuple[str, ...]
    excepted: bool
    source: str
    statement: Statement

    def reaches(self, arn: str) -> bool:
        """Whether it holds for that resource."""
        hit = any(_matches(pattern, arn) for pattern in self.resources)
        return not hit if self.excepted else hit

    @property
    def is_own(self) -> bool:
        """Whether it can only be about whoever calls."""
        own = [any(sign in one.lower() for sign in OWN_NAME) for one in self.resources]
        return not self.excepted and bool(own) and all(own)

    def passes_to(self, service: str) -> bool:
        """Whether a role may be passed to that service, by `iam:PassedToService`."""
        wanted = [
            values for _, key, values in conditions(self.statement) if key == "iam:passedtoservice"
        ]  # operators that deny a service are rare in an Allow, and read as allowing it
        return all(any(_matches(value, service) for value in values) for values in wanted)


class Rights:
    """Who may do what in one account."""

    def __init__(self, at: Snapshot) -> None:
        self._iam = seen(at.iam)
        self._now = at.at
        self._groups = {group.name: group for group in self._iam.groups}
        self._worked_out: dict[tuple[int, str], tuple[Given, ...]] = {}
        self._denied: dict[tuple[int, str], bool] = {}
        self._services: dict[int, frozenset[str]] = {}
        self._of_policies: dict[tuple[object, ...], tuple[Given, ...]] = {}
        self._kept: list[Document] = []  # so that no id is used twice
        self.open_paths: dict[tuple[object, ...], list[Any]] = {}
        """What `escalation` has worked out, by `worn`."""
        self.scps = _scps(at)

    @property
    def iam(self) -> Iam:
        """What it is about."""
        return self._iam

    def policies(self, bearer: Bearer) -> Iterator[tuple[str, Policy]]:
        """All policies that give to somebody, a user's groups' too: where each comes from, and itself."""
        for own in bearer.inline:
            yield f"its policy {own.name}", own
        for arn in bearer.attached:
            if (managed := self._managed(arn)) is not None:
                yield managed.name, managed
        for name in bearer.groups:
            if name in self._groups:
                for source, policy in self.policies(self._groups[name]):
                    yield f"{source} of the group {name}".replace("its policy", "the policy"), policy

    def given(self, bearer: Bearer, action: str) -> tuple[Given, ...]:
        """Every statement that allows an action; nothing where it is denied, or a boundary holds it back."""
        key = (*self.worn(bearer), action)
        if key not in self._of_policies:
            self._of_policies[key] = self._together(bearer, action)
        return self._of_policies[key]

    def worn(self, bearer: Bearer) -> tuple[object, ...]:
        """What is the same for two who may do the same: their policies, by where each comes from."""
        return (bearer.boundary, *((source, id(policy.document)) for source, policy in self.policies(bearer)))

    def _together(self, bearer: Bearer, action: str) -> tuple[Given, ...]:
        found: list[Given] = []
        for source, policy in self.policies(bearer):
            if self._denies(policy.document, action):
                return ()
            found += self._allowed(policy.document, action, source)
        if not found or not all(self._within(limit, action) for limit in self.limits(bearer)):
            return ()
        return tuple(found)

    def limits(self, bearer: Bearer) -> list[Document]:
        """What bounds somebody: the boundary, and each SCP level that can be read."""
        boundary = self._managed(bearer.boundary) if bearer.boundary else None
        return [*([boundary.document] if boundary else []), *self.scps]

    def administers(self, bearer: Bearer) -> str | None:
        """The policy by which somebody may do anything; None where there is none."""
        for source, policy in self.policies(bearer):
            if self.is_everything(policy.document) and self.given(bearer, "iam:CreateUser"):
                return source
        return None

    def is_everything(self, document: Document) -> bool:
        """Whether a document allows every action on every resource, without a condition that is over."""
        return any(
            one.get("Effect") == "Allow"
            and "*" in as_list(one.get("Resource"))
            and any(str(action) in {"*", "*:*"} for action in as_list(one.get("Action")))
            and not self._is_over(one)
            for one in statements(document)
        )

    @cached_property
    def privileged_roles(self) -> tuple[Bearer, ...]:
        """Roles that may do anything, or make themselves so."""
        return tuple(role for role in self._iam.roles if self.is_privileged(role))

    @cached_property
    def privileged_users(self) -> tuple[Bearer, ...]:
        """Users of the same kind."""
        return tuple(user for user in self._iam.users if self.is_privileged(user))

    @cached_property
    def privileged_groups(self) -> tuple[Bearer, ...]:
        """Groups of the same kind."""
        return tuple(group for group in self._iam.groups if self.is_privileged(group))

    def is_privileged(self, bearer: Bearer) -> bool:
        """Whether somebody may do anything, or write IAM policies for everybody."""
        if self.administers(bearer):
            return True
        return any(one.reaches(_ANYBODY) for action in WRITES for one in self.given(bearer, action))

    def _managed(self, arn: str) -> Policy | None:
        known = self._iam.policies.get(arn)
        if known is None and arn.endswith(f":aws:policy/{ADMINISTRATOR}"):
            return Policy(name=ADMINISTRATOR, arn=arn, document=EVERYTHING)
        return known

    def _allowed(self, document: Document, action: str, source: str) -> Iterator[Given]:
        key = (id(document), action)
        if key not in self._worked_out:
            self._kept.append(document)
            speaks = {"*", action.partition(":")[0]} & self._services_of(document)
            self._worked_out[key] = tuple(self._work_out(document, action)) if speaks else ()
        for one in self._worked_out[key]:
            yield Given(resources=one.resources, excepted=one.excepted, source=source, statement=one.statement)

    def _services_of(self, document: Document) -> frozenset[str]:
        """The services that a document's Allow statements speak of; `*` where it may be any."""
        if id(document) not in self._services:
            allowing = [one for one in statements(document) if one.get("Effect") == "Allow"]
            named = {str(one).lower().partition(":")[0] for each in allowing for one in as_list(each.get("Action"))}
            some = any("NotAction" in one for one in allowing) or any(set("*?") & set(one) for one in named)
            self._services[id(document)] = frozenset(named | ({"*"} if some else set()))
        return self._services[id(document)]

    def _work_out(self, document: Document, action: str) -> Iterator[Given]:
        for one in statements(document):
            if one.get("Effect") == "Allow" and _speaks_of(one, action) and not self._is_over(one):
                excepted = "NotResource" in one
                resources = as_list(one["NotResource"] if excepted else one.get("Resource"))
                yield Given(
                    resources=tuple(str(resource) for resource in resources),
                    excepted=excepted,
                    source="",
                    statement=one,
                )

    def _within(self, limit: Document, action: str) -> bool:
        return bool(list(self._allowed(limit, action, ""))) and not self._denies(limit, action)

    def _denies(self, document: Document, action: str) -> bool:
        key = (id(document), action)
        if key not in self._denied:
            self._kept.append(document)
            self._denied[key] = self._work_out_denial(document, action)
        return self._denied[key]

    def _work_out_denial(self, document: Document, action: str) -> bool:
        return any(
            one.get("Effect") == "Deny"
            and "*" in as_list(one.get("Resource"))
            and self._holds_now(one)
            and _speaks_of(one, action)
            for one in statements(document)
        )

    def _holds_now(self, statement: Statement) -> bool:
        """Whether a Deny holds for every call at this moment: without a condition, or since a date that is over."""
        found = list(conditions(statement))
        return all(
            key == "aws:currenttime" and operator.startswith("DateGreaterThan") and _all_before(values, self._now)
            for operator, key, values in found
        )

    def _is_over(self, statement: Statement) -> bool:
        """Whether an Allow held up to a date that has passed."""
        return any(
            key == "aws:currenttime" and operator.startswith("DateLessThan") and _all_before(values, self._now)
            for operator, key, values in conditions(statement)
        )


WRITES = (
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
)
_ANYBODY = "arn:aws:iam::000000000000:user/somebody-whom-no-policy-names"


def trusts(role: Bearer, service: str) -> bool:
    """Whether a role lets an AWS service assume it."""
    return any(_matches(name, service) for name in _principals(role.trust, "Service"))


def trusts_caller(role: Bearer, caller: Bearer) -> bool:
    """Whether a role lets a user or role of its account assume it, by name or through the account."""
    account = caller.arn.split(":")[4]
    own = {caller.arn, "*", account, f"arn:aws:iam::{account}:root"}
    return any(name in own or name.endswith(f"::{account}:root") for name in _principals(role.trust, "AWS"))


def _principals(trust: Document, kind: str) -> Iterator[str]:
    for one in statements(trust):
        named = one.get("Principal")
        if one.get("Effect") == "Allow" and named == "*":
            yield "*"
        elif one.get("Effect") == "Allow" and isinstance(named, Mapping):
            yield from (str(name) for name in as_list(named.get(kind)))


def _scps(at: Snapshot) -> tuple[Document, ...]:
    """What the SCPs that are known to hold for this account deny; what they allow is taken as everything."""
    organization = at.organization
    if isinstance(organization, Unseen) or organization is None or isinstance(organization.in_force, Unseen):
        return ()
    denied: list[Any] = [
        one for document in organization.in_force for one in statements(document) if one.get("Effect") == "Deny"
    ]
    return ({"Statement": [*EVERYTHING["Statement"], *denied]},) if denied else ()


def _speaks_of(statement: Statement, action: str) -> bool:
    if "NotAction" in statement:
        return not any(covers(str(pattern), action) for pattern in as_list(statement["NotAction"]))
    return any(covers(str(pattern), action) for pattern in as_list(statement.get("Action")))


def _matches(pattern: str, text: str) -> bool:
    return pattern == "*" or covers(pattern, text)


def _all_before(values: Sequence[str], now: datetime) -> bool:
    try:
        return bool(values) and all(from_text(value) <= now for value in values)
    except ValueError:
        return False


def everybody(iam: Iam) -> Iterable[Bearer]:
    """All who can act: users and roles, without the roles that AWS itself made for its services."""
    return (*iam.users, *(role for role in iam.roles if not role.path.startswith("/aws-service-role/")))
