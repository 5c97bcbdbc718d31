"""A lease, a permission set, an event and a person, as rows and facts.

On a terminal a time is relative and exact together, in the person's own zone, which is named; for programs it is
the ISO instant as the server sent it. What is left is reckoned from the server's own `seconds_left`, so that a
laptop whose clock is wrong shows the right time left.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keylease.cli.cell import Cell
from keylease.domain import clock, spoken

if TYPE_CHECKING:
    from keylease.client import EventView, LeaseView, Me, SetView

STATUS = {
    "requested": ("○ requested", "blue"),
    "approved": ("✓ approved", "bold blue"),
    "collecting": ("… collecting", "blue"),
    "active": ("● active", "green"),
    "ending_soon": ("⧗ ending soon", "yellow"),
    "expired": ("◌ expired", "dim"),
    "revoked": ("✗ revoked", "magenta"),
    "stuck": ("▲ stuck", "bold red"),
    "denied": ("✗ denied", "magenta"),
    "withdrawn": ("◌ withdrawn", "dim"),
}
ORDER = ("approved", "stuck", "collecting", "ending_soon", "active", "requested")
"""Who must act comes first; what is over comes last, in the order in which the server sent it."""

LEASES = ("ID", "WHAT", "ACCOUNT", "STATUS", "LEFT", "ENDS")
OWNED = (*LEASES, "WHO")
WAITING = ("ID", "WHO", "WHAT", "ACCOUNT", "FOR", "REASON")
SETS = ("PERMISSION SET", "WHAT", "ACCOUNT", "AT MOST", "APPROVED BY")
EVENTS = ("NO", "WHEN", "WHAT", "WHO", "LEASE", "DETAILS")


def in_order(leases: list[LeaseView]) -> list[LeaseView]:
    """The leases, those first that wait for somebody."""
    return sorted(leases, key=lambda one: ORDER.index(one["status"]) if one["status"] in ORDER else len(ORDER))


def lease_row(lease: LeaseView, now: datetime) -> list[Cell]:
    """One lease, for `LEASES`."""
    over = lease["status"] in {"expired", "revoked", "denied", "withdrawn"}
    return [
        Cell(lease["id"], style="bold"),
        Cell(lease["title"], lease["permission_set"], "dim" if over else ""),
        Cell(lease["account"]),
        _status(lease["status"]),
        Cell("" if over else time_left(lease, now), str(lease["seconds_left"])),
        _instant(ends_at(lease), now),
    ]


def owned_row(lease: LeaseView, now: datetime) -> list[Cell]:
    """One lease and whose it is, for `OWNED`."""
    return [*lease_row(lease, now), Cell(lease["owner"]["name"])]


def waiting_row(lease: LeaseView, now: datetime) -> list[Cell]:
    """One request, for `WAITING`."""
    return [
        Cell(lease["id"], style="bold"),
        Cell(lease["owner"]["name"]),
        Cell(lease["title"], lease["permission_set"]),
        Cell(lease["account"]),
        Cell(asked(lease, now).removesuffix(" from the approval on"), lease["asked"]),
        Cell(lease["reason"]),
    ]


def set_row(one: SetView) -> list[Cell]:
    """One permission set, for `SETS`."""
    return [
        Cell(one["permission_set"], style="bold"),
        Cell(one["title"]),
        Cell(one["account"]),
        Cell(one["max_ttl"]),
        Cell("rule, at once" if one["automatic"] else "somebody", "rule" if one["automatic"] else "somebody"),
    ]


def event_row(event: EventView, now: datetime) -> list[Cell]:
    """One record, for `EVENTS`."""
    details = ", ".join(f"{name} {value}" for name, value in event["details"].items())
    return [
        Cell(str(event["seq"])),
        _instant(event["at"], now),
        Cell(event["action"], style="bold"),
        Cell(event["actor"]),
        Cell(event["lease_id"] or ""),
        Cell(details),
    ]


def lease_facts(lease: LeaseView, now: datetime) -> list[tuple[str, Cell]]:
    """All of a lease that people ask about; what it has not is left out."""
    approver = lease["approver"]
    facts = [
        ("lease", Cell(lease["id"], style="bold")),
        ("status", _status(lease["status"])),
        ("what", Cell(f"{lease['title']} ({lease['permission_set']})", lease["permission_set"])),
        ("account", Cell(f"{lease['account']} ({lease['account_id']})", lease["account"])),
        ("for", Cell(lease["owner"]["name"])),
        ("reason", Cell(lease["reason"])),
        ("asked", Cell(asked(lease, now), lease["asked"])),
        ("requested", _when(lease["requested_at"], now)),
        ("may decide", Cell(", ".join(lease["approvers"]))),
        ("decided", _when(lease["decided_at"], now)),
        ("decided by", Cell(approver["name"] if approver else "")),
        ("answer", Cell(lease["decision_reason"] or "")),
        ("collected", _when(lease["issued_at"], now)),
        ("access key", Cell(lease["access_key_id"] or "")),
        ("IAM user", Cell(lease["user_name"] or "")),
        ("ends", _when(ends_at(lease), now)),
        ("ended", _when(lease["ended_at"], now)),
        ("why", Cell(lease["end_reason"] or "")),
        ("renews", Cell(lease["renewal_of"] or "")),
        ("share", Cell("may open the account's data to others", "yes") if lease["share"] else Cell("")),
    ]
    facts += [("can", Cell(line)) for line in lease.get("can", ())]
    facts += [("know this", Cell(warning, style="yellow")) for warning in lease["warnings"]]
    return [(name, cell) for name, cell in facts if cell.people]


def me_facts(me: Me, now: datetime) -> list[tuple[str, Cell]]:
    """Who one is."""
    duties = [duty for duty, has in (("administrator", me["administrator"]), ("auditor", me["auditor"])) if has]
    return [
        ("name", Cell(me["name"], style="bold")),
        ("id", Cell(me["id"])),
        ("groups", Cell(", ".join(me["groups"]))),
        ("duties", Cell(", ".join(duties) or "none", ", ".join(duties))),
        *_signed_in(me, now),
    ]


def _signed_in(me: Me, now: datetime) -> list[tuple[str, Cell]]:
    """Until when this terminal is signed in, where it is."""
    until = me.get("signed_in_until")
    return [("signed in until", _instant(until, now))] if until else []


def ends_at(lease: LeaseView) -> str:
    """When it ends as things stand: earlier than promised where its renewal was collected."""
    return min(lease["expires_at"], lease["retire_at"] or lease["expires_at"])


def time_left(lease: LeaseView, now: datetime) -> str:
    """How long it still goes on, by the server's clock."""
    end = local(ends_at(lease))
    if lease["seconds_left"]:
        now = end - timedelta(seconds=lease["seconds_left"])
    return spoken.left(end, now.astimezone())


def end_in_words(lease: LeaseView, now: datetime) -> str:
    """`Tue 8 Dec 17:00 CET (2 weeks)`."""
    return f"{spoken.exact(local(ends_at(lease)), now.astimezone())} ({time_left(lease, now)})"


def asked(lease: LeaseView, now: datetime) -> str:
    """What was asked for: a duration, which counts from the approval, or an instant, in the person's zone."""
    if "T" not in lease["asked"]:
        return f"{lease['asked']} from the approval on"
    return f"until {spoken.exact(local(lease['asked']), now.astimezone())}"


def moment(instant: str, now: datetime) -> str:
    """An instant of the server's in words, in the person's zone."""
    return spoken.exact(local(instant), now.astimezone())


def local(instant: str) -> datetime:
    """An instant of the server's in the zone of this machine."""
    return clock.from_text(instant).astimezone()


def _status(status: str) -> Cell:
    words, style = STATUS.get(status, (status, ""))
    return Cell(words, status, style)


def _instant(instant: str, now: datetime) -> Cell:
    return Cell(spoken.exact(local(instant), now.astimezone()), instant)


def _when(instant: str | None, now: datetime) -> Cell:
    if instant is None:
        return Cell("")
    return Cell(spoken.both(local(instant), now.astimezone()), instant)
