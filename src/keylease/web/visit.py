"""Who is asking.

Two ways lead to the same question, `SignIn.principal`: a header for programs (`Authorization: Unsafe-Person anna`)
and a signed cookie for browsers. A header that is there counts alone, even where a cookie came with it.

The cookie holds what was signed in with and an end, signed with a key that this process made for itself at its
start: a restart signs everybody out, and nothing has to be kept. Where nobody is configured for the development
sign-in, neither way leads anywhere.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader
from itsdangerous import BadSignature, URLSafeSerializer
from starlette.responses import Response

from keylease.app import App
from keylease.domain import clock
from keylease.domain.access import Principal
from keylease.errors import SignInNeeded

COOKIE = "keylease-sign-in"
SCHEME = "Unsafe-Person"
LASTS = timedelta(hours=12)

_header = APIKeyHeader(
    name="Authorization", auto_error=False, description=f"`{SCHEME} <subject>`; only with the development sign-in"
)


class Entrance:
    """Lets people in: reads a request's credential and asks the sign-in whose it is."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._seal = URLSafeSerializer(
            secrets.token_bytes(32), salt="keylease.sign-in", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def principal(self, request: Request) -> Principal:
        """Who sent this request. Raises `SignInNeeded`."""
        header = request.headers.get("authorization")
        cookie = request.cookies.get(COOKIE)
        if not self._app.unsafe_people or (header is None and cookie is None):
            raise SignInNeeded("Nobody is signed in.")
        credential = _from_header(header) if header is not None else self._opened(cookie or "")
        return self._app.sign_in.principal(credential)

    def admit(self, person: str, answer: Response, *, encrypted: bool) -> None:
        """Sign somebody in: put the cookie on an answer. Raises `SignInNeeded` for who is not on the list."""
        if person not in self._app.unsafe_people:
            raise SignInNeeded("Nobody of that name may sign in here.")
        self._app.sign_in.principal(person)
        until = clock.to_text(self._app.clock.now() + LASTS)
        sealed = self._seal.dumps({"credential": person, "until": until})
        answer.set_cookie(COOKIE, str(sealed), httponly=True, samesite="lax", secure=encrypted)

    def _opened(self, cookie: str) -> str:
        try:
            content = self._seal.loads(cookie)
        except BadSignature:
            raise SignInNeeded("The sign-in is over.") from None
        if clock.from_text(content["until"]) <= self._app.clock.now():
            raise SignInNeeded("The sign-in is over.")
        return str(content["credential"])


def _from_header(header: str) -> str:
    scheme, _, credential = header.partition(" ")
    if scheme.lower() != SCHEME.lower() or not credential.strip():
        raise SignInNeeded(f"The header must read `Authorization: {SCHEME} <subject>`.")
    return credential.strip()


def given(request: Request) -> App:
    """The App that this server was made for."""
    app: App = request.app.state.keylease
    return app


def entrance(request: Request) -> Entrance:
    """The server's one entrance, which holds the key of its cookies."""
    door: Entrance = request.app.state.entrance
    return door


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who is signed in, and the one `now` that it sees."""

    app: App
    principal: Principal
    now: datetime
    acknowledge_within: timedelta

    @property
    def is_administrator(self) -> bool:
        """Whether the configuration names them so."""
        return self.app.catalogue.administrators.includes(self.principal)

    @property
    def is_auditor(self) -> bool:
        """Whether the configuration names them so; administrators may read the same without it."""
        return self.app.catalogue.auditors.includes(self.principal)


def _visit(request: Request, _: Annotated[str | None, Security(_header)] = None) -> Visit:
    app = given(request)
    return Visit(
        app=app,
        principal=entrance(request).principal(request),
        now=app.clock.now(),
        acknowledge_within=request.app.state.acknowledge_within,
    )


Visiting = Annotated[Visit, Depends(_visit)]
Given = Annotated[App, Depends(given)]
Door = Annotated[Entrance, Depends(entrance)]
