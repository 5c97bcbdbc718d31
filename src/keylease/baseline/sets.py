"""Guardrails that carry leases: permission sets as groups and session roles, the broker's roles, launch roles.

A permission set is a group with one managed policy, a session role with one ceiling, or both. What it gives is
written once; the group's and the role's documents add their denials and their horizon to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from keylease.baseline.wanted import Document, Wanted, fitting
from keylease.domain import broker_policy, people_policy, ready_sets
from keylease.domain.group_policy import group_policy, horizon_of
from keylease.domain.guardrail import CEILINGS_PATH, LAUNCHES_PATH, SETS_PATH, Resource
from keylease.domain.iam import LAUNCH_PATH, SESSION_PATH, policy
from keylease.domain.launch_policy import launch_statements
from keylease.domain.role_policy import session_role_policy, trust_policy, weaknesses_of_launch_role
from keylease.domain.statement import Statement
from keylease.errors import BadGuardrail

if TYPE_CHECKING:
    from keylease.baseline_settings import SetRules
    from keylease.settings import Set

BROKER_PATH = "/keylease-broker/"
"""Outside `/keylease/`, where the broker itself may act."""
ISSUER, REMOVER = "keylease-issuer", "keylease-remover"


def sets(wanted: Wanted) -> Iterator[Resource]:
    """The groups and session roles of the permission sets that the baseline says something of."""
    for name, rules in wanted.settings.baseline.sets.items():
        given = _statements(wanted, name, rules)
        of = wanted.settings.permission_sets[name]
        if of.group:
            yield from _group(wanted, name, of, given)
        if of.role:
            yield from _session_role(wanted, name, of, given)


def _statements(wanted: Wanted, name: str, rules: SetRules) -> Sequence[Statement]:
    account = next(one for one in wanted.settings.accounts.values() if one.id == wanted.account.id)
    makers = {
        "read-only": ready_sets.read_only,
        "buckets": lambda: ready_sets.buckets(
            rules.buckets, prefix=rules.prefix, write=rules.write, partition=wanted.account.partition
        ),
        "ec2-launch": lambda: launch_statements(wanted.settings.launched(account)),
        "billing": ready_sets.billing_reader,
        "databases": ready_sets.database_administrator,
        "power-user": ready_sets.power_user,
        "administrator": ready_sets.administrator,
    }
    try:
        return wanted.statements(rules.policy) if rules.policy else makers[rules.gives]()
    except ValueError as wrong:
        raise BadGuardrail(f"The permission set {name} cannot be made: {wrong}.") from None


def _group(wanted: Wanted, name: str, of: Set, given: Sequence[Statement]) -> Iterator[Resource]:
    group = of.group or ""
    guardrail, own = f"sets.{name}", f"keylease-{group}".replace("keylease-keylease-", "keylease-")
    reason = f"The permission set {name} gives its access keys what this group may do, up to the horizon."
    document = group_policy(given, horizon=wanted.horizon_of(own, horizon_of), share=of.share)
    yield Resource(kind="group", name=group, guardrail=guardrail, reason=reason, properties={"path": SETS_PATH})
    yield _policy(own, SETS_PATH, fitting(document, f"The policy of group {group}"), guardrail, reason)
    yield _attached(wanted, f"group/{group}", own, SETS_PATH, guardrail, reason)


def _session_role(wanted: Wanted, name: str, of: Set, given: Sequence[Statement]) -> Iterator[Resource]:
    role = of.role or ""
    guardrail, own = f"sets.{name}", f"keylease-{role}-ceiling".replace("keylease-keylease-", "keylease-")
    reason = f"Sessions of the permission set {name} take this role; its ceiling ends at the horizon."
    document = session_role_policy(given, horizon=wanted.horizon_of(own), share=of.share)
    yield _policy(own, CEILINGS_PATH, fitting(document, f"The ceiling of role {role}"), guardrail, reason)
    account = wanted.account
    issuer = account.issuer.role_arn or wanted.iam(f"role{BROKER_PATH}{ISSUER}")
    properties = {
        "path": SESSION_PATH,
        "trust": trust_policy(issuer, external_id=account.session_external_id),
        "longest": max(3600, int(of.session.total_seconds())),
        "boundary": wanted.iam(f"policy{CEILINGS_PATH}{own}"),
        "inline": {},
        "tags": {"keylease:baseline": "sets"},
    }
    yield Resource(kind="role", name=role, guardrail=guardrail, reason=reason, properties=properties)
    yield _attached(wanted, f"role/{role}", own, CEILINGS_PATH, guardrail, reason)


def broker(wanted: Wanted) -> Iterator[Resource]:
    """The issuer's and the remover's roles, where somebody is trusted with them."""
    rules = wanted.settings.baseline.broker
    if not rules.trusted:
        return
    at = {"partition": wanted.account.partition, "account": wanted.account.id}
    there = wanted.present.get(f"role/{ISSUER}")
    horizon = wanted.horizon_of(f"role/{ISSUER}") if there else wanted.horizon
    settings = wanted.settings
    watches, stops = bool(settings.launch.regions), settings.launch.stop_after is not None
    documents = {
        ISSUER: broker_policy.issuer_policy(horizon=horizon, fences_ahead=settings.fences_ahead, **at),
        REMOVER: broker_policy.remover_policy(watches=watches, stops=stops, **at),
    }
    reasons = {
        ISSUER: "keylease makes leases with this role, and can change no policy with it.",
        REMOVER: "keylease takes leases away with this role, and can give nothing with it.",
    }
    trust = people_policy.broker_trust(rules.trusted, external_id=rules.external_id)
    for name, document in documents.items():
        properties = _role(BROKER_PATH, trust, {"keylease": document}, "broker")
        yield Resource(kind="role", name=name, guardrail="broker", reason=reasons[name], properties=properties)


def launch(wanted: Wanted) -> Iterator[Resource]:
    """Launch roles with their instance profiles. Raises `BadGuardrail` for one that could go on without end."""
    for name, rules in wanted.settings.baseline.launch_roles.items():
        guardrail = f"launch_roles.{name}"
        reason = "What a lease launches may take this role, and no other."
        inline: dict[str, Document] = {}
        if rules.policy:
            inline["keylease"] = policy(wanted.statements(rules.policy))
        if held := weaknesses_of_launch_role(inline.values()):
            raise BadGuardrail(f"The launch role {name}: {held[0]}")
        trust = people_policy.service_trust("ec2.amazonaws.com")
        properties = _role(LAUNCH_PATH, trust, inline, "launch")
        yield Resource(kind="role", name=name, guardrail=guardrail, reason=reason, properties=properties)
        for arn in rules.managed:
            yield Resource(
                kind="attachment",
                name=f"role/{name}/{arn.rpartition('/')[2]}",
                guardrail=guardrail,
                reason=reason,
                properties={"policy": arn},
            )
        yield Resource(
            kind="instance-profile",
            name=name,
            guardrail=guardrail,
            reason="EC2 takes a role by its instance profile.",
            properties={"path": LAUNCHES_PATH, "role": name},
        )


def _role(path: str, trust: Document, inline: dict[str, Any], tag: str) -> dict[str, Any]:
    return {
        "path": path,
        "trust": trust,
        "longest": 3600,
        "boundary": None,
        "inline": inline,
        "tags": {"keylease:baseline": tag},
    }


def _policy(name: str, path: str, document: Document, guardrail: str, reason: str) -> Resource:
    properties = {"path": path, "document": document}
    return Resource(kind="policy", name=name, guardrail=guardrail, reason=reason, properties=properties)


def _attached(wanted: Wanted, owner: str, policy: str, path: str, guardrail: str, reason: str) -> Resource:
    return Resource(
        kind="attachment",
        name=f"{owner}/{policy}",
        guardrail=guardrail,
        reason=reason,
        properties={"policy": wanted.iam(f"policy{path}{policy}")},
    )
