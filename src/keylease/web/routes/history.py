"""History: one's own leases, or everybody's for auditors, with a filter in the address, as pages and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response, StreamingResponse

from keylease.domain.lease import Lease
from keylease.domain.status import status_of
from keylease.ports import LeaseQuery
from keylease.web import show
from keylease.web.filters import PAGE, SHOWS, Filter, Filtered
from keylease.web.render import visited
from keylease.web.visit import Visit, Visiting

router = APIRouter(include_in_schema=False)
AT_ONCE = 1000
"""Leases that are read at once for a CSV file."""
COLUMNS = (
    *("id", "status", "owner", "permission_set", "account", "requested_at", "decided_at", "approver"),
    *("issued_at", "expires_at", "ended_at", "end_reason", "reason"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Signs at which a spreadsheet would begin to reckon."""


@router.get("/history")
def mine(visit: Visiting, chosen: Filtered) -> HTMLResponse:
    """My leases of all times."""
    return _page(visit, chosen, everybody=False)


@router.get("/leases/all")
def everybody(visit: Visiting, chosen: Filtered) -> HTMLResponse:
    """Everybody's leases, for auditors and administrators."""
    visit.app.visibility.must_audit(visit.principal)
    return _page(visit, chosen, everybody=True)


@router.get("/history.csv")
def mine_as_csv(visit: Visiting, chosen: Filtered) -> Response:
    """All that the filter finds of mine, not only one page of it."""
    return _csv(visit, chosen.query(visit.now, principal_id=visit.principal.id))


@router.get("/leases/all.csv")
def everybody_as_csv(visit: Visiting, chosen: Filtered) -> Response:
    """The same of everybody's."""
    visit.app.visibility.must_audit(visit.principal)
    return _csv(visit, chosen.query(visit.now, principal_id=None))


def _page(visit: Visit, chosen: Filter, *, everybody: bool) -> HTMLResponse:
    query = chosen.query(visit.now, principal_id=None if everybody else visit.principal.id)
    store, catalogue = visit.app.store, visit.app.catalogue
    count = store.count(query)
    return visited(
        visit,
        "history.html",
        current="administration" if everybody else "history",
        everybody=everybody,
        chosen=chosen,
        shows={name: words for name, (words, _) in SHOWS.items()},
        sets=list(catalogue.permission_sets.values()),
        accounts=list(catalogue.accounts),
        leases=[show.lease(visit, one) for one in store.find(query)],
        count=count,
        pages=max(1, -(-count // PAGE)),
    )


def _csv(visit: Visit, query: LeaseQuery) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="keylease-leases.csv"'}
    return StreamingResponse(_lines(visit, query), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(visit: Visit, query: LeaseQuery) -> Iterator[str]:
    yield _line(COLUMNS)
    offset, found = 0, visit.app.store.find(replace(query, limit=AT_ONCE, offset=0))
    while found:
        yield "".join(_line(_values(visit, one)) for one in found)
        offset += AT_ONCE
        found = visit.app.store.find(replace(query, limit=AT_ONCE, offset=offset)) if len(found) == AT_ONCE else []


def _values(visit: Visit, one: Lease) -> tuple[str, ...]:
    at = {"status": status_of(one, visit.now), "owner": one.principal_name, "approver": one.approver_name}
    return tuple(_cell(at[name] if name in at else getattr(one, name)) for name in COLUMNS)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(values: tuple[str, ...]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()
