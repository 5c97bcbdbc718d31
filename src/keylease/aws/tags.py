"""Any text as the value of an IAM tag, and back.

IAM takes letters, digits, the space and `_ . : / = + - @`, at most 256 of them. Everything else is written as
`=` and two hexadecimal digits for each byte of its UTF-8, as in mail headers, so that what people wrote stays
readable in AWS's console. The equals sign is therefore always written so itself; so are spaces at an edge,
where nobody would see them, and what lies beyond Unicode's first plane.

A text that is too long is cut between two characters and ends in `=+`, which nothing else can look like; it comes
back with `…` at its end. `decode(encode(text)) == text` holds for every text that was not cut. A value that
somebody else wrote comes back as it is as far as it makes no sense here.
"""

from __future__ import annotations

import re
import unicodedata

LIMIT = 256
"""Characters that IAM allows in a tag's value (botocore, iam: tagValueType)."""

CUT = "=+"
_PLAIN = frozenset(" _.:/+-@")
_ESCAPES = re.compile(r"(?:=[0-9A-F]{2})+")
_SURROGATES = "surrogatepass"


def encode(text: str) -> str:
    """The text as a tag's value that IAM takes."""
    written = [_character(character) for character in text]
    for edge in {0, len(written) - 1} if written else ():
        written[edge] = "=20" if written[edge] == " " else written[edge]
    value = "".join(written)
    return value if len(value) <= LIMIT else _cut(written)


def decode(value: str) -> str:
    """The text that `encode` was given, as far as it fitted."""
    whole = value.removesuffix(CUT)
    return _ESCAPES.sub(_read, whole) + ("…" if whole != value else "")


def _character(character: str) -> str:
    letter = unicodedata.category(character)[0] in "LN" and character <= "\uffff"
    if letter or character in _PLAIN:
        return character
    return "".join(f"={byte:02X}" for byte in character.encode("utf-8", _SURROGATES))


def _cut(written: list[str]) -> str:
    value = ""
    for character in written:
        if len(value) + len(character) + len(CUT) > LIMIT:
            break
        value += character
    return value + CUT


def _read(escapes: re.Match[str]) -> str:
    try:
        return bytes.fromhex(escapes[0].replace("=", "")).decode("utf-8", _SURROGATES)
    except UnicodeDecodeError:
        return escapes[0]
