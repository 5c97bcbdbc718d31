"""The two cookies: the session's id, and what ties a sign-in that has begun to the browser that began it.

Over https they carry the prefix `__Host-`, with which a browser takes them from this very host alone, over https
alone and for no other path. On plain http, which is for this machine alone, they do without it. Neither can be
read by a script, and neither comes along when another site's page sends a request, but for following a link.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from keylease.browsers import BEGUN_FOR
from keylease.domain.secret import Secret, random

_OURS = re.compile(r"[\w-]{43}", re.ASCII)


class Cookies:
    """Both of them, as they are at one address."""

    def __init__(self, address: str) -> None:
        self.secure = address.startswith("https:")
        prefix = "__Host-" if self.secure else ""
        self.session_name, self.begun_name = f"{prefix}keylease", f"{prefix}keylease-begun"

    def session(self, request: Request) -> Secret | None:
        """The id that a request carries."""
        return _read(request, self.session_name)

    def put_session(self, answer: Response, session: Secret) -> None:
        """Let the browser carry the id until it is closed; when the session ends, the server knows."""
        self._put(answer, self.session_name, session)

    def drop_session(self, answer: Response) -> None:
        """Have the browser forget it."""
        answer.delete_cookie(self.session_name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def begun(self, request: Request) -> Secret:
        """What this browser began its sign-ins with; something new where it began none."""
        return _read(request, self.begun_name) or random()

    def put_begun(self, answer: Response, browser: Secret) -> None:
        """Let the browser carry it as long as a sign-in may take."""
        self._put(answer, self.begun_name, browser, seconds=int(BEGUN_FOR.total_seconds()))

    def _put(self, answer: Response, name: str, content: Secret, *, seconds: int | None = None) -> None:
        answer.set_cookie(
            name,
            content.reveal(),
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )


def _read(request: Request, name: str) -> Secret | None:
    content = request.cookies.get(name, "")
    return Secret(content) if _OURS.fullmatch(content) else None
