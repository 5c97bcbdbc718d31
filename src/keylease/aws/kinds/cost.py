"""What warns of costs: a monthly budget with its alarms, and alarms for what costs more than it did.

AWS allows one monitor of all services in an account, and makes one by itself; any that is there will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keylease.aws.failures import NoSuchEntity, ask
from keylease.aws.kinds.kind import Asked, Kind, Place, is_ours
from keylease.domain.guardrail import Found, Phase, Properties

MONITOR = "keylease-services"
_HOME = "us-east-1"
"""Budgets and Cost Explorer answer from there alone."""


def read(at: Place, asked: Asked) -> Iterator[Found]:
    """Our budgets, the monitor of services, our alarms."""
    budgets, account = at.service("budgets", _HOME), at.clients.account.id
    pages = budgets.get_paginator("describe_budgets").paginate(AccountId=account)
    for one in ask(pages.build_full_result).get("Budgets", []):
        name = one["BudgetName"]
        if is_ours(name=name) or f"budget/{name}" in asked.keys:
            yield _found("budget", name, _budget(budgets, account, one), name)
    if not any(key.startswith("anomaly-") for key in asked.keys):
        return
    ce = at.service("ce", _HOME)
    for one in ask(ce.get_anomaly_monitors)["AnomalyMonitors"]:
        if one.get("MonitorDimension") == "SERVICE":
            yield _found("anomaly-monitor", "services", {}, one["MonitorName"])
    for one in ask(ce.get_anomaly_subscriptions)["AnomalySubscriptions"]:
        name = one["SubscriptionName"]
        if is_ours(name=name):
            properties = {"usd": _usd(one), "tell": sorted(each["Address"] for each in one["Subscribers"])}
            yield _found("anomaly-alarm", name, properties, name)


def _found(kind: str, name: str, properties: dict[str, Any], own_name: str) -> Found:
    ours = is_ours(name=own_name)
    part = "cost" if ours else ""
    return Found(kind=kind, name=name, properties=properties, ours=ours, part=part, phase=Phase.OBSERVE)


def _budget(budgets: Any, account: str, one: Mapping[str, Any]) -> dict[str, Any]:
    at = {"AccountId": account, "BudgetName": one["BudgetName"]}
    alarms, told = [], set()
    for each in ask(budgets.describe_notifications_for_budget, **at).get("Notifications", []):
        alarms.append([each["NotificationType"], int(each["Threshold"])])
        who = ask(budgets.describe_subscribers_for_notification, **at, Notification=_notification(each))
        told |= {one["Address"] for one in who["Subscribers"]}
    return {"usd": int(float(one["BudgetLimit"]["Amount"])), "alarms": sorted(alarms), "tell": sorted(told)}


def _notification(each: Mapping[str, Any]) -> dict[str, Any]:
    wanted = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
    return {name: each[name] for name in wanted if name in each}


class Budget:
    """A monthly budget of the account's costs, with alarms at so many percent of it."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it with its alarms."""
        told = [{"SubscriptionType": "EMAIL", "Address": address} for address in after["tell"]]
        alarms = [{"Notification": _alarm(*alarm), "Subscribers": told} for alarm in after["alarms"]]
        ask(
            self._client(at).create_budget,
            AccountId=at.clients.account.id,
            Budget={
                "BudgetName": name,
                "BudgetLimit": {"Amount": str(after["usd"]), "Unit": "USD"},
                "TimeUnit": "MONTHLY",
                "BudgetType": "COST",
            },
            NotificationsWithSubscribers=alarms,
        )

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Make it anew: AWS changes a budget and each of its alarms apart, and it holds no history of its own."""
        self.delete(at, name, before)
        self.create(at, name, after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""
        del before
        try:
            ask(self._client(at).delete_budget, AccountId=at.clients.account.id, BudgetName=name)
        except NoSuchEntity:
            return

    def _client(self, at: Place) -> Any:
        return at.service("budgets", _HOME)


def _alarm(kind: str, percent: int) -> dict[str, Any]:
    return {
        "NotificationType": kind,
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": percent,
        "ThresholdType": "PERCENTAGE",
    }


class AnomalyMonitor:
    """What watches the cost of each service."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it."""
        del name, after
        monitor = {"MonitorName": MONITOR, "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
        ask(at.service("ce", _HOME).create_anomaly_monitor, AnomalyMonitor=monitor)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Any that is there will do."""

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take ours away."""
        del name, before
        ce = at.service("ce", _HOME)
        for one in ask(ce.get_anomaly_monitors)["AnomalyMonitors"]:
            if one["MonitorName"] == MONITOR:
                ask(ce.delete_anomaly_monitor, MonitorArn=one["MonitorArn"])


class AnomalyAlarm:
    """A mail a day where something costs so much more than it did."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it for the monitor that is there."""
        ce = at.service("ce", _HOME)
        monitors = [
            one["MonitorArn"]
            for one in ask(ce.get_anomaly_monitors)["AnomalyMonitors"]
            if one.get("MonitorDimension") == "SERVICE"
        ]
        told = [{"Type": "EMAIL", "Address": address} for address in after["tell"]]
        subscription = {
            "SubscriptionName": name,
            "MonitorArnList": monitors,
            "Subscribers": told,
            "Frequency": "DAILY",
            "ThresholdExpression": _above(after["usd"]),
        }
        ask(ce.create_anomaly_subscription, AnomalySubscription=subscription)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Make it anew."""
        self.delete(at, name, before)
        self.create(at, name, after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""
        del before
        ce = at.service("ce", _HOME)
        for one in ask(ce.get_anomaly_subscriptions)["AnomalySubscriptions"]:
            if one["SubscriptionName"] == name:
                ask(ce.delete_anomaly_subscription, SubscriptionArn=one["SubscriptionArn"])


_IMPACT = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"


def _above(usd: int) -> dict[str, Any]:
    return {"Dimensions": {"Key": _IMPACT, "MatchOptions": ["GREATER_THAN_OR_EQUAL"], "Values": [str(usd)]}}


def _usd(subscription: Mapping[str, Any]) -> int:
    values = subscription.get("ThresholdExpression", {}).get("Dimensions", {}).get("Values", ["0"])
    return int(float(values[0]))


KINDS: Mapping[str, Kind] = {
    "budget": Budget(),
    "anomaly-monitor": AnomalyMonitor(),
    "anomaly-alarm": AnomalyAlarm(),
}
