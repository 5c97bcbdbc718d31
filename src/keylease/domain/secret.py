"""A text that does not print, and what is kept of one.

`str()`, `repr()`, f-strings, logs and tracebacks show dots; pickling and JSON refuse. What is inside comes out
at one place a use, by name: `reveal()`.

Where keylease only has to recognise a secret that it made itself, it keeps the digest: a plain SHA-256 is enough
for 256 random bits, and the purpose in front of them makes sure that none is good for another.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NoReturn

_BYTES = 32


class Secret:
    """Holds a secret access key on its way to its owner."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Every call of this is a place to review."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> NoReturn:
        raise TypeError("a secret is no key of a table")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def random(prefix: str = "") -> Secret:
    """A new secret of 256 random bits: 43 signs that an address may hold, after a prefix that tells its kind."""
    return Secret(prefix + secrets.token_urlsafe(_BYTES))


def digest(purpose: str, text: str) -> str:
    """What is kept of a secret for one purpose: 64 hexadecimal digits."""
    return hashlib.sha256(f"{purpose}:{text}".encode("utf-8", "surrogatepass")).hexdigest()
