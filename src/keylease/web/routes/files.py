"""The files that connect programs to a lease, for its owner."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from keylease.errors import NotYours
from keylease.web import connections, show
from keylease.web.visit import Visiting

router = APIRouter(include_in_schema=False)


@router.get("/leases/{lease_id}/files/{tool}")
def download(visit: Visiting, lease_id: str, tool: str) -> Response:
    """One file. Its name is made of letters that need no escape in a header: a profile's, or fixed."""
    found = visit.app.visibility.lease(visit.principal, lease_id)
    if found.principal_id != visit.principal.id:
        raise NotYours(f"{found.id} belongs to {found.principal_name}.")
    file = connections.file_of(visit.app, show.lease(visit, found), tool)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.media_type, headers=headers)
