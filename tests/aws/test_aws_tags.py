"""Any text fits into an IAM tag, and comes back."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.aws.tags import LIMIT, decode, encode


def iam_takes(value: str) -> bool:
    """AWS's own pattern for a tag's value: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*, at most 256."""
    return len(value) <= LIMIT and all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Move the autumn interviews", "Move the autumn interviews"),
        ("Mara Lindström", "Mara Lindström"),
        ("2026-12-08T17:00:00Z", "2026-12-08T17:00:00Z"),
        ("https://login.example/v2.0#8f2c", "https://login.example/v2.0=238f2c"),
        ("a=b", "a=3Db"),
        ("5 % & <tag>", "5 =25 =26 =3Ctag=3E"),
        (" edges ", "=20edges=20"),
        (" ", "=20"),
        ("two\nlines\ttab", "two=0Alines=09tab"),
        ("e\u0301", "e=CC=81"),
        ("🗝 key", "=F0=9F=97=9D key"),
        ("", ""),
    ],
)
def test_what_iam_does_not_take_is_written_in_hexadecimal(text: str, value: str) -> None:
    assert encode(text) == value
    assert decode(value) == text


@given(st.text(st.characters(), max_size=21))
def test_every_text_that_fits_comes_back_as_it_was(text: str) -> None:
    assert iam_takes(encode(text))
    assert decode(encode(text)) == text


@given(st.text(st.characters(), min_size=40, max_size=400))
def test_a_text_that_is_too_long_is_cut_between_two_characters_and_marked(text: str) -> None:
    value = encode(text)
    assert iam_takes(value)
    back = decode(value)
    if back != text:
        assert back.endswith("…")
        assert text.startswith(back[:-1])
        assert len(value) > LIMIT - 14  # the longest character takes 12 of the 256, the mark 2


@given(st.text(st.sampled_from("=+0ACF3DZ Zé"), max_size=300))
def test_reading_what_somebody_else_wrote_never_fails(value: str) -> None:
    decode(value)


def test_bytes_that_are_no_text_stay_as_they_are_written() -> None:
    assert decode("=FF=FE and =C3=A9") == "=FF=FE and é"


def test_the_mark_of_a_cut_is_nothing_that_encoding_writes() -> None:
    assert not re.search(r"=\+", encode("a=+b"))
