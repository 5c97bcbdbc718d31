"""Who can administer an account, and whether a plan would take that from everybody or from the one who applies it.

Careful on purpose: somebody counts as an administrator only where a policy plainly says so (everything on
everything, at most on condition of MFA or of a date that lies ahead) and no boundary and no plain denial stands
against it. A role counts only where it trusts somebody. The root user is not counted: it is what the baseline wants
nobody to need.

Changes of policies, of what is attached, of groups and of roles are followed; nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keylease.domain.guardrail import Change, Verb
from keylease.domain.statement import Statement, always_denied, as_list, conditions, covers, statements

Document = Mapping[str, Any]

_ADMINISTERS = "iam:AttachUserPolicy"
"""What somebody must be able to do who is to repair an account."""
_HARMLESS = frozenset({"aws:multifactorauthpresent", "aws:multifactorauthage"})
_AWS_ADMINISTRATOR = ":iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user, role or group with its policies. `key`: `user/anna`; `trust`: a role's trust policy."""

    key: str
    arn: str
    inline: tuple[Document, ...] = ()
    attached: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    boundary: str | None = None
    trust: Document | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """Everybody by key, and the documents of the account's own policies by ARN."""

    everybody: Mapping[str, Identity] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)

    def administrators(self) -> frozenset[str]:
        """The keys of users and roles that administer the account."""
        return frozenset(one.key for one in self.everybody.values() if self._administers(one))

    def _administers(self, one: Identity) -> bool:
        if one.key.startswith("group/") or one.boundary is not None:
            return False
        if one.key.startswith("role/") and not statements(one.trust or {}):
            return False
        given = list(self._statements(one))
        denied = any(covers(pattern, _ADMINISTERS) for pattern in always_denied(given))
        return not denied and any(map(_gives_everything, given))

    def _statements(self, one: Identity) -> Iterator[Statement]:
        for document in one.inline:
            yield from statements(document)
        for arn in one.attached:
            yield from _EVERYTHING if arn.endswith(_AWS_ADMINISTRATOR) else statements(self.documents.get(arn, {}))
        for name in one.groups:
            if group := self.everybody.get(f"group/{name}"):
                yield from self._statements(group)

    def after(self, changes: Iterable[Change], *, arn: str) -> Identities:
        """As they are after these changes. `arn` is what the ARNs of IAM begin with in this account."""
        everybody, documents = dict(self.everybody), dict(self.documents)
        for change in changes:
            match change.kind:
                case "policy":
                    _policy(documents, change, arn)
                case "attachment":
                    _attachment(everybody, change)
                case "role" | "group":
                    _owner(everybody, change, arn)
        return Identities(everybody=everybody, documents=documents)


_EVERYTHING: list[Statement] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def _gives_everything(statement: Statement) -> bool:
    everything = "*" in as_list(statement.get("Action")) and "*" in as_list(statement.get("Resource"))
    harmless = all(key in _HARMLESS for _, key, _ in conditions(statement))
    return statement.get("Effect") == "Allow" and everything and harmless


def _policy(documents: dict[str, Document], change: Change, arn: str) -> None:
    whole = f"{arn}policy{(change.after or change.before or {})['path']}{change.name}"
    if change.after is None:
        documents.pop(whole, None)
    else:
        documents[whole] = change.after["document"]


def _attachment(everybody: dict[str, Identity], change: Change) -> None:
    owner = "/".join(change.name.split("/", 2)[:2])
    one = everybody.get(owner)
    if one is not None:
        gone = {change.before["policy"]} if change.before else set()
        new = {change.after["policy"]} if change.after else set()
        everybody[owner] = replace(one, attached=(one.attached - gone) | new)


def _owner(everybody: dict[str, Identity], change: Change, arn: str) -> None:
    if change.verb is Verb.DELETE:
        everybody.pop(change.key, None)
        return
    after = change.after or {}
    made = Identity(key=change.key, arn=f"{arn}{change.kind}{after['path']}{change.name}")
    known = everybody.get(change.key, made)
    if change.kind == "role":
        inline = tuple(after["inline"].values())
        known = replace(known, trust=after["trust"], boundary=after["boundary"], inline=inline)
    everybody[change.key] = known


def key_of(caller_arn: str) -> str | None:
    """The key of whoever calls, `user/anna` or `role/admin`; None for the root user and strangers."""
    kind, *path = caller_arn.split(":", 5)[5].split("/")
    if kind == "assumed-role":
        return f"role/{path[0]}"
    return f"{kind}/{path[-1]}" if kind in {"user", "role"} and path else None


def danger(
    before: Identities, changes: Iterable[Change], *, caller_arn: str, arn: str, temporary: bool
) -> str | None:
    """Why these changes would lock somebody out whom they must not, in a sentence; None where they do not.

    `temporary`: whether the caller's own credentials are a session's; an access key never carries MFA.
    """
    changes = list(changes)
    after = before.after(changes, arn=arn)
    had, has, caller = before.administrators(), after.administrators(), key_of(caller_arn)
    if had and not has:
        return "After it nobody but the root user could administer the account."
    if caller in had and caller not in has:
        return f"After it you yourself ({caller_arn}) could no longer administer the account."
    if caller is not None and not temporary and _demands_mfa(caller, before, changes):
        return "It demands MFA of you, and you call with an access key, which never carries MFA."
    return None


def _demands_mfa(caller: str, before: Identities, changes: list[Change]) -> bool:
    """Whether a denial without MFA is put on a group of the caller's."""
    own = {caller, *(f"group/{name}" for name in _groups(before, caller))}
    arns = {
        change.after["policy"]
        for change in changes
        if change.kind == "attachment" and change.after and "/".join(change.name.split("/", 2)[:2]) in own
    }
    documents = [one.after["document"] for one in changes if one.kind == "policy" and one.after]
    strict = any(_denies_keys(document) for document in [*documents, *map(before.documents.get, arns)] if document)
    return bool(arns) and strict and any(arn.rpartition("/")[2].startswith("keylease-mfa") for arn in arns)


def _groups(before: Identities, caller: str) -> tuple[str, ...]:
    one = before.everybody.get(caller)
    return one.groups if one else ()


def _denies_keys(document: Document) -> bool:
    return any(
        statement.get("Effect") == "Deny" and operator == "BoolIfExists" and key == "aws:multifactorauthpresent"
        for statement in statements(document)
        for operator, key, _ in conditions(statement)
    )
