"""The ends of leases as calendar entries (RFC 5545).

One entry is one lease: it keeps its UID, and its SEQUENCE is the lease's version, so that a changed end moves the
entry. What ended early, or never began, is cancelled. A calendar says what ends and when, and holds no reason, no
access key id and nobody's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import icalendar

from keylease.domain.lease import ENDED, EndReason, Lease, State
from keylease.domain.status import ends_at

REMIND = timedelta(days=2)
NO_TIME = timedelta()
NOT_YET = frozenset({State.REQUESTED, State.DENIED, State.WITHDRAWN})
"""Of these there is no end that anybody would wait for."""


def calendar(leases: Iterable[tuple[Lease, str]], *, address: str, host: str, now: datetime) -> bytes:
    """A calendar of leases, each with the title of its permission set."""
    found = list(leases)
    made = icalendar.Calendar()
    made.add("prodid", "-//keylease//ends of leases//EN")
    made.add("version", "2.0")
    made.add("method", "CANCEL" if found and all(_is_off(lease) for lease, _ in found) else "PUBLISH")
    made.add("x-wr-calname", "keylease")
    for lease, title in found:
        made.add_component(_entry(lease, title, address=address, host=host, now=now))
    return bytes(made.to_ical())


def has_end(lease: Lease) -> bool:
    """Whether a calendar has anything to say of it."""
    return lease.state not in NOT_YET and not (lease.state is State.CLOSED and lease.decided_at is None)


def _is_off(lease: Lease) -> bool:
    return lease.state in ENDED | {State.REVOKING} and lease.end_reason is not EndReason.EXPIRED


def _entry(lease: Lease, title: str, *, address: str, host: str, now: datetime) -> icalendar.Event:
    entry = icalendar.Event()
    entry.add("uid", f"{lease.id}@{host}")
    entry.add("sequence", lease.version)
    entry.add("dtstamp", now)
    entry.add("dtstart", ends_at(lease))
    entry.add("duration", NO_TIME)
    entry.add("summary", f"Ends: {title}")
    entry.add("description", f"AWS refuses it from then on. Renew it before: {address}/leases/{lease.id}")
    entry.add("url", f"{address}/leases/{lease.id}")
    entry.add("transp", "TRANSPARENT")
    entry.add("class", "PRIVATE")
    entry.add("status", "CANCELLED" if _is_off(lease) else "CONFIRMED")
    if not _is_off(lease):
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"Ends in two days: {title}")
        alarm.add("trigger", -REMIND)
        entry.add_component(alarm)
    return entry
