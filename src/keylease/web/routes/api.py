"""The JSON API, for the command line and for programs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from keylease import launched
from keylease.app import App
from keylease.broker import Ask
from keylease.domain import until
from keylease.domain.until import Until
from keylease.issuing import Collected
from keylease.web import show
from keylease.web.offers import offers
from keylease.web.visit import Visit, Visiting
from keylease.web.wire import (
    AcknowledgeIn,
    ApproveIn,
    AskIn,
    DenyIn,
    ErrorOut,
    EventOut,
    HealthOut,
    LaunchRoleOut,
    LeaseOut,
    MeOut,
    RenewIn,
    SetOut,
    VerifiedOut,
)

_failures: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorOut, "description": "Sign in first"},
    403: {"model": ErrorOut, "description": "The rules say no"},
    404: {"model": ErrorOut, "description": "No such thing, or not for you to see"},
    409: {"model": ErrorOut, "description": "Things are not as you believed; nothing was changed"},
    422: {"model": ErrorOut, "description": "What was asked cannot be"},
    500: {"model": ErrorOut, "description": "keylease does not go on like this"},
    503: {"model": ErrorOut, "description": "Something that keylease stands on does not answer; try again"},
}
PAGE = 1000
"""Records of the audit chain in one answer, at most."""
After = Annotated[int, Query(ge=0, le=2**53)]
PageSize = Annotated[int, Query(ge=1, le=PAGE)]
router = APIRouter(responses=_failures)
nothing = ApproveIn()


@router.get("/healthz", tags=["server"], responses={})
def healthz(request: Request) -> HealthOut:
    """Whether the server answers, and whether the last pass saw anything that a person must look at."""
    app: App = request.app.state.keylease
    return show.health(app.health.state, app.clock.now())


@router.get("/api/me", tags=["people"])
def me(visit: Visiting) -> MeOut:
    """Who is signed in."""
    return show.me(visit)


@router.get("/api/sets", tags=["people"])
def sets(visit: Visiting) -> list[SetOut]:
    """What you may ask for."""
    return [show.offer(one) for one in offers(visit.app, visit.principal)]


@router.get("/api/leases", tags=["leases"])
def leases(visit: Visiting, whose: Literal["mine", "waiting", "seen", "all"] = "mine") -> list[LeaseOut]:
    """Your own leases, the requests that wait for you, all that you may see, or everybody's (auditors)."""
    sight = visit.app.visibility
    ways = {"mine": sight.mine, "waiting": sight.waiting, "seen": sight.seen, "all": sight.everybody}
    found = ways[whose](visit.principal)
    return [show.lease(visit, one) for one in found]


@router.post("/api/leases", tags=["leases"], status_code=201)
def request(visit: Visiting, ask: AskIn) -> LeaseOut:
    """Ask for a lease."""
    wanted = Ask(
        account=ask.account,
        permission_set=ask.permission_set,
        until=until.parse(ask.until),
        reason=ask.reason,
        kind=ask.kind,
    )
    return show.lease(visit, visit.app.broker.request(visit.principal, wanted))


@router.get("/api/leases/{lease_id}", tags=["leases"])
def lease(visit: Visiting, lease_id: str) -> LeaseOut:
    """One lease, with what it lets people do."""
    return show.in_detail(visit, visit.app.visibility.lease(visit.principal, lease_id))


@router.post("/api/leases/{lease_id}/approve", tags=["deciding"])
def approve(visit: Visiting, lease_id: str, decision: ApproveIn = nothing) -> LeaseOut:
    """Approve a request, perhaps for less than was asked."""
    shorter = _until(decision.until)
    return show.lease(visit, visit.app.broker.approve(visit.principal, lease_id, until_at_most=shorter))


@router.post("/api/leases/{lease_id}/undo", tags=["deciding"])
def undo(visit: Visiting, lease_id: str) -> LeaseOut:
    """Take an approval back of which nothing was collected; the request waits for a decision again."""
    return show.lease(visit, visit.app.second_thoughts.undo(visit.principal, lease_id))


@router.post("/api/leases/{lease_id}/deny", tags=["deciding"])
def deny(visit: Visiting, lease_id: str, decision: DenyIn) -> LeaseOut:
    """Say no, with a sentence for the owner."""
    return show.lease(visit, visit.app.broker.deny(visit.principal, lease_id, reason=decision.reason))


@router.post("/api/leases/{lease_id}/collect", tags=["leases"])
def collect(visit: Visiting, lease_id: str) -> JSONResponse:
    """Make the access key and answer with it, once: `lease`, `access_key_id`, `secret_access_key`, `ready`.

    Acknowledge it, or it is taken away again.
    """
    return _handed_over(visit, visit.app.broker.collect(visit.principal, lease_id))


@router.post("/api/leases/{lease_id}/replace", tags=["leases"])
def replace(visit: Visiting, lease_id: str) -> JSONResponse:
    """Take the access key away, since it was lost, and make a new one with the same end. Answers as `collect`."""
    return _handed_over(visit, visit.app.second_thoughts.replace(visit.principal, lease_id))


def _handed_over(visit: Visit, collected: Collected) -> JSONResponse:
    # By hand: a model that failed its validation would print what it holds.
    content = {
        "lease": show.lease(visit, collected.lease).model_dump(mode="json"),
        "access_key_id": collected.access_key.access_key_id,
        "secret_access_key": collected.access_key.secret_access_key.reveal(),
        "ready": collected.ready,
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


@router.post("/api/leases/{lease_id}/acknowledge", tags=["leases"])
def acknowledge(visit: Visiting, lease_id: str, arrived: AcknowledgeIn) -> LeaseOut:
    """Say that the access key arrived."""
    return show.lease(visit, visit.app.broker.acknowledge(visit.principal, lease_id, arrived.access_key_id))


@router.post("/api/leases/{lease_id}/renew", tags=["leases"], status_code=201)
def renew(visit: Visiting, lease_id: str, changes: RenewIn | None = None) -> LeaseOut:
    """Ask again for what a lease gave."""
    wanted = changes or RenewIn()
    renewed = visit.app.broker.renew(visit.principal, lease_id, until=_until(wanted.until), reason=wanted.reason)
    return show.lease(visit, renewed)


@router.post("/api/leases/{lease_id}/revoke", tags=["leases"])
def revoke(visit: Visiting, lease_id: str) -> LeaseOut:
    """Give a lease back, or take it away from its owner."""
    return show.lease(visit, visit.app.broker.revoke(visit.principal, lease_id))


@router.get("/api/leases/{lease_id}/events", tags=["audit"])
def history(visit: Visiting, lease_id: str) -> list[EventOut]:
    """What happened to one lease, oldest first."""
    return [show.event(link) for link in visit.app.visibility.history(visit.principal, lease_id)]


@router.get("/api/leases/{lease_id}/launch-roles", tags=["leases"])
def launch_roles(visit: Visiting, lease_id: str) -> list[LaunchRoleOut]:
    """The roles that a lease may pass to what it launches, where it may launch anything."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    roles = launched.launch_roles(found, visit.app.clouds)
    return [LaunchRoleOut(arn=one.arn, instance_profiles=one.instance_profiles) for one in roles]


@router.get("/api/events", tags=["audit"])
def events(visit: Visiting, after: After = 0, limit: PageSize = PAGE) -> list[EventOut]:
    """The audit chain, oldest first, a page at a time; for auditors and administrators.

    A page holds the `limit` records after the one numbered `after`. Fewer than that: it is the last one.
    """
    return [show.event(link) for link in visit.app.visibility.events(visit.principal, after=after, limit=limit)]


@router.get("/api/events/verify", tags=["audit"])
def verify(visit: Visiting) -> VerifiedOut:
    """Whether the audit chain holds; a broken one is the failure KL-604."""
    return show.verified(visit)


def _until(text: str | None) -> Until | None:
    return None if text is None else until.parse(text)
