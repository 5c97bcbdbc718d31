"""My leases, and one lease with its life and its end."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse

from keylease.domain.status import Status, status_of
from keylease.launched import LeftRunning
from keylease.web import connections, requested, show
from keylease.web.render import visited
from keylease.web.visit import Visit, Visiting
from keylease.web.wire import LeaseOut

router = APIRouter(include_in_schema=False)

TURNS = {
    "Your turn": {Status.APPROVED, Status.COLLECTING, Status.ENDING_SOON},
    "Working": {Status.ACTIVE},
    "Waiting for somebody else": {Status.REQUESTED, Status.STUCK},
    "Ended": {Status.EXPIRED, Status.REVOKED, Status.DENIED, Status.WITHDRAWN},
}
"""The groups of the page, by who must act."""


SHOWN_ENDED = 10
"""Of those that have ended; the history has all of them."""


@router.get("/leases")
def mine(visit: Visiting) -> HTMLResponse:
    """My leases, sorted by who must act."""
    found = visit.app.visibility.mine(visit.principal)
    over = [one for one in found if status_of(one, visit.now) in TURNS["Ended"]]
    left_out = {one.id for one in over[SHOWN_ENDED:]}
    groups = by_turn(show.lease(visit, one) for one in found if one.id not in left_out)
    ended = groups.pop("Ended")
    return visited(visit, "leases.html", current="mine", groups=groups, ended=ended, ended_count=len(over))


@router.get("/leases/{lease_id}")
def one(visit: Visiting, lease_id: str) -> HTMLResponse:
    """One lease: its state, its end, what can be done, and what happened."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    history = [show.event(link) for link in visit.app.visibility.history(visit.principal, lease_id)]
    shown, mine = show.in_detail(visit, found), found.principal_id == visit.principal.id
    return visited(
        visit,
        "lease.html",
        current="mine" if mine else "",
        lease=shown,
        connect=connections.offered(visit.app, shown) if mine else None,
        left=[one for one in _left_running(visit) if one.lease is not None and one.lease.id == lease_id],
        if_approved=show.end_if_approved(visit, found),
        request=requested.card(visit, found),
        history=history[::-1],
        told=visit.app.telling.outbox.sent(lease_id)[::-1],
    )


@router.get("/leases/{lease_id}/revoke")
def about_to_revoke(visit: Visiting, lease_id: str) -> HTMLResponse:
    """Say what an early end does, before it is done."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    return visited(visit, "revoke.html", lease=show.lease(visit, found))


@router.post("/leases/{lease_id}/revoke")
def revoke(visit: Visiting, lease_id: str) -> RedirectResponse:
    """Give it back, withdraw it, or take it away."""
    visit.app.broker.revoke(visit.principal, lease_id)
    return RedirectResponse(f"/leases/{lease_id}", 303)


def _left_running(visit: Visit) -> list[LeftRunning]:
    """Instances whose lease is over, as the last pass saw them."""
    return [one for report in visit.app.health.state.reports for one in report.left_running]


def by_turn(leases: Iterable[LeaseOut]) -> dict[str, list[LeaseOut]]:
    """The leases by who must act next. One whose renewal is under way needs nobody's attention again."""
    found = list(leases)
    renewed = {lease.renewal_of for lease in found if lease.status not in TURNS["Ended"]}
    groups: dict[str, list[LeaseOut]] = {turn: [] for turn in TURNS}
    for lease in found:
        is_renewed = lease.status is Status.ENDING_SOON and lease.id in renewed
        status = Status.ACTIVE if is_renewed else lease.status
        groups[next(turn for turn, members in TURNS.items() if status in members)].append(lease)
    return groups
