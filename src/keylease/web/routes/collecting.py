"""Collecting: a page that makes nothing, a form that makes the access key, and the word that it arrived.

The first page may be opened by anybody's prefetch; only the form's POST makes something. Its answer is the one
page that holds a secret: it is never kept, has no address of its own, and cannot be asked for again.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, RedirectResponse

from keylease.issuing import Collected
from keylease.web import show
from keylease.web.render import visited
from keylease.web.visit import Visit, Visiting

router = APIRouter(include_in_schema=False)


@router.get("/leases/{lease_id}/collect")
def about_to_collect(visit: Visiting, lease_id: str) -> HTMLResponse:
    """What there is to collect."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    return visited(visit, "collect.html", current="mine", lease=show.lease(visit, found))


@router.post("/leases/{lease_id}/collect")
def collect(visit: Visiting, lease_id: str) -> HTMLResponse:
    """Make the access key and show it, once."""
    return _shown(visit, visit.app.broker.collect(visit.principal, lease_id))


@router.get("/leases/{lease_id}/replace")
def about_to_replace(visit: Visiting, lease_id: str) -> HTMLResponse:
    """What happens to an access key that was lost."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    return visited(visit, "replace.html", current="mine", lease=show.lease(visit, found))


@router.post("/leases/{lease_id}/replace")
def replace(visit: Visiting, lease_id: str) -> HTMLResponse:
    """Take the old one away, make a new one, and show it, once."""
    return _shown(visit, visit.app.second_thoughts.replace(visit.principal, lease_id))


def _shown(visit: Visit, collected: Collected) -> HTMLResponse:
    answer = visited(
        visit,
        "access_key.html",
        current="mine",
        lease=show.lease(visit, collected.lease),
        access_key_id=collected.access_key.access_key_id,
        secret_access_key=collected.access_key.secret_access_key.reveal(),
        ready=collected.ready,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/leases/{lease_id}/acknowledge")
def acknowledge(visit: Visiting, lease_id: str, access_key_id: Annotated[str, Form()] = "") -> RedirectResponse:
    """The owner has it."""
    visit.app.broker.acknowledge(visit.principal, lease_id, access_key_id)
    return RedirectResponse(f"/leases/{lease_id}", 303)
