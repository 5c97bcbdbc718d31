"""A value as it is shown, and text that cannot steer the terminal it is shown on.

What others wrote (a reason, a name, a title) may hold control and direction signs; they are shown as a replacement
sign. Nothing here writes anything.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

STEERING = frozenset({"Cc", "Cs", "Zl", "Zp"})
DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: as people read it, as programs do, and its style on a terminal."""

    people: str
    program: str | None = None
    style: str = ""
    link: str = ""
    """Where it leads, on a terminal that knows links."""

    @property
    def plain(self) -> str:
        """As programs read it."""
        return self.people if self.program is None else self.program


def harmless(text: str) -> str:
    """The text without signs that steer a terminal; line breaks and tabs become spaces."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless_sign(sign) for sign in text)


def _harmless_sign(sign: str) -> str:
    if sign in "\t\r\n":
        return " "
    return "\ufffd" if unicodedata.category(sign) in STEERING or sign in DIRECTION else sign
