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
            for each in _actions(budgets, account, name):
                if each["ActionType"] == "APPLY_IAM_POLICY":
                    yield _found("budget-action", name, _action(each), name)
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
        told = _told(after["tell"])
        alarms = [{"Notification": _alarm(*alarm), "Subscribers": told} for alarm in after["alarms"]]
        ask(
            self._client(at).create_budget,
            AccountId=at.clients.account.id,
            Budget=_month(name, after["usd"]),
            NotificationsWithSubscribers=alarms,
        )

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Change the amount, and replace the alarms where they differ: AWS changes each of them apart."""
        client, budget = self._client(at), {"AccountId": at.clients.account.id, "BudgetName": name}
        if before["usd"] != after["usd"]:
            ask(client.update_budget, AccountId=at.clients.account.id, NewBudget=_month(name, after["usd"]))
        if (before["alarms"], before["tell"]) != (after["alarms"], after["tell"]):
            for alarm in before["alarms"]:
                ask(client.delete_notification, **budget, Notification=_alarm(*alarm))
            for alarm in after["alarms"]:
                told = _told(after["tell"])
                ask(client.create_notification, **budget, Notification=_alarm(*alarm), Subscribers=told)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""
        del before
        try:
            ask(self._client(at).delete_budget, AccountId=at.clients.account.id, BudgetName=name)
        except NoSuchEntity:
            return

    def _client(self, at: Place) -> Any:
        return at.service("budgets", _HOME)


def _month(name: str, usd: int) -> dict[str, Any]:
    limit = {"Amount": str(usd), "Unit": "USD"}
    return {"BudgetName": name, "BudgetLimit": limit, "TimeUnit": "MONTHLY", "BudgetType": "COST"}


def _told(addresses: list[str]) -> list[dict[str, str]]:
    return [{"SubscriptionType": "EMAIL", "Address": address} for address in addresses]


def _alarm(kind: str, percent: int) -> dict[str, Any]:
    return {
        "NotificationType": kind,
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": percent,
        "ThresholdType": "PERCENTAGE",
    }


class BudgetAction:
    """A brake: where a budget is used up AWS attaches a policy to groups. Its name is its budget's."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it."""
        groups = {"PolicyArn": after["policy"], "Groups": after["groups"]}
        ask(
            at.service("budgets", _HOME).create_budget_action,
            AccountId=at.clients.account.id,
            BudgetName=name,
            NotificationType="ACTUAL",
            ActionType="APPLY_IAM_POLICY",
            ActionThreshold={"ActionThresholdValue": after["percent"], "ActionThresholdType": "PERCENTAGE"},
            Definition={"IamActionDefinition": groups},
            ExecutionRoleArn=after["role"],
            ApprovalModel="AUTOMATIC",
            Subscribers=_told(after["tell"]),
        )

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Make it anew."""
        self.delete(at, name, before)
        self.create(at, name, after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away; a policy that it has attached stays until somebody takes it off."""
        del before
        budgets, account = at.service("budgets", _HOME), at.clients.account.id
        for one in _actions(budgets, account, name):
            ask(budgets.delete_budget_action, AccountId=account, BudgetName=name, ActionId=one["ActionId"])


def _actions(budgets: Any, account: str, budget: str) -> list[Any]:
    pages = budgets.get_paginator("describe_budget_actions_for_budget")
    found: list[Any] = ask(pages.paginate(AccountId=account, BudgetName=budget).build_full_result)["Actions"]
    return found


def _action(one: Mapping[str, Any]) -> dict[str, Any]:
    definition = one["Definition"]["IamActionDefinition"]
    return {
        "percent": int(one["ActionThreshold"]["ActionThresholdValue"]),
        "policy": definition["PolicyArn"],
        "groups": sorted(definition.get("Groups", [])),
        "role": one["ExecutionRoleArn"],
        "tell": sorted(each["Address"] for each in one["Subscribers"]),
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
    "budget-action": BudgetAction(),
    "anomaly-monitor": AnomalyMonitor(),
    "anomaly-alarm": AnomalyAlarm(),
}
