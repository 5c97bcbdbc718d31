"""Ways to raise one's own rights, judged for one user or role at a time.

The list is data (`escalation.toml`). A path counts where all its actions are allowed together by the policies of
one principal, whichever statement each comes from, and where what the path needs is there: a privileged role that
may be passed, another user who is privileged, a group. So `iam:PassRole` on a role that gives nothing is no path,
and neither is a user's right to renew an access key of its own.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from keylease.audit.rights import Given, Rights, trusts, trusts_caller
from keylease.audit.snapshot import Bearer

Gives = Mapping[str, tuple[Given, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way: all `actions` are needed. `when` names what else has to be so, `service` who is passed the role."""

    id: str
    actions: tuple[str, ...]
    when: str
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A path that is open to somebody. `target` is what it leads to; `sources` say where each action comes from."""

    path: Path
    target: str
    sources: tuple[tuple[str, str], ...]


@cache
def paths() -> tuple[Path, ...]:
    """All paths, one for each set of actions."""
    listed = tomllib.loads(resources.files(__package__).joinpath("escalation.toml").read_text("utf-8"))["paths"]
    return tuple(
        Path(id=entry["id"], actions=actions, when=entry["when"], service=entry.get("service", ""))
        for entry in listed
        for actions in _sets(entry["actions"])
    )


def _sets(written: str) -> Iterator[tuple[str, ...]]:
    parts = [re.sub(r"[{}]", "", part).split("/") for part in written.split(" + ")]
    yield from itertools.product(*parts)


def open_to(bearer: Bearer, rights: Rights) -> Iterator[Way]:
    """The ways by which somebody can raise their own rights."""
    for path, gives in _allowed(bearer, rights):
        target = CONDITIONS[path.when](path, bearer, rights, gives)
        if target is not None:
            sources = tuple((action, given[0].source) for action, given in gives.items())
            yield Way(path=path, target=target, sources=sources)


def _allowed(bearer: Bearer, rights: Rights) -> list[tuple[Path, Gives]]:
    """The paths all of whose actions are allowed; worked out once for all who wear the same policies."""
    worn = rights.worn(bearer)
    if worn not in rights.open_paths:
        found = [(path, _gives(path, bearer, rights)) for path in paths()]
        rights.open_paths[worn] = [(path, gives) for path, gives in found if gives is not None]
    return rights.open_paths[worn]


def _gives(path: Path, bearer: Bearer, rights: Rights) -> Gives | None:
    gives = {}
    for action in path.actions:
        gives[action] = rights.given(bearer, action)
        if not gives[action]:
            return None
    return gives


Condition = Callable[[Path, Bearer, Rights, Gives], str | None]


def _pass(path: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    """A privileged role that trusts the service, and may be passed to it."""
    for role in rights.privileged_roles:
        passed = (one for one in gives["iam:PassRole"] if one.reaches(role.arn) and one.passes_to(path.service))
        if role.arn != bearer.arn and trusts(role, path.service) and any(passed):
            return f"the role {role.name}"
    return None


def _there(path: Path, bearer: Bearer, rights: Rights, _: Gives) -> str | None:
    for role in rights.privileged_roles:
        if role.arn != bearer.arn and trusts(role, path.service):
            return f"whatever runs with the role {role.name}"
    return None


def _self(path: Path, bearer: Bearer, _: Rights, gives: Gives) -> str | None:
    fits = ("user" if "User" in path.actions[0] else "role") == bearer.kind
    own = any(one.is_own or one.reaches(bearer.arn) for one in gives[path.actions[0]])
    return "its own policies" if fits and own else None


def _own_policy(path: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    for _, policy in rights.policies(bearer):
        own = policy.arn if policy.arn and not policy.is_aws_managed else None
        if own and any(one.reaches(own) for one in gives[path.actions[0]]):
            return f"the policy {policy.name}, which it wears"
    return None


def _own_group(path: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    for group in rights.iam.groups:
        if group.name in bearer.groups and any(one.reaches(group.arn) for one in gives[path.actions[0]]):
            return f"the group {group.name}, which it is in"
    return None


def _group(path: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    if bearer.kind != "user":
        return None
    for group in rights.privileged_groups:
        if group.name not in bearer.groups and any(one.reaches(group.arn) for one in gives[path.actions[0]]):
            return f"the group {group.name}"
    return None


def _other(_: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    return _reached(rights.privileged_users, bearer, gives, "user")


def _other_any(_: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    return _reached(rights.iam.users, bearer, gives, "user")


def _role(_: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    return _reached(rights.privileged_roles, bearer, gives, "role")


def _both(_: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    return _reached(rights.iam.roles, bearer, gives, "role")


def _assumed(_: Path, bearer: Bearer, rights: Rights, gives: Gives) -> str | None:
    trusting = tuple(role for role in rights.iam.roles if trusts_caller(role, bearer))
    return _reached(trusting, bearer, gives, "role")


def _reached(among: tuple[Bearer, ...], bearer: Bearer, gives: Gives, kind: str) -> str | None:
    for other in among:
        is_meant = other.arn != bearer.arn and not other.path.startswith("/aws-service-role/")
        if is_meant and all(any(one.reaches(other.arn) for one in found) for found in gives.values()):
            return f"the {kind} {other.name}"
    return None


def _boundary(path: Path, bearer: Bearer, _: Rights, gives: Gives) -> str | None:
    if bearer.kind != "user" or bearer.boundary is None:
        return None
    own = any(one.is_own or one.reaches(bearer.arn) for one in gives[path.actions[0]])
    return "its own permissions boundary" if own else None


def _federated(_: Path, __: Bearer, rights: Rights, ___: Gives) -> str | None:
    for role in rights.privileged_roles:
        if "Federated" in str(role.trust):
            return f"the role {role.name}, which trusts an identity provider"
    return None


def _always(*_: object) -> str | None:
    return "the organization"


CONDITIONS: Mapping[str, Condition] = {
    "pass": _pass,
    "there": _there,
    "self": _self,
    "own-policy": _own_policy,
    "own-group": _own_group,
    "group": _group,
    "other": _other,
    "other-any": _other_any,
    "role": _role,
    "both": _both,
    "assumed": _assumed,
    "boundary": _boundary,
    "federated": _federated,
    "always": _always,
}
