"""Routes: each parses what came, calls one use case and shows the answer."""

from fastapi import APIRouter

from keylease.web.routes import (
    administration,
    api,
    asking,
    audit,
    collecting,
    deciding,
    docs,
    entry,
    files,
    history,
    leases,
    session,
    telling,
    terminal,
    watching,
)

ROUTERS: tuple[APIRouter, ...] = (
    api.router,
    watching.router,
    session.router,
    docs.router,
    entry.router,
    terminal.router,
    asking.router,  # before leases: /leases/new is no lease
    history.router,  # and neither is /leases/all
    leases.router,
    deciding.router,
    collecting.router,
    files.router,
    audit.router,
    administration.router,
    telling.router,
)
"""In the order in which addresses are matched."""
