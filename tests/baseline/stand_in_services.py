"""What no emulator carries, in front of one that carries the rest: programs that keep what they are told.

EC2's defaults, Access Analyzer, Cost Explorer's alarms, and the two deletions of Config that ministack lacks. One
account's worth of state; everything else goes on to ministack. Requests are real: the SDK has validated them and
parses what comes back.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aws.faulty_proxy import FaultyProxy, _Handler

Answer = tuple[int, dict[str, str], bytes]
EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"
ANALYZER = {"createdAt": "2026-11-24T12:00:00Z", "status": "ACTIVE"}


@dataclass
class State:
    """What was told."""

    encrypted: bool = False
    imds: dict[str, str] = field(default_factory=dict)
    analyzers: dict[str, str] = field(default_factory=dict)
    monitors: dict[str, dict[str, Any]] = field(default_factory=dict)
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class StandIn(FaultyProxy):
    """Answers what ministack does not know, and forwards what it does."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.state = State()
        self.RequestHandlerClass = _StandInHandler


class _StandInHandler(_Handler):
    server: StandIn

    def _forward(self, action: str, body: bytes) -> Answer:
        target = self.headers.get("X-Amz-Target", "").partition(".")[2]
        if action in _EC2:
            return _xml(action, _EC2[action](self.server.state, body.decode()))
        if target in _JSON:
            return _json(_JSON[target](self.server.state, json.loads(body or b"{}")))
        if self.path.startswith("/analyzer"):
            return _json(self._analyzers(body))
        return self._config(target) or super()._forward(action, body)

    def _analyzers(self, body: bytes) -> dict[str, Any]:
        there = self.server.state.analyzers
        if self.command == "PUT":
            told = json.loads(body)
            there[told["analyzerName"]] = told["type"]
            return {"arn": f"arn:aws:access-analyzer:x:1:analyzer/{told['analyzerName']}"}
        if self.command == "DELETE":
            del there[self.path.partition("?")[0].rsplit("/", 1)[1]]
            return {}
        found = [{"name": name, "type": kind, "arn": f"arn:{name}", **ANALYZER} for name, kind in there.items()]
        return {"analyzers": found}

    def _config(self, target: str) -> Answer | None:
        """Config's two deletions, as if ministack had them."""
        gone = self.server.state.gone
        match target:
            case "DeleteConfigurationRecorder" | "DeleteDeliveryChannel":
                gone.add(target)
                return _json({})
            case "PutConfigurationRecorder":
                gone.discard("DeleteConfigurationRecorder")
            case "PutDeliveryChannel":
                gone.discard("DeleteDeliveryChannel")
            case "DescribeConfigurationRecorders" if "DeleteConfigurationRecorder" in gone:
                return _json({"ConfigurationRecorders": []})
            case "DescribeConfigurationRecorderStatus" if "DeleteConfigurationRecorder" in gone:
                return _json({"ConfigurationRecordersStatus": []})
            case "DescribeDeliveryChannels" if "DeleteDeliveryChannel" in gone:
                return _json({"DeliveryChannels": []})
        return None


def _json(value: dict[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(value).encode()


def _xml(action: str, inner: str) -> Answer:
    text = f'<{action}Response xmlns="{EC2}"><requestId>r</requestId>{inner}</{action}Response>'
    return 200, {"Content-Type": "text/xml"}, text.encode()


def _encryption(*, on: bool | None) -> Callable[[State, str], str]:
    def answer(state: State, _: str) -> str:
        state.encrypted = state.encrypted if on is None else on
        return f"<ebsEncryptionByDefault>{str(state.encrypted).lower()}</ebsEncryptionByDefault>"

    return answer


def _imds(state: State, _: str) -> str:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in state.imds.items())
    return f"<accountLevel>{inner}</accountLevel>"


def _set_imds(state: State, body: str) -> str:
    from urllib.parse import parse_qs

    for name, (value,) in parse_qs(body).items():
        key = name[0].lower() + name[1:]
        if name.startswith("Http"):
            state.imds[key] = value
            if value in {"no-preference", "-1"}:
                del state.imds[key]
    return "<return>true</return>"


_EC2: dict[str, Callable[[State, str], str]] = {
    "GetEbsEncryptionByDefault": _encryption(on=None),
    "EnableEbsEncryptionByDefault": _encryption(on=True),
    "DisableEbsEncryptionByDefault": _encryption(on=False),
    "GetInstanceMetadataDefaults": _imds,
    "ModifyInstanceMetadataDefaults": _set_imds,
}


def _create_monitor(state: State, told: dict[str, Any]) -> dict[str, Any]:
    monitor = told["AnomalyMonitor"]
    arn = f"arn:aws:ce::1:anomalymonitor/{monitor['MonitorName']}"
    state.monitors[arn] = {**monitor, "MonitorArn": arn}
    return {"MonitorArn": arn}


def _create_alarm(state: State, told: dict[str, Any]) -> dict[str, Any]:
    alarm = told["AnomalySubscription"]
    assert set(alarm["MonitorArnList"]) <= state.monitors.keys()
    arn = f"arn:aws:ce::1:anomalysubscription/{alarm['SubscriptionName']}"
    state.alarms[arn] = {**alarm, "SubscriptionArn": arn}
    return {"SubscriptionArn": arn}


def _create_action(state: State, told: dict[str, Any]) -> dict[str, Any]:
    """AWS makes up the id."""
    number = f"00000000-0000-4000-8000-{len(state.actions):012d}"
    state.actions[number] = {**told, "ActionId": number, "Status": "STANDBY"}
    return {"AccountId": told["AccountId"], "BudgetName": told["BudgetName"], "ActionId": number}


def _actions(state: State, told: dict[str, Any]) -> dict[str, Any]:
    return {"Actions": [one for one in state.actions.values() if one["BudgetName"] == told["BudgetName"]]}


def _deleted(what: str, arn: str) -> Callable[[State, dict[str, Any]], dict[str, Any]]:
    def answer(state: State, told: dict[str, Any]) -> dict[str, Any]:
        del getattr(state, what)[told[arn]]
        return {}

    return answer


_JSON: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = {
    "CreateBudgetAction": _create_action,
    "DescribeBudgetActionsForBudget": _actions,
    "DeleteBudgetAction": _deleted("actions", "ActionId"),
    "GetAnomalyMonitors": lambda state, _: {"AnomalyMonitors": list(state.monitors.values())},
    "CreateAnomalyMonitor": _create_monitor,
    "DeleteAnomalyMonitor": _deleted("monitors", "MonitorArn"),
    "GetAnomalySubscriptions": lambda state, _: {"AnomalySubscriptions": list(state.alarms.values())},
    "CreateAnomalySubscription": _create_alarm,
    "DeleteAnomalySubscription": _deleted("alarms", "SubscriptionArn"),
}


@contextmanager
def stand_in(target: str) -> Iterator[StandIn]:
    """Run one in front of `target` until the block is left."""
    with StandIn(target) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
