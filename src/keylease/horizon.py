"""The horizon: up to when the groups, session roles and the issuer allow anything, and how it is moved.

A move is planned, shown and applied. The plan holds each document as it is and as it will be; only dates differ. It
is applied exactly as planned: where a document is no longer what it was, nothing more is written. What cannot be
moved without changing more than dates is told and left alone.

`bearers` reads with any identity that may; the rest is done with an administrator's credentials. The remover has no
horizon: what must go must go after any date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from keylease.aws import administration, inspector
from keylease.aws.account import Account
from keylease.aws.administration import Place
from keylease.aws.clients import Clients
from keylease.aws.inspector import Entity, NamedPolicy
from keylease.domain import iam
from keylease.domain.group_policy import horizon_of, move_horizon
from keylease.domain.role_policy import horizon_of_role, move_horizon_of_role
from keylease.domain.statement import Statement, conditions, statements
from keylease.errors import PlanOutdated, Unavailable

Kind = Literal["group", "session role", "issuer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Something that carries a horizon, with its policies. `entity` is what it is in IAM."""

    kind: Kind
    entity: Entity
    name: str
    policies: tuple[NamedPolicy, ...]

    @property
    def title(self) -> str:
        """What it is and its name: `group media-archive`."""
        return f"{self.kind} {self.name}"

    @property
    def horizon(self) -> datetime | None:
        """The instant from which on some of what it allows ends; None where some of it never does."""
        if self.kind == "group":
            return inspector.Group(name=self.name, path="", policies=self.policies).horizon
        dates = [date for policy in self.policies if (date := horizon_of_role(policy.document)) is not None]
        return min(dates) if dates else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One policy whose dates change. `of` are the groups or roles that have it, in words."""

    of: tuple[str, ...]
    place: Place
    old: datetime
    new: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One policy that is left alone, and why."""

    of: str
    policy: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a move changes in one account, in a fixed order, and what it leaves alone."""

    moves: tuple[Move, ...]
    left: tuple[Left, ...]

    @property
    def digest(self) -> str:
        """Of all that is changed, from what and to what."""
        lines = (
            iam.canonical({"place": repr(move.place), "before": move.before, "after": move.after})
            for move in self.moves
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def issuer_arn(account: Account) -> str | None:
    """Who the issuer of an account is, as the configuration or AWS says; None where neither does here."""
    if account.issuer.role_arn is not None:
        return account.issuer.role_arn
    try:
        return inspector.caller(Clients(account, account.issuer)).arn
    except Unavailable:
        return None


def bearers(clients: Clients, groups: Iterable[str], issuer_arn: str | None) -> tuple[Bearer, ...]:
    """What carries a horizon in an account: these groups and all under keylease's path, session roles, the issuer.

    `issuer_arn` is None where nobody knows which the issuer is. A group that is not there is left out.
    """
    under = {group.name: group for group in inspector.groups(clients, iam.GROUP_PATH)}
    named = [inspector.group(clients, name) for name in sorted(set(groups) - under.keys())]
    all_groups = sorted([*under.values(), *(group for group in named if group)], key=lambda group: group.name)
    roles = sorted(inspector.roles(clients, iam.SESSION_PATH), key=lambda role: role.name)
    return (
        *(Bearer(kind="group", entity="group", name=one.name, policies=one.policies) for one in all_groups),
        *(Bearer(kind="session role", entity="role", name=one.name, policies=one.bearing) for one in roles),
        *_issuer(clients, issuer_arn),
    )


def _issuer(clients: Clients, arn: str | None) -> Iterator[Bearer]:
    """A user's groups are not the issuer's alone, so their policies are not counted here."""
    if arn is None:
        return
    standing = inspector.standing(clients, arn)
    if standing.kind in {"role", "user"}:
        entity: Entity = "role" if standing.kind == "role" else "user"
        own = inspector.policies_of(clients, standing.arn)
        yield Bearer(kind="issuer", entity=entity, name=standing.name, policies=own)


def plan(of: Iterable[Bearer], *, to: datetime) -> Plan:
    """What changes so that each of these has the horizon `to`."""
    moves: dict[Place, Move] = {}
    left: list[Left] = []
    for bearer in of:
        for one in _planned(bearer, to):
            if isinstance(one, Left):
                left.append(one)
            else:
                known = moves.get(one.place)
                moves[one.place] = replace(one, of=known.of + one.of) if known else one
    return Plan(moves=tuple(moves.values()), left=tuple(left))


def _planned(bearer: Bearer, to: datetime) -> Iterator[Move | Left]:
    if bearer.kind == "group":
        bearing = [policy for policy in bearer.policies if policy.gives or horizon_of(policy.document) is not None]
    else:
        bearing = [policy for policy in bearer.policies if horizon_of_role(policy.document) is not None]
    if not bearing:
        yield Left(of=bearer.title, policy="", sentence="It has no horizon.")
    for policy in bearing:
        old = horizon_of(policy.document) if bearer.kind == "group" else horizon_of_role(policy.document)
        if policy.is_aws_managed:
            yield Left(of=bearer.title, policy=policy.name, sentence="AWS manages it, and it has no horizon.")
        elif old is None:
            yield Left(of=bearer.title, policy=policy.name, sentence="Some of what it allows has no horizon.")
        else:
            yield from _moved(bearer, policy, old, to)


def _moved(bearer: Bearer, policy: NamedPolicy, old: datetime, to: datetime) -> Iterator[Move | Left]:
    move = move_horizon if bearer.kind == "group" else move_horizon_of_role
    try:
        after = move(policy.document, horizon=to)
    except ValueError as why:
        yield Left(of=bearer.title, policy=policy.name, sentence=f"Left alone: {why}.")
        return
    if _undated(after) != _undated(policy.document):
        sentence = "Moving its date alone would not make it defend the group; `keylease doctor` says what it lacks."
        yield Left(of=bearer.title, policy=policy.name, sentence=sentence)
    elif old != to:
        place = Place(entity=bearer.entity, owner=bearer.name, policy=policy.name, arn=policy.arn)
        if policy.arn is not None:
            place = replace(place, owner="")
        yield Move(of=(bearer.title,), place=place, old=old, new=to, before=policy.document, after=after)


def _undated(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every date on the present time blotted out."""
    plain = [
        {**statement, "Condition": sorted(_blotted(statement))} if "Condition" in statement else dict(statement)
        for statement in statements(document)
    ]
    return {**document, "Statement": plain}


def _blotted(statement: Statement) -> Iterator[tuple[str, str, list[str]]]:
    for operator, key, values in conditions(statement):
        yield operator, key, [] if key == "aws:currenttime" else sorted(values)


def apply(clients: Clients, planned: Plan) -> Iterator[Move]:
    """Carry out that very plan, move by move as they are done, with an administrator's clients.

    Raises `PlanOutdated` where a document is not what it was, before anything is written if it is seen by then.
    """
    for move in planned.moves:
        _must_be_as_planned(clients, move)
    for move in planned.moves:
        _must_be_as_planned(clients, move)
        administration.write(clients, move.place, move.after)
        yield move


def _must_be_as_planned(clients: Clients, move: Move) -> None:
    document = administration.read(clients, move.place)
    if document is None or iam.canonical(document) != iam.canonical(move.before):
        raise PlanOutdated(f"The policy {move.place.policy} of {', '.join(move.of)} was changed meanwhile.")
