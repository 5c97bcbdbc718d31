"""What the server's answers with secrets must look like before anything of them is used on a person's machine.

The server may have been taken over, or be another one than the person thinks. Parts of these answers go into files
that AWS programs run commands from, and into lines that a shell evaluates, so each of them has the form that AWS
and keylease give it and no other: no line breaks, no white space, no control signs. An answer that has another form
is used for nothing. Whether the access key is good, or whose, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from keylease.domain.clock import from_text

_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
"""Narrower than ISO 8601, which lets a line break part day and time."""
_LEASE = {
    "id": r"L-[0-9a-z]{8}",
    "account_id": r"[0-9]{12}",
    "permission_set": r"[a-z0-9][a-z0-9._-]{0,62}",
    "expires_at": _INSTANT,
}
_ACCESS_KEY = {
    "access_key_id": r"[A-Z0-9]{16,128}",
    "secret_access_key": r"[A-Za-z0-9/+=]{1,128}",
}
_SESSION = _ACCESS_KEY | {
    "session_token": r"[!-~]{1,16384}",
    "expiration": _INSTANT,
    "region": r"[a-z0-9-]{1,64}",
    "account_id": r"[0-9]{12}",
}


def is_access_key(answer: Mapping[str, Any]) -> bool:
    """Whether this is an access key with its lease, as `collect` gives it."""
    return isinstance(answer.get("ready"), bool) and _is_all(answer, _ACCESS_KEY) and is_lease(answer.get("lease"))


def is_session(answer: Mapping[str, Any]) -> bool:
    """Whether these are a session's credentials with its lease, as `session` gives them."""
    return _is_all(answer, _SESSION) and is_lease(answer.get("lease"))


def is_lease(view: object) -> bool:
    """Whether what is used of a lease on a person's machine has its form."""
    if not isinstance(view, Mapping):
        return False
    retired = {"retire_at": _INSTANT} if view.get("retire_at") is not None else {}
    return _is_all(view, _LEASE | retired)


def _is_all(values: Mapping[str, Any], forms: Mapping[str, str]) -> bool:
    return all(_is(values.get(name), form) for name, form in forms.items())


def _is(value: object, form: str) -> bool:
    if not isinstance(value, str) or not re.fullmatch(form, value, re.ASCII):
        return False
    return form is not _INSTANT or _is_instant(value)


def _is_instant(text: str) -> bool:
    try:
        from_text(text)
    except (ValueError, OverflowError):
        return False
    return True
