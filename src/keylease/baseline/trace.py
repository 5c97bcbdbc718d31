"""Guardrails that record and warn: the trail and its bucket, Config, Access Analyzer, budgets, alarms on costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keylease.baseline.wanted import Wanted
from keylease.domain import cost_policy, trail_policy
from keylease.domain.guardrail import COST_PATH, SETS_PATH, Phase, Resource
from keylease.errors import BadGuardrail

TRAIL = "keylease-trail"
BUDGET = "keylease-month"
ANOMALIES = "keylease-anomalies"
BRAKE = "keylease-over-budget"
BUDGETS = "keylease-budgets"
_ALARMS = [["ACTUAL", 80], ["ACTUAL", 100], ["FORECASTED", 100]]


def trace(wanted: Wanted) -> Iterator[Resource]:
    """What records who did what."""
    rules = wanted.settings.baseline.trace
    if rules.trail or rules.config:
        yield _bucket(wanted)
    if rules.trail:
        yield _observing(
            "trail",
            TRAIL,
            "trace.trail",
            "CloudTrail writes down who did what, in every region, so that it can be told that nothing is missing.",
            bucket=bucket_name(wanted),
            every_region=True,
            validated=True,
            logging=True,
            file_events=rules.data_events,
        )
    if rules.config:
        yield from _config(wanted)
    if rules.analyzer:
        for region in wanted.regions:
            reason = "Access Analyzer says what of the account is open to others."
            yield _observing("analyzer", region, "trace.analyzer", reason)


def bucket_name(wanted: Wanted) -> str:
    """The bucket that the trail and Config write to."""
    return wanted.settings.baseline.trace.bucket or f"{TRAIL}-{wanted.account.id}"


def _bucket(wanted: Wanted) -> Resource:
    rules, at = wanted.settings.baseline.trace, wanted.account
    name = bucket_name(wanted)
    trail = f"arn:{at.partition}:cloudtrail:{at.region}:{at.id}:trail/{TRAIL}"
    lock = None if rules.lock == "none" else {"Mode": rules.lock.upper(), "Days": rules.lock_days}
    return _observing(
        "bucket",
        name,
        "trace.bucket",
        "What CloudTrail writes is kept where nobody can change or delete it before its time.",
        public=trail_policy.CLOSED,
        ownership="BucketOwnerEnforced",
        encryption="AES256",
        versioning="Enabled",
        lock=lock,
        lifecycle=trail_policy.lifecycle(max(rules.keep_days, rules.lock_days if lock else 0)),
        policy=trail_policy.bucket_policy(name, account=at.id, trail=trail, partition=at.partition),
    )


def _config(wanted: Wanted) -> Iterator[Resource]:
    name, reason = "trace.config", "Config records how each thing was set up, and when that changed."
    yield _observing("service-linked-role", "config.amazonaws.com", name, "Config needs a role of its own.")
    yield _observing("config-recorder", "recorder", name, reason, everything=True, **{"global": True})
    yield _observing("config-channel", "channel", name, reason, bucket=bucket_name(wanted), recording=True)
    for rule, (identifier, told) in trail_policy.RULES.items():
        yield _observing(
            "config-rule",
            rule,
            name,
            f"Config says where {identifier.lower().replace('_', ' ')} does not hold.",
            identifier=identifier,
            **{"with": told},
        )


def cost(wanted: Wanted) -> Iterator[Resource]:
    """What warns of costs, where somebody is told."""
    rules = wanted.settings.baseline.cost
    tell = sorted(rules.tell)
    if rules.monthly_usd:
        reason = "Mail at four fifths of the month's budget, at all of it, and where the month heads beyond it."
        yield _observing("budget", BUDGET, "cost.budget", reason, usd=rules.monthly_usd, alarms=_ALARMS, tell=tell)
    if rules.brake:
        yield from _brake(wanted)
    if rules.anomaly_usd:
        reason = "Mail where a service suddenly costs more than it did."
        yield _observing("anomaly-monitor", "services", "cost.anomalies", reason)
        yield _observing("anomaly-alarm", ANOMALIES, "cost.anomalies", reason, usd=rules.anomaly_usd, tell=tell)


def _brake(wanted: Wanted) -> Iterator[Resource]:
    """Where the month's budget is used up, the permission sets' groups can start nothing more."""
    sets = wanted.settings.permission_sets
    groups = sorted(group for name in wanted.settings.baseline.sets if (group := sets[name].group))
    if not groups:
        raise BadGuardrail("cost.brake is for the groups of [baseline.sets], and none of them has one.")
    name, reason = "cost.brake", "Where the budget is used up, permission sets go on but start nothing that costs."
    policy = wanted.iam(f"policy{COST_PATH}{BRAKE}")
    document = {"path": COST_PATH, "document": cost_policy.over_budget()}
    yield Resource(kind="policy", name=BRAKE, guardrail=name, reason=reason, properties=document)
    groups_arn = wanted.iam(f"group{SETS_PATH}*")
    role = {
        "path": COST_PATH,
        "trust": cost_policy.budgets_trust(wanted.account.id),
        "longest": 3600,
        "boundary": None,
        "inline": {"brake": cost_policy.braking(policy, groups=groups_arn)},
        "tags": {"keylease:baseline": "cost"},
    }
    yield Resource(kind="role", name=BUDGETS, guardrail=name, reason="AWS brakes with this role.", properties=role)
    yield Resource(
        kind="budget-action",
        name=BUDGET,
        guardrail=name,
        reason=reason,
        properties={
            "percent": 100,
            "policy": policy,
            "groups": groups,
            "role": wanted.iam(f"role{COST_PATH}{BUDGETS}"),
            "tell": sorted(wanted.settings.baseline.cost.tell),
        },
        phase=Phase.SETTLE,
    )


def _observing(kind: str, name: str, guardrail: str, reason: str, **properties: Any) -> Resource:
    return Resource(
        kind=kind,
        name=name,
        guardrail=guardrail,
        reason=reason,
        properties=properties,
        phase=Phase.OBSERVE,
    )
