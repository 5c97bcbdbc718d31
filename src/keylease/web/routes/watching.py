"""For what watches the server: whether it can serve, and figures for Prometheus."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from starlette.responses import Response

from keylease import metrics
from keylease.app import App
from keylease.domain.secret import Secret
from keylease.errors import MetricsNotAllowed
from keylease.web.wire import ReadyOut

router = APIRouter()


@router.get("/readyz", tags=["server"])
def readyz(request: Request) -> ReadyOut:
    """Whether this process can serve: it reads the ledger. A load balancer asks this; 503 where it cannot."""
    app: App = request.app.state.keylease
    app.store.figures(app.clock.now())
    return ReadyOut()


@router.get("/metrics", include_in_schema=False)
def figures(request: Request) -> Response:
    """Figures for Prometheus, for whoever knows the token. Raises `MetricsNotAllowed`."""
    wanted: Secret | None = request.app.state.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if wanted is None or not hmac.compare_digest(
        wanted.reveal().encode(), given.encode("utf-8", "surrogateescape")
    ):
        raise MetricsNotAllowed("The figures are for whoever knows the token of `server.metrics_token_file`.")
    return Response(metrics.text(request.app.state.keylease), media_type="text/plain; version=0.0.4; charset=utf-8")
