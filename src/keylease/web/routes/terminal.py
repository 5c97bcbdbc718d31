"""Letting a terminal sign in: the page on which a person says yes, and the API that the terminal speaks.

Only who sits in front of a browser that is signed in may say yes, and only on our own page. The code goes to the
address of this machine on which the terminal listens, or is shown to be pasted; it opens nothing by itself.
Answers that hold a token are written by hand: a model that failed its validation would print what it holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from pydantic import Field, SecretStr
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from keylease.domain.access import MFA
from keylease.domain.clock import to_text
from keylease.domain.secret import Secret
from keylease.domain.terminal import LANDING, Wish
from keylease.errors import CrossSite, SignInNeeded, SignInTooOld
from keylease.ports import SignedIn
from keylease.terminals import Admitted
from keylease.web import render
from keylease.web.guard import CSP
from keylease.web.limits import limited
from keylease.web.visit import Given, Visit, Visiting, bearer
from keylease.web.wire import WireIn

router = APIRouter(dependencies=[Depends(limited)])
FRESH = timedelta(minutes=5)
"""How old a sign-in may be where the terminal asks for a fresh one; the person has to look at the page, too."""

State = Annotated[str, Query(max_length=200)]
Machine = Annotated[str, Query(max_length=200)]


class CodeIn(WireIn):
    """A code, with the verifier whose challenge began it, and the terminal's first refresh token."""

    grant_type: Literal["authorization_code"]
    code: SecretStr
    code_verifier: SecretStr
    redirect: str = ""
    next_refresh_token: SecretStr


class RefreshIn(WireIn):
    """A refresh token, and the one that the terminal has made to take its place."""

    grant_type: Literal["refresh_token"]
    refresh_token: SecretStr
    next_refresh_token: SecretStr


class DeviceIn(WireIn):
    """What the terminal waits with for a sign-in on another device, and its first refresh token."""

    grant_type: Literal["device_code"]
    device_code: SecretStr
    next_refresh_token: SecretStr


class MachineIn(WireIn):
    """What the terminal calls its machine."""

    machine: str = ""


TokenIn = Annotated[CodeIn | RefreshIn | DeviceIn, Field(discriminator="grant_type")]


@router.get("/cli/authorize", include_in_schema=False)
def ask(
    visit: Visiting,
    *,
    code_challenge: str = "",
    redirect: str = "",
    state: State = "",
    machine: Machine = "",
    fresh: bool = False,
    mfa: bool = False,
) -> HTMLResponse:
    """May this terminal sign in?"""
    wish = Wish(challenge=code_challenge, redirect=redirect, state=state, machine=machine)
    _demand(visit, _in_browser(visit), fresh=fresh, mfa=mfa)
    until = visit.now + visit.app.terminals.lasts
    page = render.visited(visit, "authorize.html", wish=wish, until=until)
    return _may_lead_to(page, wish)


@router.post("/cli/authorize", include_in_schema=False)
def answer(
    visit: Visiting,
    code_challenge: Annotated[str, Form()] = "",
    redirect: Annotated[str, Form()] = "",
    state: Annotated[str, Form()] = "",
    machine: Annotated[str, Form()] = "",
    may: Annotated[str, Form()] = "",
) -> Response:
    """Yes or no."""
    wish = Wish(challenge=code_challenge, redirect=redirect, state=state, machine=machine)
    signed_in = _in_browser(visit)
    if may != "yes":
        said = {"error": "access_denied", "state": wish.state}
        return _back(wish, said) if wish.redirect else RedirectResponse("/leases", 303)
    code = visit.app.terminals.allow(signed_in, wish)
    if wish.redirect:
        return _back(wish, {"code": code.reveal(), "state": wish.state})
    return render.visited(visit, "code.html", wish=wish, code=code.reveal())


@router.get("/cli/done", include_in_schema=False)
def done() -> HTMLResponse:
    """The terminal has its code."""
    return render.page("terminal_done.html")


@router.post("/api/token", tags=["sign-in"])
def token(app: Given, wanted: TokenIn) -> JSONResponse:
    """Sign a terminal in, or keep it signed in.

    Answers `access_token`, `expires_in` (seconds) and `signed_in_until`; with a device code that nobody has used
    yet, `pending`. The terminal makes its refresh tokens itself; each is good once, and one that comes back with
    another successor ends the sign-in.
    """
    following = _secret(wanted.next_refresh_token)
    if isinstance(wanted, RefreshIn):
        return _tokens(app.terminals.refresh(_secret(wanted.refresh_token), following=following), app.clock.now())
    if isinstance(wanted, CodeIn):
        verifier = _secret(wanted.code_verifier)
        code = _secret(wanted.code)
        redirect = wanted.redirect
        admitted = app.terminals.exchange_code(code, verifier=verifier, redirect=redirect, refresh=following)
        return _tokens(admitted, app.clock.now())
    polled = app.terminals.poll_device(_secret(wanted.device_code), refresh=following)
    return _tokens(polled, app.clock.now()) if polled else JSONResponse({"pending": True}, 202)


@router.delete("/api/token", tags=["sign-in"])
def sign_out(app: Given, request: Request) -> dict[str, bool]:
    """End the terminal's sign-in; the header holds a token of either kind. That it is over already is no error."""
    token = bearer(request)
    if token is None:
        raise SignInNeeded("The Authorization header holds no token.")
    return {"ended": app.terminals.leave(token)}


@router.post("/api/device", tags=["sign-in"])
def device(app: Given, asked: MachineIn) -> JSONResponse:
    """Begin a sign-in on another device: a code to type there. Poll /api/token with `device_code` meanwhile."""
    waiting, begun = app.terminals.begin_device(asked.machine)
    return JSONResponse(
        {
            "device_code": waiting.reveal(),
            "user_code": begun.user_code,
            "verification_address": begun.verification_address,
            "interval": int(begun.interval.total_seconds()),
            "expires_in": int(begun.expires_in.total_seconds()),
        }
    )


def _in_browser(visit: Visit) -> SignedIn:
    """A terminal cannot let a terminal in: its sign-in would never end."""
    if visit.caller.browser is None:
        raise CrossSite("Only who is signed in with a browser may let a terminal in.")
    return visit.caller.browser


def _demand(visit: Visit, signed_in: SignedIn, *, fresh: bool, mfa: bool) -> None:
    """What the terminal asks for: a fresh sign-in, a second factor. Raises `SignInTooOld`."""
    is_old = fresh and visit.now - signed_in.authenticated_at > FRESH
    if is_old or (mfa and MFA not in signed_in.methods):
        raise SignInTooOld("The terminal asks for a new sign-in.", max_age=FRESH if is_old else None, mfa=mfa)


def _may_lead_to(page: HTMLResponse, wish: Wish) -> HTMLResponse:
    """Let the page's form lead to where the terminal listens; browsers ask the policy about redirects too."""
    if wish.redirect:
        target = wish.redirect.removesuffix(LANDING)
        page.headers["Content-Security-Policy"] = CSP.replace("form-action 'self'", f"form-action 'self' {target}")
    return page


def _back(wish: Wish, said: dict[str, str]) -> RedirectResponse:
    return RedirectResponse(f"{wish.redirect}?{urlencode(said)}", 303)


def _tokens(admitted: Admitted, now: datetime) -> JSONResponse:
    return JSONResponse(
        {
            "access_token": admitted.access.reveal(),
            "token_type": "Bearer",
            "expires_in": int((admitted.access_until - now).total_seconds()),
            "signed_in_until": to_text(admitted.terminal.expires_at),
        },
        headers={"Cache-Control": "no-store"},
    )


def _secret(given: SecretStr) -> Secret:
    return Secret(given.get_secret_value())
