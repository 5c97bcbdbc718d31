"""A text that does not print.

`str()`, `repr()`, f-strings, logs and tracebacks show dots; pickling and JSON refuse. What is inside comes out
at one place a use, by name: `reveal()`.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


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
