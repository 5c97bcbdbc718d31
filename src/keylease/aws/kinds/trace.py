"""What records: the trail, Config with its rules, Access Analyzer.

Of Config's recorder and of an analyzer AWS allows one in a region. Where there is one already, whatever its name,
that one counts: it is left alone where it does what is wanted, and adopted or left where it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.kinds.kind import Asked, Kind, Place, differing, is_ours
from keylease.domain.guardrail import Found, Phase, Properties

RECORDER = CHANNEL = "keylease"
ANALYZER = "keylease-external-access"
_EXTERNAL = {"ACCOUNT", "ORGANIZATION"}


def read_trails(at: Place, asked: Asked) -> Iterator[Found]:
    """The trails of the account's region that are ours or wanted."""
    cloudtrail = at.service("cloudtrail")
    for one in ask(cloudtrail.describe_trails, includeShadowTrails=False)["trailList"]:
        name = one["Name"]
        ours = is_ours(name=name)
        if ours or f"trail/{name}" in asked.keys:
            properties = {
                "bucket": one["S3BucketName"],
                "every_region": one["IsMultiRegionTrail"],
                "validated": one["LogFileValidationEnabled"],
                "logging": ask(cloudtrail.get_trail_status, Name=name)["IsLogging"],
                "file_events": _file_events(cloudtrail, name),
            }
            part = "trace" if ours else ""
            yield Found(kind="trail", name=name, properties=properties, ours=ours, part=part, phase=Phase.OBSERVE)


def _file_events(cloudtrail: Any, name: str) -> bool:
    selectors = ask(cloudtrail.get_event_selectors, TrailName=name).get("EventSelectors", [])
    return any(one["Type"] == "AWS::S3::Object" for each in selectors for one in each.get("DataResources", []))


def read_config(at: Place, asked: Asked) -> Iterator[Found]:
    """The recorder and the channel, whosever they are, and our rules."""
    config = at.service("config")
    recording = {
        one["name"]: one["recording"]
        for one in ask(config.describe_configuration_recorder_status)["ConfigurationRecordersStatus"]
    }
    for one in ask(config.describe_configuration_recorders)["ConfigurationRecorders"]:
        group = one.get("recordingGroup", {})
        properties = {
            "everything": group.get("allSupported", False),
            "global": group.get("includeGlobalResourceTypes", False),
        }
        yield _observed("config-recorder", "recorder", properties, own_name=one["name"])
    for one in ask(config.describe_delivery_channels)["DeliveryChannels"]:
        properties = {"bucket": one["s3BucketName"], "recording": any(recording.values())}
        yield _observed("config-channel", "channel", properties, own_name=one["name"])
    pages = config.get_paginator("describe_config_rules").paginate()
    for one in ask(pages.build_full_result)["ConfigRules"]:
        name = one["ConfigRuleName"]
        if is_ours(name=name) or f"config-rule/{name}" in asked.keys:
            properties = {"identifier": one["Source"]["SourceIdentifier"], "with": one.get("InputParameters", "{}")}
            yield _observed("config-rule", name, properties, own_name=name)


def read_analyzers(at: Place, asked: Asked) -> Iterator[Found]:
    """The analyzer of each region that is looked at, whosever it is."""
    for region in asked.regions:
        client = at.service("accessanalyzer", region)
        for one in ask(client.get_paginator("list_analyzers").paginate().build_full_result)["analyzers"]:
            if one["type"] in _EXTERNAL and one["status"] in {"ACTIVE", "CREATING"}:
                yield _observed("analyzer", region, {}, own_name=one["name"])
                break


def _observed(kind: str, name: str, properties: dict[str, Any], *, own_name: str) -> Found:
    ours = is_ours(name=own_name) or own_name == RECORDER
    part = "trace" if ours else ""
    return Found(kind=kind, name=name, properties=properties, ours=ours, part=part, phase=Phase.OBSERVE)


class Trail:
    """A trail that is written to a bucket."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it and start it."""
        try:
            ask(at.service("cloudtrail").create_trail, Name=name, **_trail(after))
        except AlreadyExists:
            ask(at.service("cloudtrail").update_trail, Name=name, **_trail(after))
        if after["file_events"]:
            self._select(at, name, after)
        self._turn(at, name, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Set what differs, where it writes to first."""
        changed = set(differing(before, after))
        if changed - {"file_events", "logging"}:
            ask(at.service("cloudtrail").update_trail, Name=name, **_trail(after))
        if "file_events" in changed:
            self._select(at, name, after)
        if "logging" in changed:
            self._turn(at, name, after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Delete it; the files that it has written stay."""
        del before
        try:
            ask(at.service("cloudtrail").delete_trail, Name=name)
        except NoSuchEntity:
            return

    def _select(self, at: Place, name: str, after: Properties) -> None:
        partition = at.clients.account.partition
        files = [{"Type": "AWS::S3::Object", "Values": [f"arn:{partition}:s3"]}] if after["file_events"] else []
        selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": files}
        ask(at.service("cloudtrail").put_event_selectors, TrailName=name, EventSelectors=[selector])

    def _turn(self, at: Place, name: str, after: Properties) -> None:
        cloudtrail = at.service("cloudtrail")
        ask(cloudtrail.start_logging if after["logging"] else cloudtrail.stop_logging, Name=name)


def _trail(after: Properties) -> dict[str, Any]:
    return {
        "S3BucketName": after["bucket"],
        "IsMultiRegionTrail": after["every_region"],
        "IncludeGlobalServiceEvents": after["every_region"],
        "EnableLogFileValidation": after["validated"],
    }


class ServiceLinkedRole:
    """A role that an AWS service made for itself; its name is the service's. It is never taken away."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Have the service make it."""
        del after
        ask(at.iam.create_service_linked_role, AWSServiceName=name)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """There is nothing in it to change."""

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """It stays: the service may need it for something else, and it gives nobody anything."""


class ConfigRecorder:
    """Config's recorder in the account's region."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it; it is started with its channel."""
        del name
        self._put(at, RECORDER, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Set the one that is there."""
        del name, before
        self._put(at, _one(at, "configuration_recorders", "ConfigurationRecorders"), after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Stop it and take it away; what it has recorded stays."""
        del name, before
        recorder = _one(at, "configuration_recorders", "ConfigurationRecorders")
        ask(at.service("config").stop_configuration_recorder, ConfigurationRecorderName=recorder)
        ask(at.service("config").delete_configuration_recorder, ConfigurationRecorderName=recorder)

    def _put(self, at: Place, recorder: str, after: Properties) -> None:
        config = at.service("config")
        group = {"allSupported": after["everything"], "includeGlobalResourceTypes": after["global"]}
        role = at.arn("iam", "role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig")
        whole = {"name": recorder, "roleARN": role, "recordingGroup": group}
        ask(config.put_configuration_recorder, ConfigurationRecorder=whole)
        if ask(config.describe_delivery_channels)["DeliveryChannels"]:
            ask(config.start_configuration_recorder, ConfigurationRecorderName=recorder)


class ConfigChannel:
    """Where Config writes to, in the account's region. With it the recorder can start, and does."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it and start the recorder."""
        del name
        self._put(at, CHANNEL, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Set the one that is there."""
        del name, before
        self._put(at, _one(at, "delivery_channels", "DeliveryChannels"), after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Stop the recorder, which cannot be without it, and take it away."""
        del name, before
        config = at.service("config")
        for one in ask(config.describe_configuration_recorders)["ConfigurationRecorders"]:
            ask(config.stop_configuration_recorder, ConfigurationRecorderName=one["name"])
        channel = _one(at, "delivery_channels", "DeliveryChannels")
        ask(config.delete_delivery_channel, DeliveryChannelName=channel)

    def _put(self, at: Place, channel: str, after: Properties) -> None:
        config = at.service("config")
        ask(config.put_delivery_channel, DeliveryChannel={"name": channel, "s3BucketName": after["bucket"]})
        turn = config.start_configuration_recorder if after["recording"] else config.stop_configuration_recorder
        for one in ask(config.describe_configuration_recorders)["ConfigurationRecorders"]:
            ask(turn, ConfigurationRecorderName=one["name"])


def _one(at: Place, what: str, member: str) -> str:
    name: str = ask(getattr(at.service("config"), f"describe_{what}"))[member][0]["name"]
    return name


class ConfigRule:
    """One of AWS's own rules, that Config judges what is there by."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it."""
        source = {"Owner": "AWS", "SourceIdentifier": after["identifier"]}
        rule = {"ConfigRuleName": name, "Source": source, "InputParameters": after["with"]}
        ask(at.service("config").put_config_rule, ConfigRule=rule)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Set it anew."""
        del before
        self.create(at, name, after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""
        del before
        ask(at.service("config").delete_config_rule, ConfigRuleName=name)


class Analyzer:
    """Access Analyzer in one region: what of it is open to the outside."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it."""
        del after
        client = at.service("accessanalyzer", name)
        ask(client.create_analyzer, analyzerName=ANALYZER, type="ACCOUNT")

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Any that is there will do."""

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take ours away."""
        del before
        try:
            ask(at.service("accessanalyzer", name).delete_analyzer, analyzerName=ANALYZER)
        except NoSuchEntity:
            return


KINDS: Mapping[str, Kind] = {
    "trail": Trail(),
    "service-linked-role": ServiceLinkedRole(),
    "config-recorder": ConfigRecorder(),
    "config-channel": ConfigChannel(),
    "config-rule": ConfigRule(),
    "analyzer": Analyzer(),
}
