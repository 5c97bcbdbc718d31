"""The audit trail, for auditors and administrators."""

from __future__ import annotations

from collections import deque

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from keylease.errors import ChainBroken
from keylease.web import show
from keylease.web.render import visited
from keylease.web.visit import Visiting

router = APIRouter(include_in_schema=False)
NEWEST = 200
"""Records on the page; the API and the command line give all of them."""


@router.get("/audit")
def audit(visit: Visiting) -> HTMLResponse:
    """The newest records, and whether the whole chain holds."""
    newest = deque(visit.app.visibility.events(visit.principal), maxlen=NEWEST)
    records = [show.event(link) for link in reversed(newest)]
    try:
        verified, broken = show.verified(visit), None
    except ChainBroken as failure:
        verified, broken = None, failure
    return visited(visit, "audit.html", current="audit", records=records, verified=verified, broken=broken)
