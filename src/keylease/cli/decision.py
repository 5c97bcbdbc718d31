"""Waiting until somebody has decided on a request.

Nothing is lost by leaving: the request stays where it is. That the server is away for a moment does not end the
wait either.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from keylease.cli.context import Invocation
from keylease.domain import until
from keylease.errors import LeaseOver, NotApproved, Unavailable

if TYPE_CHECKING:
    from keylease.client import LeaseView

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds between two looks; each pause is half as long again as the one before."""


def wait_for_decision(call: Invocation, lease: LeaseView, at_most: str) -> LeaseView:
    """The lease once it is approved, or undecided when the time ran out.

    Raises `NotApproved` once it was denied and `LeaseOver` once it was closed otherwise.
    """
    ends, pause = call.clock.now() + until.parse_length(at_most), FIRST_PAUSE
    call.terminal.say("Waiting; Ctrl-C is safe, the request stays.")
    with call.terminal.working(f"Waiting for a decision on {lease['id']}"):
        while lease["status"] == "requested" and call.clock.now() < ends:
            rest = (ends - call.clock.now()) / timedelta(seconds=1)
            call.clock.sleep(min(pause, rest))
            pause = min(pause * 1.5, LONGEST_PAUSE)
            lease = _look(call, lease)
    return _approved(call, lease)


def _look(call: Invocation, before: LeaseView) -> LeaseView:
    try:
        return call.client.lease(before["id"])
    except Unavailable:
        return before


def _approved(call: Invocation, lease: LeaseView) -> LeaseView:
    if lease["status"] == "requested":
        call.terminal.say(f"Nobody has decided on {lease['id']} yet; it stays open.")
    elif lease["status"] == "denied":
        by = lease["approver"]["name"] if lease["approver"] else "Somebody"
        raise NotApproved(f"{by} denied {lease['id']}: {lease['decision_reason']}", hint="Ask for something else.")
    elif lease["status"] in {"withdrawn", "expired", "revoked"}:
        raise LeaseOver(f"{lease['id']} was closed before anybody decided.")
    return lease
