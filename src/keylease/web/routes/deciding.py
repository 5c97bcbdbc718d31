"""Approvals: everything an approver needs on one screen, and the two answers that need a few words more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, RedirectResponse, Response

from keylease.domain import until
from keylease.domain.lease import State
from keylease.errors import AlreadyDecided, Invalid, LeaseOver, NotApprover
from keylease.web import errors, requested, show
from keylease.web.render import visited
from keylease.web.visit import Visit, Visiting

router = APIRouter(include_in_schema=False)


@router.get("/approvals")
def waiting(visit: Visiting, done: str | None = None) -> HTMLResponse:
    """The requests that wait for this approver, oldest first; `done` is the one they just decided on."""
    sight = visit.app.visibility
    requests = requested.cards(visit, sight.waiting(visit.principal))
    decided = show.lease(visit, sight.lease(visit.principal, done)) if done else None
    return visited(visit, "approvals.html", current="approvals", requests=requests, decided=decided)


@router.post("/leases/{lease_id}/approve")
def approve(visit: Visiting, lease_id: str, until_text: Annotated[str, Form(alias="until")] = "") -> Response:
    """Approve, perhaps for less than was asked."""
    try:
        shorter = until.parse(until_text) if until_text.strip() else None
        visit.app.broker.approve(visit.principal, lease_id, until_at_most=shorter)
    except AlreadyDecided:
        if not _is_own(visit, lease_id, denied=False):
            raise
    except Invalid as failure:
        return _form(visit, "shorten.html", lease_id, failure, until_text)
    return RedirectResponse(f"/approvals?done={lease_id}", 303)


@router.get("/leases/{lease_id}/shorten")
def about_to_shorten(visit: Visiting, lease_id: str) -> HTMLResponse:
    """Until when, at most?"""
    return _form(visit, "shorten.html", lease_id)


@router.get("/leases/{lease_id}/deny")
def about_to_deny(visit: Visiting, lease_id: str) -> HTMLResponse:
    """Why not?"""
    return _form(visit, "deny.html", lease_id)


@router.post("/leases/{lease_id}/deny")
def deny(visit: Visiting, lease_id: str, reason: Annotated[str, Form()] = "") -> Response:
    """Say no, with a sentence for the owner."""
    try:
        visit.app.broker.deny(visit.principal, lease_id, reason=reason)
    except AlreadyDecided:
        if not _is_own(visit, lease_id, denied=True):
            raise
    except Invalid as failure:
        return _form(visit, "deny.html", lease_id, failure, reason)
    return RedirectResponse(f"/approvals?done={lease_id}", 303)


@router.post("/leases/{lease_id}/undo")
def undo(visit: Visiting, lease_id: str) -> RedirectResponse:
    """Take an approval back that nobody has collected; the request waits again."""
    visit.app.second_thoughts.undo(visit.principal, lease_id)
    return RedirectResponse(f"/approvals?done={lease_id}", 303)


def _is_own(visit: Visit, lease_id: str, *, denied: bool) -> bool:
    """Whether this very person has decided just so before: a second press of the same button is no mistake."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    return found.approver_id == visit.principal.id and (found.state is State.DENIED) is denied


def _form(
    visit: Visit, template: str, lease_id: str, failure: Invalid | None = None, value: str = ""
) -> HTMLResponse:
    """A form about an open request; the second time with what was wrong and what was written."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    if found.state is not State.REQUESTED:
        raise LeaseOver(f"{lease_id} is no open request any more.", hint="Nothing is left to do.")
    if not visit.app.visibility.may_decide(visit.principal, found):
        raise NotApprover(f"You cannot decide on {lease_id}.")
    return visited(
        visit,
        template,
        status=errors.status(failure) if failure else 200,
        current="approvals",
        lease=show.lease(visit, found),
        if_approved=show.end_if_approved(visit, found),
        failure=failure,
        value=value,
    )
