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
    verified, broken, after = None, None, 0
    try:
        verified = show.verified(visit)
        after = max(verified.records - NEWEST, 0)  # the chain is read once, unless it is broken
    except ChainBroken as failure:
        broken = failure
    newest = deque(visit.app.visibility.events(visit.principal, after=after), maxlen=NEWEST)
    records = [show.event(link) for link in reversed(newest)]
    return visited(visit, "audit.html", current="audit", records=records, verified=verified, broken=broken)
