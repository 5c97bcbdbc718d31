"""The application factory: an App becomes a web server's application.

Nothing happens when this is imported, and two applications share nothing. Handlers are plain functions, which the
server runs in threads, since what they call is synchronous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

import keylease
from keylease.app import App
from keylease.domain.plan import Rules
from keylease.domain.secret import Secret
from keylease.errors import UnsafeNotAllowed
from keylease.identity.proof import Proofs
from keylease.web import errors
from keylease.web.cookies import Cookies
from keylease.web.guard import LOOPBACK, Guard
from keylease.web.limits import Limits
from keylease.web.render import HERE
from keylease.web.routes import ROUTERS

WITHIN = Rules().acknowledge_within
"""What pages say where nothing else is configured."""


Doctor = Callable[[], Sequence[Any]]
"""Looks at everything; each row has `check`, `account`, `verdict`, `sentence` and `remedy`."""


def create(
    app: App,
    *,
    address: str = "http://127.0.0.1",
    acknowledge_within: timedelta = WITHIN,
    doctor: Doctor | None = None,
    metrics_token: Secret | None = None,
) -> FastAPI:
    """The application that serves `app`.

    `address` is where people find it: its host, and this machine's own names, are the only ones it answers to.
    `acknowledge_within` is what pages say of the time to acknowledge a new access key; the reconciler keeps it.
    `doctor` looks at everything for administrators who ask for it.
    Whoever knows `metrics_token` reads the figures at /metrics; without one nobody does.
    Raises `UnsafeNotAllowed` for plain http at an address that is not this machine's own.
    """
    web = FastAPI(
        title="keylease",
        version=keylease.__version__,
        description="Access keys and sessions that AWS itself refuses at their end.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    web.openapi_version = "3.0.3"  # the Swagger UI that is bundled reads no later one
    attach(web, app, address=address)
    web.state.acknowledge_within = acknowledge_within
    web.state.doctor = doctor
    web.state.metrics_token = metrics_token
    web.add_middleware(Guard, hosts=LOOPBACK | {urlsplit(address).hostname or "localhost"})
    web.mount("/static", _Static(directory=HERE / "static"))
    for router in ROUTERS:
        web.include_router(router)
    errors.install(web)
    return web


def attach(web: FastAPI, app: App, *, address: str) -> None:
    """Let the application serve this App, at this address."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise UnsafeNotAllowed(
            f"Over plain http others could read sign-ins on their way to {parts.hostname}.",
            hint="Give `server.address` as people reach it over https; what ends TLS may run before keylease.",
        )
    web.state.keylease = app
    web.state.cookies = Cookies(address)
    web.state.callback = f"{address.rstrip('/')}/sign-in/callback"
    web.state.limits = Limits(app.clock)
    web.state.proofs = Proofs(address, app.clock)


class _Static(StaticFiles):
    """Our own files: a browser may keep them, and asks each time whether they are still the same."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file, or word that it has not changed."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response
