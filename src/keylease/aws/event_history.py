"""CloudTrail's event history: ninety days of management events, region by region, without any trail.

AWS takes two look-ups a second in a region; more are refused and asked again, slower. Only what is needed of an
event is kept: who, what, when, from where. An event that cannot be read is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keylease.aws.audit.reader import Reader
from keylease.domain.clock import utc

PAGE = 50
KEPT = "ninety days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One management event. `by` is the caller's ARN, `key_id` what the call was signed with."""

    name: str
    source: str
    at: datetime
    region: str
    by: str
    kind: str
    key_id: str
    address: str
    agent: str
    asked: Mapping[str, Any]
    answered: Mapping[str, Any]

    @property
    def action(self) -> str:
        """As policies name it: `s3:ListBuckets`."""
        return f"{self.source.partition('.')[0]}:{self.name}"


def events(
    reader: Reader, region: str, attribute: str, value: str, *, since: datetime | None = None, most: int = 10_000
) -> Iterator[Event]:
    """The events of a region with that attribute (`AccessKeyId`, `Username`, `EventName`), newest first."""
    asked: dict[str, Any] = {"LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}]}
    if since is not None:
        asked["StartTime"] = since
    marker: dict[str, str] = {}
    given = 0
    while given < most:
        page = reader.one("cloudtrail", "lookup_events", region=region, MaxResults=PAGE, **asked, **marker)
        for found in page.get("Events", []):
            event = _event(found, region)
            if event is not None:
                yield event
            given += 1
        if not page.get("NextToken"):
            return
        marker = {"NextToken": page["NextToken"]}


def _event(found: Mapping[str, Any], region: str) -> Event | None:
    try:
        written = json.loads(found.get("CloudTrailEvent", "{}"))
    except ValueError:
        return None
    who = written.get("userIdentity") or {}
    return Event(
        name=found.get("EventName", ""),
        source=found.get("EventSource", ""),
        at=utc(found["EventTime"]),
        region=written.get("awsRegion") or region,
        by=who.get("arn", ""),
        kind=who.get("type", ""),
        key_id=who.get("accessKeyId") or found.get("AccessKeyId", ""),
        address=written.get("sourceIPAddress", ""),
        agent=written.get("userAgent", ""),
        asked=written.get("requestParameters") or {},
        answered=written.get("responseElements") or {},
    )
