"""What people write about a lease, as one sentence that everybody can read.

A reason stands in the ledger, on pages, in mails and in a tag of AWS's, and an approver decides by it. So it has to
be storable everywhere (no control signs, no half of a pair of surrogates), it has to say something to the eye, and
it has to read as it is written: signs that turn the direction of what follows are refused. White space of any kind
is one space. Nothing else is changed, and no language is left out; the marks for left and right that texts in
Arabic and Hebrew need are let through.
"""

from __future__ import annotations

import unicodedata

CONTROL = frozenset({"Cc", "Cs"})
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates of the Unicode bidirectional algorithm (UAX #9, 2)."""
_SHOWN = frozenset("LNPS")
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs by their category that show nothing: Hangul fillers, and Braille without dots."""


def one_sentence(text: str, *, longest: int) -> str:
    """The text with single spaces, of at most so many characters.

    Raises `ValueError`, with a sentence for whoever wrote it, for what nobody can read or store.
    """
    sentence = " ".join(text.split())
    if not is_storable(sentence):
        raise ValueError("It holds a control sign, which cannot be shown.")
    if TURNING & set(sentence):
        raise ValueError("It holds a sign that turns the direction of what follows.")
    if not any(_is_seen(sign) for sign in sentence):
        raise ValueError("It says nothing that can be read.")
    if len(sentence) > longest:
        raise ValueError(f"It has {len(sentence)} characters; at most {longest} fit.")
    return sentence


def is_storable(text: str) -> bool:
    """Whether any store takes it: no control signs but white space, and no half of a pair of surrogates."""
    return not any(unicodedata.category(sign) in CONTROL and not sign.isspace() for sign in text)


def _is_seen(sign: str) -> bool:
    return unicodedata.category(sign)[0] in _SHOWN and sign not in _BLANK


MAIL = r"^[^\s@,;<>\"']{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$"
"""The form of a mail address: nothing that a header or an address's query could take for its own."""
