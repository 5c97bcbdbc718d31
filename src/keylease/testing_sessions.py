"""The session roles of the fake account, and the sessions that were given.

It reads the very policies that are written for AWS, as far as ours go: a session is served as long as no statement
of its session policy, or of its role's inline policy, denies everything to it now. The contract suite shows that it
judges as the real thing does.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keylease.domain import clock
from keylease.domain.clock import Clock
from keylease.domain.plan import ObservedRole
from keylease.domain.secret import Secret
from keylease.domain.session import SessionTerms
from keylease.domain.statement import Statement, as_list, conditions, statements
from keylease.errors import AwsDenied
from keylease.ports import Credentials, Instance, LaunchRole


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeSession:
    """One session that was given. `issued_at` and `expiration` are AWS's."""

    terms: SessionTerms
    issued_at: datetime
    expiration: datetime


class FakeRoles:
    """The session roles of an account, each with a ceiling unless it is taken away here."""

    def __init__(self, clock: Clock, names: Iterable[str], *, longest: timedelta = timedelta(hours=12)) -> None:
        self.clock = clock
        self.names = set(names)
        self.longest = longest
        self.without_ceiling: set[str] = set()
        self.ended: dict[str, str] = {}
        self.sessions: dict[str, FakeSession] = {}
        self._numbers = itertools.count(1)

    def assume(self, terms: SessionTerms) -> Credentials:
        """A session; AWS does not say whether a role is missing or does not trust."""
        if terms.role not in self.names:
            raise AwsDenied("AWS does not allow keylease sts:AssumeRole.")
        now, number = self.clock.now(), next(self._numbers)
        access_key_id = f"ASIAFAKE{number:012d}"
        expiration = now + min(terms.length, self.longest)
        self.sessions[access_key_id] = FakeSession(terms=terms, issued_at=now, expiration=expiration)
        return Credentials(
            access_key_id=access_key_id,
            secret_access_key=Secret(f"fake/secret/{number:028d}"),
            session_token=Secret(f"fake/token/{number:028d}"),
            expiration=expiration,
        )

    def refuse(self, role: str, policy: str | None) -> None:
        """What PutRolePolicy and DeleteRolePolicy do, for who may only touch roles with a ceiling."""
        if role not in self.names or role in self.without_ceiling:
            raise AwsDenied("AWS does not allow keylease iam:PutRolePolicy.")
        if policy is None:
            self.ended.pop(role, None)
        else:
            self.ended[role] = policy

    def observed(self) -> tuple[ObservedRole, ...]:
        """All of them."""
        return tuple(
            ObservedRole(name=name, has_ceiling=name not in self.without_ceiling, ended=self.ended.get(name))
            for name in sorted(self.names)
        )

    def accepts(self, access_key_id: str) -> bool:
        """Whether AWS would serve a request with this session now."""
        session, now = self.sessions.get(access_key_id), self.clock.now()
        if session is None or now >= session.expiration:
            return False
        documents = [session.terms.policy, self.ended.get(session.terms.role, "{}")]
        known = {
            "aws:currenttime": clock.to_text(now),
            "aws:tokenissuetime": clock.to_text(session.issued_at),
            "aws:sourceidentity": session.terms.source_identity,
            **{f"aws:principaltag/{name}": value for name, value in session.terms.tags.items()},
        }
        every = (one for document in documents for one in statements(json.loads(document)))
        return not any(_denies_all(statement, known) for statement in every)


class FakeInstances:
    """The EC2 instances of an account: an `Instances`. `before` is a fault as in `FakeCloud`."""

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}
        self.roles: tuple[LaunchRole, ...] = ()
        self.before: Callable[[str], None] = lambda _: None

    def launch(self, lease_id: str, *, state: str = "running", region: str = "eu-central-1") -> str:
        """Start one with a lease's tag; its id."""
        name = f"i-{len(self.instances):017x}"
        self.instances[name] = Instance(id=name, region=region, state=state, lease_id=lease_id)
        return name

    def leased(self) -> Sequence[Instance]:
        """DescribeInstances."""
        self.before("DescribeInstances")
        return tuple(one for one in self.instances.values() if one.state != "terminated")

    def stop(self, instance: Instance) -> None:
        """StopInstances."""
        self.before("StopInstances")
        self.instances[instance.id] = replace(instance, state="stopped")

    def launch_roles(self) -> Sequence[LaunchRole]:
        """ListRoles."""
        self.before("ListRoles")
        return self.roles


def _denies_all(statement: Statement, known: Mapping[str, str]) -> bool:
    if statement.get("Effect") != "Deny" or as_list(statement.get("Action")) != ["*"]:
        return False
    return all(_holds(operator, known.get(key), values) for operator, key, values in conditions(statement))


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    """Instants are compared as texts: all are written in one form."""
    if value is None:
        return False
    return {
        "StringEquals": value in wanted,
        "DateLessThan": value < wanted[0],
        "DateGreaterThanEquals": value >= wanted[0],
    }[operator]
