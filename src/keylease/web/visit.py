"""Who is asking.

Two ways lead to the answer. A browser has a cookie with its session's id. A program has a header: a terminal's
access token (`Authorization: Bearer kla_…`), or on a development server a bare name (`Unsafe-Person anna`). A
header that is there counts alone, even where a cookie came with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from keylease.app import App
from keylease.domain.access import Principal
from keylease.domain.secret import Secret
from keylease.errors import SignInNeeded
from keylease.ports import SignedIn
from keylease.web.cookies import Cookies

TERMINAL, UNSAFE = "bearer", "unsafe-person"

_header = APIKeyHeader(
    name="Authorization",
    auto_error=False,
    description="`Bearer <access token>` of a terminal; `Unsafe-Person <subject>` on a development server",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody whose sign-in was found good."""

    principal: Principal
    until: datetime | None = None
    """When this sign-in ends at the latest."""
    browser: SignedIn | None = None
    """What the directory said, where it is a browser: only who sits in front of one may let a terminal in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who is signed in, and the one `now` that it sees."""

    app: App
    caller: Caller
    now: datetime
    acknowledge_within: timedelta

    @property
    def principal(self) -> Principal:
        """Who it is."""
        return self.caller.principal

    @property
    def is_administrator(self) -> bool:
        """Whether the configuration names them so."""
        return self.app.catalogue.administrators.includes(self.principal)

    @property
    def is_auditor(self) -> bool:
        """Whether the configuration names them so; administrators may read the same without it."""
        return self.app.catalogue.auditors.includes(self.principal)


def given(request: Request) -> App:
    """The App that this server was made for."""
    app: App = request.app.state.keylease
    return app


def cookies_of(request: Request) -> Cookies:
    """The cookies as they are at this server's address."""
    cookies: Cookies = request.app.state.cookies
    return cookies


def caller(request: Request) -> Caller:
    """Who sent this request. Raises `SignInNeeded`.

    The configuration names people by subject and group alone, and means those of its own directory. So a sign-in
    that is left over from another directory, or from the development sign-in, is over.
    """
    found = _caller(request)
    if found.principal.issuer != given(request).sign_in.issuer:
        raise SignInNeeded("That was a sign-in of another directory than the one that counts now.")
    return found


def _caller(request: Request) -> Caller:
    header = request.headers.get("authorization")
    if header is not None:
        return _from_header(given(request), header)
    session = cookies_of(request).session(request)
    if session is None:
        raise SignInNeeded("Nobody is signed in.")
    browsers = given(request).browsers
    found = browsers.who(session)
    return Caller(principal=found.signed_in.principal, until=browsers.ends_at(found), browser=found.signed_in)


def bearer(request: Request) -> Secret | None:
    """The terminal's token that a request carries."""
    scheme, _, content = request.headers.get("authorization", "").partition(" ")
    return Secret(content.strip()) if scheme.lower() == TERMINAL and content.strip() else None


def _from_header(app: App, header: str) -> Caller:
    scheme, _, content = header.partition(" ")
    if scheme.lower() == TERMINAL and content.strip():
        terminal = app.terminals.who(Secret(content.strip()))
        return Caller(principal=terminal.signed_in.principal, until=terminal.expires_at)
    if scheme.lower() == UNSAFE and content.strip() and app.unsafe_people:
        return Caller(principal=app.unsafe.principal(content.strip()))
    raise SignInNeeded("The Authorization header holds no sign-in that is good here.")


def _visit(request: Request, _: Annotated[str | None, Security(_header)] = None) -> Visit:
    app = given(request)
    return Visit(
        app=app,
        caller=caller(request),
        now=app.clock.now(),
        acknowledge_within=request.app.state.acknowledge_within,
    )


Visiting = Annotated[Visit, Depends(_visit)]
Given = Annotated[App, Depends(given)]
Holding = Annotated[Cookies, Depends(cookies_of)]
