"""What somebody is told, and their calendar: a form for the one, a private address for the other.

The address of a calendar is a secret: it is shown once, when it is made, and the ledger keeps its digest alone. A
new one ends the one before. Whoever knows it reads when leases end and of what permission set, and nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from keylease.app import App
from keylease.domain.lease import Lease
from keylease.domain.secret import digest, random
from keylease.domain.words import MAIL
from keylease.errors import BadAddress, NoSuchFeed
from keylease.ports import Choice, LeaseQuery
from keylease.web import errors
from keylease.web.calendar import calendar, has_end
from keylease.web.render import visited
from keylease.web.visit import Given, Visit, Visiting

router = APIRouter(include_in_schema=False)
FEED = "calendar"
"""The purpose of the secret's digest."""
MOST = 500
"""Leases of one person that their calendar holds, the newest first."""


@router.get("/notices")
def choices(visit: Visiting, *, kept: bool = False) -> HTMLResponse:
    """What I am told, where, and my calendar."""
    known = visit.app.telling.choices.of(visit.principal.id)
    return _page(visit, known or Choice(principal_id=visit.principal.id), kept=kept)


@router.post("/notices")
def choose(
    visit: Visiting,
    address: Annotated[str, Form()] = "",
    mails: Annotated[str, Form()] = "",
    reminders: Annotated[str, Form()] = "",
) -> Response:
    """Write down what I wish to be told."""
    choice = Choice(
        principal_id=visit.principal.id,
        address=address.strip(),
        mails=bool(mails),
        reminders=bool(reminders),
        groups=visit.principal.groups,
    )
    if choice.address and not re.match(MAIL, choice.address):
        return _page(visit, choice, failure=BadAddress("That is no mail address."))
    visit.app.telling.choices.keep(choice)
    return RedirectResponse("/notices?kept=true", 303)


@router.post("/notices/calendar")
def make_calendar(visit: Visiting, request: Request) -> HTMLResponse:
    """A private address for my calendar; the one before opens nothing any more."""
    secret = random()
    visit.app.telling.feeds.make(digest(FEED, secret.reveal()), visit.principal.id, visit.now)
    known = visit.app.telling.choices.of(visit.principal.id)
    shown = f"{_base(request)}/calendar.ics?key={secret.reveal()}"
    return _page(visit, known or Choice(principal_id=visit.principal.id), shown=shown)


@router.get("/calendar.ics")
def feed(app: Given, request: Request, key: str = "") -> Response:
    """Somebody's calendar, for a program that cannot sign in. Raises `NoSuchFeed`."""
    whose = app.telling.feeds.whose(digest(FEED, key))
    if whose is None:
        raise NoSuchFeed("This calendar's address is not, or no longer, good.")
    return _answer(app, request, app.store.find(LeaseQuery(principal_id=whose, limit=MOST)))


@router.get("/leases/{lease_id}/end.ics")
def end(visit: Visiting, request: Request, lease_id: str) -> Response:
    """The end of one lease as a calendar file."""
    return _answer(visit.app, request, [visit.app.visibility.lease(visit.principal, lease_id)])


def _page(
    visit: Visit, choice: Choice, *, kept: bool = False, failure: BadAddress | None = None, shown: str = ""
) -> HTMLResponse:
    return visited(
        visit,
        "notices.html",
        status=errors.status(failure) if failure else 200,
        choice=choice,
        kept=kept,
        failure=failure,
        shown=shown,
        made_at=visit.app.telling.feeds.made_at(visit.principal.id),
    )


def _answer(app: App, request: Request, leases: Iterable[Lease]) -> Response:
    base, sets = _base(request), app.catalogue.permission_sets
    titled = [
        (lease, sets[lease.permission_set].title if lease.permission_set in sets else lease.permission_set)
        for lease in leases
        if has_end(lease)
    ]
    content = calendar(titled, address=base, host=urlsplit(base).hostname or "keylease", now=app.clock.now())
    return Response(content, media_type="text/calendar; charset=utf-8")


def _base(request: Request) -> str:
    return str(request.app.state.callback).removesuffix("/sign-in/callback")
