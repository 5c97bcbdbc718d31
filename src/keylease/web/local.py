"""Addresses that are surely our own, for sending a browser back to where it was.

What a link or a form names is taken only if it is a path of this server: it begins with one slash, and holds
nothing but the signs that a path and a query are made of. So `//evil.example`, a backslash, which some browsers
read as a slash, and a line break never get into a Location. Pages of the sign-in itself are not gone back to.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from starlette.requests import Request

START = "/leases"
LONGEST = 2000
"""Characters; the longest address of ours, a terminal's, stays far below."""

_LOCAL = re.compile(r"/(?!/)[\w.~/%-]*(?:\?[\w.~/%!$&'()*+,;=:@?-]*)?", re.ASCII)
_SIGN_IN = re.compile(r"/(?:sign-in|sign-out|signed-out)(?![\w-])", re.ASCII)


def local(path: str) -> str:
    """The path where it is one of ours, with its query; the first page otherwise."""
    is_ours = len(path) <= LONGEST and _LOCAL.fullmatch(path) is not None and not _SIGN_IN.match(path)
    return path if is_ours else START


def here(request: Request) -> str:
    """Where this request went."""
    path = quote(request.url.path, safe="/~")
    return local(f"{path}?{request.url.query}" if request.url.query else path)


def came_from(request: Request) -> str:
    """The page of ours on which a form stood, as the browser says; the first page where it does not."""
    parts = urlsplit(request.headers.get("referer", ""))
    if parts.netloc != request.headers.get("host"):
        return START
    return local(f"{parts.path}?{parts.query}" if parts.query else parts.path)
