"""The description of the API at /docs: Swagger UI, served from here, with nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from keylease.errors import Missing
from keylease.web import render
from keylease.web.guard import CSP

router = APIRouter(include_in_schema=False)
FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js"})
"""All of the bundle that the page needs; its own pages stay where they are."""


@router.get("/docs")
def docs() -> HTMLResponse:
    """The page."""
    answer = render.page("docs.html")
    # Swagger UI draws its arrows from data: addresses in its own style sheet.
    answer.headers["Content-Security-Policy"] = CSP.replace("img-src 'self'", "img-src 'self' data:")
    return answer


@router.get("/docs/{name}")
def bundled(name: str) -> FileResponse:
    """A file of Swagger UI."""
    if name not in FILES:
        raise Missing(f"There is nothing at /docs/{name}.", hint="The description of the API is at /docs.")
    return FileResponse(Path(swagger_ui_path) / name, headers={"Cache-Control": "no-cache"})
