"""How failures leave the server: the one place that maps the six base classes to HTTP.

Programs get the code, the sentence and the hint; people get a page with the same three and a way on. What was not
foreseen becomes KL-100 without a word about it: the log has the rest, under the same request id.

Who looks at a page and must sign in first, or anew, is sent to do so and comes back. Who sent a form gets a page
with a link instead, since a form may lead to this server alone, and comes back to where the form stood.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from keylease.errors import (
    BadRequest,
    Conflict,
    Invalid,
    KeyleaseError,
    Missing,
    RateLimited,
    Refused,
    SignInNeeded,
    SignInRefused,
    SignInTooOld,
    Unavailable,
    Unsafe,
)
from keylease.web import hints, render
from keylease.web.local import START, came_from, here
from keylease.web.wire import ErrorOut

STATUS: dict[type[KeyleaseError], int] = {
    SignInNeeded: 401,
    RateLimited: 429,
    Invalid: 422,
    Refused: 403,
    Missing: 404,
    Conflict: 409,
    Unavailable: 503,
    Unsafe: 500,
}
"""The first class that fits counts; anything else is 500."""

log = logging.getLogger(__name__)


def install(api: FastAPI) -> None:
    """Have every failure answered here."""
    api.add_exception_handler(KeyleaseError, _expected)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _by_framework)


def status(failure: KeyleaseError) -> int:
    """The HTTP status of a failure."""
    return next((code for kind, code in STATUS.items() if isinstance(failure, kind)), 500)


def answer(request: Request, failure: KeyleaseError, code: int | None = None) -> Response:
    """The failure as JSON for programs, as a page for people."""
    response = _answer(request, failure, code or status(failure))
    if isinstance(failure, RateLimited):
        response.headers["Retry-After"] = str(failure.retry_after)
    return response


def note(failure: KeyleaseError, reference: str = "") -> None:
    """Log what is not the asker's doing."""
    if status(failure) >= 500:
        log.warning("request %s: %s %s", reference, failure.code, failure.sentence)


def unforeseen(_: Exception) -> KeyleaseError:
    """What the caller is told of a failure that nobody foresaw: nothing."""
    return KeyleaseError("keylease failed, and does not know why.", hint="Try again; report it if it stays.")


def _expected(request: Request, failure: Exception) -> Response:
    if not isinstance(failure, KeyleaseError):
        raise TypeError("only failures of ours are handled here")
    note(failure, request.state.request_id)
    return answer(request, failure)


def _malformed(request: Request, failure: Exception) -> Response:
    if not isinstance(failure, RequestValidationError):
        raise TypeError("only failures of parsing are handled here")
    said = "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in failure.errors())
    said = said.encode(errors="replace").decode()  # a field's name may be half of a pair of surrogates
    return answer(request, BadRequest(f"The request does not have the documented form: {said}."))


def _by_framework(request: Request, failure: Exception) -> Response:
    """Unknown addresses and methods, and bodies that cannot be read; the framework raises these."""
    code = failure.status_code if isinstance(failure, HTTPException) else 500
    if code in {404, 405}:
        verb = "at" if code == 404 else f"to {request.method} at"
        return answer(request, BadRequest(f"There is nothing {verb} {request.url.path}."), code)
    if isinstance(failure.__cause__, KeyleaseError):  # raised while the body was read: the framework wraps it
        return answer(request, failure.__cause__)
    return answer(request, BadRequest("The request cannot be read."), 422)


def _answer(request: Request, failure: KeyleaseError, code: int) -> Response:
    for_program = _is_for_program(request)
    hint = hints.hint(request, failure, on_page=not for_program)
    if for_program:
        return JSONResponse(ErrorOut(code=failure.code, sentence=failure.sentence, hint=hint).model_dump(), code)
    if isinstance(failure, SignInNeeded | SignInTooOld) and request.method == "GET":
        return RedirectResponse(_sign_in(failure, here(request)), 303)
    return render.page(
        "error.html",
        status=code,
        failure=failure,
        hint=hint,
        status_code=code,
        reference=request.state.request_id,
        lease_id=_lease_of(request.url.path),
        again=_again(request, failure),
    )


def _is_for_program(request: Request) -> bool:
    return request.url.path.startswith("/api/") or request.url.path in {"/healthz", "/readyz", "/metrics"}


def _again(request: Request, failure: KeyleaseError) -> str:
    """Where to sign in, where that is what helps."""
    if isinstance(failure, SignInNeeded | SignInTooOld):
        return _sign_in(failure, came_from(request))
    return "/sign-in" if isinstance(failure, SignInRefused) and request.url.path.startswith("/sign-in/") else ""


def _sign_in(failure: KeyleaseError, to: str) -> str:
    """The address to sign in at, with what the failure asks for, and the way back."""
    asked = {} if to == START else {"to": to}
    if isinstance(failure, SignInTooOld):
        if failure.max_age is not None:
            asked["max_age"] = str(int(failure.max_age.total_seconds()))
        if failure.mfa:
            asked["mfa"] = "true"
    return f"/sign-in?{urlencode(asked, safe='/')}" if asked else "/sign-in"


def _place(loc: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in loc if part != "body") or "body"


def _lease_of(path: str) -> str | None:
    found = re.match(r"/leases/(L-[0-9a-z]+)", path)
    return found[1] if found else None
