"""What the root user was used for: calls gathered by service, address and program, and what could replace each.

A use is what one program at one address does with one service. It is silent when its last call is older than the
days that were asked for. A permission set replaces a use when it allows every action that was seen; what
CloudTrail does not write down (reading objects, unless a trail has data events) cannot be seen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from keylease.audit.snapshot import Document
from keylease.domain.clock import from_text
from keylease.domain.statement import allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that the root user made."""

    action: str
    service: str
    at: datetime
    region: str
    address: str
    agent: str
    key_id: str = ""

    @property
    def by_key(self) -> bool:
        """Whether an access key signed it; a session of the console has an id that begins otherwise."""
        return self.key_id.startswith("AKIA")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootUse:
    """Calls that belong together."""

    service: str
    address: str
    agent: str
    by_key: bool
    first: datetime
    last: datetime
    count: int
    actions: tuple[str, ...]
    regions: tuple[str, ...]
    key_ids: tuple[str, ...]

    def is_silent(self, now: datetime, days: int) -> bool:
        """Whether it has not happened for so long."""
        return now - self.last > timedelta(days=days)


def gathered(calls: Iterable[Call]) -> tuple[RootUse, ...]:
    """Uses, the latest first."""
    together: dict[tuple[str, str, str, bool], list[Call]] = {}
    for call in calls:
        together.setdefault((call.service, call.address, call.agent, call.by_key), []).append(call)
    uses = (_use(of) for of in together.values())
    return tuple(sorted(uses, key=lambda use: (use.last, use.service, use.address), reverse=True))


def _use(calls: list[Call]) -> RootUse:
    one = calls[0]
    return RootUse(
        service=one.service,
        address=one.address,
        agent=one.agent,
        by_key=one.by_key,
        first=min(call.at for call in calls),
        last=max(call.at for call in calls),
        count=len(calls),
        actions=tuple(sorted({call.action for call in calls})),
        regions=tuple(sorted({call.region for call in calls})),
        key_ids=tuple(sorted({call.key_id for call in calls if call.by_key})),
    )


def replacements(use: RootUse, sets: Mapping[str, Iterable[Document]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The permission sets that allow all of a use; and what none of them allows, where none does."""
    documents = {name: tuple(of) for name, of in sets.items()}
    whole = tuple(name for name, of in documents.items() if all(allows(of, action) for action in use.actions))
    if whole or not documents:
        return whole, ()
    return (), tuple(action for action in use.actions if not any(allows(of, action) for of in documents.values()))


def of_records(records: Iterable[Mapping[str, Any]]) -> Iterator[Call]:
    """The root user's calls among CloudTrail records, as they stand in log files. What has no time is left out."""
    for record in records:
        who = record.get("userIdentity") or {}
        if who.get("type") != "Root":
            continue
        try:
            at = from_text(str(record.get("eventTime")))
        except ValueError:
            continue
        source = str(record.get("eventSource", ""))
        yield Call(
            action=f"{source.partition('.')[0]}:{record.get('eventName', '')}",
            service=source,
            at=at,
            region=str(record.get("awsRegion", "")),
            address=str(record.get("sourceIPAddress", "")),
            agent=str(record.get("userAgent", "")),
            key_id=str(who.get("accessKeyId") or ""),
        )
