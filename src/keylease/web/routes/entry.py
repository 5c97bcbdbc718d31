"""Signing in with a browser, and out: to the directory, back, and to the page that was asked for.

Where somebody goes back to is a path of this server, and is kept here while they are at the directory. On a
development server the directory is a page of our own, which says what that means.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse

from keylease.browsers import Way
from keylease.web import render
from keylease.web.guard import LOOPBACK
from keylease.web.limits import limited
from keylease.web.local import START, local
from keylease.web.visit import Given, Holding, Visit, Visiting

router = APIRouter(include_in_schema=False)
_limited = [Depends(limited)]


@router.get("/")
def start() -> RedirectResponse:
    """The first page is one's own leases."""
    return RedirectResponse(START, 303)


@router.get("/sign-in", dependencies=_limited)
def begin(
    request: Request,
    app: Given,
    cookies: Holding,
    *,
    to: str = START,
    max_age: Annotated[int | None, Query(ge=0, le=10**9)] = None,
    mfa: bool = False,
) -> RedirectResponse:
    """To the directory. `max_age` in seconds and `mfa`: what the sign-in must be, where something asked for it."""
    if other := _by_other_name(request):
        return RedirectResponse(other, 303)
    browser = cookies.begun(request)
    way = Way(
        redirect_uri=request.app.state.callback,
        to=local(to),
        max_age=None if max_age is None else timedelta(seconds=max_age),
        mfa=mfa,
    )
    answer = RedirectResponse(app.browsers.begin(browser, way), 303)
    cookies.put_begun(answer, browser)
    return answer


def _by_other_name(request: Request) -> str | None:
    """The same page under the server's own name, where this machine was called by another of its names.

    The directory sends the browser back to the one that it knows, and no cookie goes from 127.0.0.1 to localhost.
    """
    own, asked = urlsplit(request.app.state.callback), request.url
    both = {own.hostname or "", asked.hostname or ""}
    if len(both) == 1 or not both <= LOOPBACK or own.port != asked.port:
        return None
    return f"{own.scheme}://{own.netloc}/sign-in?{asked.query}"


@router.get("/sign-in/callback", dependencies=_limited)
def complete(request: Request, app: Given, cookies: Holding) -> RedirectResponse:
    """Back from the directory: a new session in place of one that this browser may have had, and on."""
    entered = app.browsers.complete(
        cookies.begun(request), dict(request.query_params), redirect_uri=request.app.state.callback
    )
    before = cookies.session(request)
    if before is not None:
        app.browsers.leave(before)
    answer = RedirectResponse(entered.to, 303)
    cookies.put_session(answer, entered.session)
    return answer


@router.get("/sign-in/unsafe")
def choose(app: Given, state: str = "") -> HTMLResponse:
    """The development sign-in: who are you?"""
    return render.page("sign_in.html", people=list(app.unsafe.people.values()), state=state)


@router.post("/sign-in/unsafe", dependencies=_limited)
def chosen(state: Annotated[str, Form()] = "", person: Annotated[str, Form()] = "") -> RedirectResponse:
    """Back, as whoever was chosen."""
    return RedirectResponse(f"/sign-in/callback?{urlencode({'state': state, 'person': person})}", 303)


@router.post("/sign-out")
def sign_out(request: Request, app: Given, cookies: Holding) -> RedirectResponse:
    """End the session, here and in the browser."""
    session = cookies.session(request)
    if session is not None:
        app.browsers.leave(session)
    answer = RedirectResponse("/signed-out", 303)
    cookies.drop_session(answer)
    return answer


@router.get("/signed-out")
def signed_out() -> HTMLResponse:
    """It is done."""
    return render.page("signed_out.html")


@router.get("/sign-ins")
def sign_ins(visit: Visiting) -> HTMLResponse:
    """Where one is signed in."""
    return _sign_ins(visit)


@router.post("/sign-ins/end")
def end(visit: Visiting, terminal: Annotated[str, Form()] = "") -> RedirectResponse:
    """End one terminal's sign-in from here."""
    visit.app.terminals.end(visit.principal, terminal)
    return RedirectResponse("/sign-ins", 303)


@router.post("/sign-ins/end-all")
def end_all(visit: Visiting, cookies: Holding) -> RedirectResponse:
    """End every one, this one too."""
    for terminal in visit.app.terminals.of(visit.principal):
        visit.app.terminals.end(visit.principal, terminal.id)
    visit.app.browsers.leave_everywhere(visit.principal)
    answer = RedirectResponse("/signed-out", 303)
    cookies.drop_session(answer)
    return answer


def _sign_ins(visit: Visit) -> HTMLResponse:
    terminals = visit.app.terminals.of(visit.principal)
    return render.visited(visit, "sign_ins.html", terminals=terminals, until=visit.caller.until)
