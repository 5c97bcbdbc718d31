"""Signing in and out. This is the development sign-in, and the page says what that means."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse

from keylease.web import render
from keylease.web.visit import COOKIE, Door, Given

router = APIRouter(include_in_schema=False)
_OWN_PATH = re.compile(r"/(?![/\\])[\w./-]*")
"""A path of this server, and never another server's address in disguise."""


@router.get("/")
def start() -> RedirectResponse:
    """The first page is one's own leases."""
    return RedirectResponse("/leases", 303)


@router.get("/sign-in")
def choose(app: Given, then: str = "/leases") -> HTMLResponse:
    """Who are you?"""
    people = [app.sign_in.principal(subject) for subject in app.unsafe_people]
    return render.page("sign_in.html", people=people, then=then)


@router.post("/sign-in")
def sign_in(
    request: Request,
    door: Door,
    person: Annotated[str, Form()] = "",
    then: Annotated[str, Form()] = "/leases",
) -> RedirectResponse:
    """Sign in as whoever was chosen."""
    answer = RedirectResponse(then if _OWN_PATH.fullmatch(then) else "/leases", 303)
    door.admit(person, answer, encrypted=request.url.scheme == "https")
    return answer


@router.post("/sign-out")
def sign_out() -> RedirectResponse:
    """Forget who it was."""
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer
