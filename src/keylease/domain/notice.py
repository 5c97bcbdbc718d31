"""What people are told: one event, one text.

A text says what happened, until when and what to do next, with one link that changes nothing by itself. It never
holds a secret nor more of an access key id than its last four signs, and a subject never holds a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keylease.domain import spoken
from keylease.domain.lease import Lease
from keylease.domain.until import write


class Told(StrEnum):
    """What people are told of."""

    REQUESTED = "requested"
    STILL_OPEN = "still-open"
    APPROVED = "approved"
    DECIDED = "decided"
    DENIED = "denied"
    UNDONE = "undone"
    UNDECIDED = "undecided"
    UNCOLLECTED = "uncollected"
    ENDING = "ending"
    ENDED = "ended"
    LOST = "lost"
    STUCK = "stuck"
    GONE = "gone"
    WEEKLY = "weekly"
    NOBODY = "nobody-decides"


ALWAYS = frozenset({Told.LOST, Told.STUCK, Told.GONE})
"""What nobody can switch off."""
REMINDERS = frozenset({Told.ENDING, Told.STILL_OPEN, Told.WEEKLY})
"""What comes because time has passed, and can be switched off alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text as it is sent. `link` stands on a line of its own."""

    subject: str
    lines: tuple[str, ...]
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One text to one place. `key` is its own for ever: whatever made it once makes it never again."""

    key: str
    told: Told
    to: str
    """A mail address, or the name of a chat in the configuration: `chat:1`."""
    lease_id: str | None
    text: Text
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a text is made of."""

    told: Told
    title: str
    """The permission set's, in the account that it is in."""
    lease: Lease
    now: datetime
    address: str
    """Of the server, for the link."""
    closes_at: datetime
    can: tuple[str, ...] = ()
    days: int = 0


def write_text(said: Said) -> Text:
    """The text of an event on a lease."""
    subject, lines, path = _TEXTS[said.told](said)
    return Text(subject=subject, lines=tuple(lines), link=f"{said.address}{path}")


def weekly(*, active: int, stuck: int, orphans: int, overdue: int, address: str) -> Text:
    """The administrators' four numbers."""
    return Text(
        subject=f"keylease: {active} in use, {stuck} stuck, {orphans} orphans",
        lines=(
            f"In use: {active}.",
            f"Stuck, so AWS did not let keylease remove them: {stuck}.",
            f"Over, and still in AWS: {overdue}.",
            f"Orphans that the last pass saw: {orphans}.",
        ),
        link=f"{address}/administration",
    )


def nobody_decides(*, name: str, permission_set: str, grant: str, address: str) -> Text:
    """To administrators: somebody asked, and nobody could have decided."""
    return Text(
        subject=f"Nobody can approve: {name}, {permission_set}",
        lines=(
            f"{name} asked for {permission_set}, and the grant {grant} names nobody else who approves.",
            "Nothing was sent. The grant needs an approver.",
        ),
        link=f"{address}/administration",
    )


_Parts = tuple[str, list[str], str]


def _requested(said: Said) -> _Parts:
    lease = said.lease
    what = f"{lease.principal_name} asks: {said.title}, {_asked(said)}"
    return what, [*_of_request(said), f"It closes by itself {_when(said, said.closes_at)}."], _page(lease)


def _still_open(said: Said) -> _Parts:
    lease = said.lease
    subject = f"Still open: {lease.principal_name}, {said.title}"
    return subject, [*_of_request(said), f"It closes by itself {_when(said, said.closes_at)}."], _page(lease)


def _approved(said: Said) -> _Parts:
    lease = said.lease
    next_ = (
        f"Collect it by {_when(said, said.closes_at)}, at the computer where you use it."
        if lease.group
        else "Its sessions come by themselves once `keylease configure` was run on your machine."
    )
    lines = [f"{lease.approver_name} approved it until {_when(said, lease.expires_at)}.", next_]
    return f"Approved: {said.title}", lines, f"{_page(lease)}/collect" if lease.group else _page(lease)


def _decided(said: Said) -> _Parts:
    lease = said.lease
    verb = "denied" if lease.decision_reason else "approved"
    line = f"{lease.approver_name} {verb} what {lease.principal_name} asked for. Nothing is left to do."
    return f"Decided: {lease.principal_name}, {said.title}", [line], _page(lease)


def _denied(said: Said) -> _Parts:
    lease = said.lease
    return f"Not approved: {said.title}", [f"{lease.approver_name} says: “{lease.decision_reason}”"], _page(lease)


def _undone(said: Said) -> _Parts:
    line = "The approval was taken back before you collected anything. Your request waits for a decision again."
    return f"Taken back: {said.title}", [line], _page(said.lease)


def _undecided(said: Said) -> _Parts:
    line = "Nobody decided in time, so the request has closed. Ask again, or talk to one of those who decide."
    return f"Closed without an answer: {said.title}", [line], f"{_page(said.lease)}/renew"


def _uncollected(said: Said) -> _Parts:
    line = "Nobody collected it in time, so the approval has closed. Ask again if you still need it."
    return f"Closed, never collected: {said.title}", [line], f"{_page(said.lease)}/renew"


def _ending(said: Said) -> _Parts:
    lease = said.lease
    left = "1 day" if said.days == 1 else f"{said.days} days"
    lines = [
        f"It ends {_when(said, lease.expires_at)}. After that AWS refuses it.",
        "To go on, renew it: two clicks. If you no longer need it, give it back.",
    ]
    return f"Ends in {left}: {said.title}", lines, f"{_page(lease)}/renew"


def _ended(said: Said) -> _Parts:
    lines = [
        f"It ended {_when(said, said.lease.expires_at)}. Programs that still use it will fail.",
        "Ask again if you still need it; what you wrote last time is filled in.",
    ]
    return f"Ended: {said.title}", lines, f"{_page(said.lease)}/renew"


def _lost(said: Said) -> _Parts:
    lease = said.lease
    line = f"{lease.principal_name} reported the access key as lost. The old one was taken away."
    return f"Was this you? {said.title}", [line, "If it was not, end the lease at once."], _page(lease)


def _stuck(said: Said) -> _Parts:
    lease = said.lease
    lines = [
        f"AWS did not let keylease remove what {lease.principal_name} had. It is tried again and again.",
        f"From {_when(said, lease.expires_at)} on AWS refuses it in any case.",
    ]
    return f"STUCK: {lease.id}, {said.title}", lines, _page(lease)


def _gone(said: Said) -> _Parts:
    lease = said.lease
    line = f"{lease.principal_name} is gone from the directory. Their lease has ended, and AWS is told."
    return f"Signed out for good: {said.title} of {lease.principal_name} ended", [line], _page(lease)


_TEXTS = {
    Told.REQUESTED: _requested,
    Told.STILL_OPEN: _still_open,
    Told.APPROVED: _approved,
    Told.DECIDED: _decided,
    Told.DENIED: _denied,
    Told.UNDONE: _undone,
    Told.UNDECIDED: _undecided,
    Told.UNCOLLECTED: _uncollected,
    Told.ENDING: _ending,
    Told.ENDED: _ended,
    Told.LOST: _lost,
    Told.STUCK: _stuck,
    Told.GONE: _gone,
}


def _of_request(said: Said) -> list[str]:
    lease = said.lease
    can = [f"It can: {'; '.join(said.can)}."] if said.can else []
    mind = [f"Mind: {warning}" for warning in lease.warnings]
    return [
        f"{lease.principal_name} asks for {said.title}, {_asked(said)}.",
        f"Reason: “{lease.reason}”",
        *can,
        *mind,
    ]


def _asked(said: Said) -> str:
    asked = said.lease.asked
    if isinstance(asked, timedelta):
        weeks, rest = divmod(asked, timedelta(weeks=1))
        return (f"{weeks} weeks" if weeks > 1 else "1 week") if weeks and not rest else write(asked)
    return f"until {spoken.exact(asked, said.now)}"


def _when(said: Said, at: datetime) -> str:
    return spoken.both(at, said.now)


def _page(lease: Lease) -> str:
    return f"/leases/{lease.id}"
