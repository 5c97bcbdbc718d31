"""The administrators' page: four numbers that lead somewhere, health, who has what, and what doctor says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from keylease.errors import NotAuditor
from keylease.ports import LeaseQuery
from keylease.web import show
from keylease.web.filters import Filter
from keylease.web.render import visited
from keylease.web.visit import Visit, Visiting

router = APIRouter(include_in_schema=False)
MOST_SHOWN = 200
VERDICTS = {
    "fix": ("warn", "stuck", "Fix"),
    "not checked": ("wait", "ending", "Not checked"),
    "ok": ("yes", "active", "Ok"),
}
"""How a verdict of doctor's is drawn; what is to be fixed comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A count, and where it leads."""

    count: int
    words: str
    address: str
    bad: bool = True


@router.get("/administration")
def administration(visit: Visiting, request: Request) -> HTMLResponse:
    """How keylease and its leases are doing."""
    visit.app.visibility.must_audit(visit.principal)
    in_use = _of(visit, "active")
    found = visit.app.store.find(replace(in_use, limit=MOST_SHOWN))
    return visited(
        visit,
        "administration.html",
        current="administration",
        numbers=_numbers(visit),
        health=visit.app.health.state,
        people=sorted((show.lease(visit, one) for one in found), key=lambda one: (one.owner.name, one.expires_at)),
        more=max(0, visit.app.store.count(in_use) - MOST_SHOWN),
        has_doctor=visit.is_administrator and request.app.state.doctor is not None,
    )


@router.post("/administration/doctor")
def doctor(visit: Visiting, request: Request) -> HTMLResponse:
    """Look at the configuration, the ledger and each account; it asks AWS, so nothing but a button leads here."""
    if not visit.is_administrator or request.app.state.doctor is None:
        raise NotAuditor("What doctor says is for administrators.")
    rows = sorted(request.app.state.doctor(), key=lambda row: list(VERDICTS).index(row.verdict))
    fixes = sum(row.verdict == "fix" for row in rows)
    return visited(visit, "doctor.html", current="administration", rows=rows, fixes=fixes, verdicts=VERDICTS)


def _numbers(visit: Visit) -> list[Number]:
    orphans = visit.app.health.state.orphans
    return [
        Number(count=_count(visit, "stuck"), words="stuck", address="/leases/all?show=stuck"),
        Number(count=orphans, words="orphans seen by the last pass", address="#health"),
        Number(count=_count(visit, "overdue"), words="over, and still in AWS", address="/leases/all?show=overdue"),
        Number(
            count=_count(visit, "ending"), words="end within a week", address="/leases/all?show=ending", bad=False
        ),
    ]


def _count(visit: Visit, name: str) -> int:
    return visit.app.store.count(_of(visit, name))


def _of(visit: Visit, name: str) -> LeaseQuery:
    return Filter(show=name).query(visit.now, principal_id=None)
