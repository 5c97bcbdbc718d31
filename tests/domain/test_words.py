"""What people write: one sentence that everybody can read, or a refusal that says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keylease.domain import words


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Winter masters, ticket VID-311", "Winter masters, ticket VID-311"),
        ("  two\n\tlines\r\n\u2028here ", "two lines here"),
        ("Für Zoë: 冬のマスター 😀", "Für Zoë: 冬のマスター 😀"),
        ("👩‍💻 at work", "👩‍💻 at work"),
        ("\u200fשבת\u200f", "\u200fשבת\u200f"),
        ("a" * 200, "a" * 200),
    ],
)
def test_a_sentence_in_any_language_comes_out_with_single_spaces(text: str, sentence: str) -> None:
    assert words.one_sentence(text, longest=200) == sentence


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\ud800b", "control sign"),
        ("\udfff", "control sign"),
        ("a\x00b", "control sign"),
        ("\x1b[31mred", "control sign"),
        ("a\x9b2J", "control sign"),
        ("a\x7fb", "control sign"),
        ("approve \u202egnp.exe", "direction"),
        ("\u2067a\u2069", "direction"),
        ("", "says nothing"),
        (" \n ", "says nothing"),
        ("\u200b", "says nothing"),
        ("\u200d\ufeff\u00ad\u2060", "says nothing"),
        ("\u3164\u115f\u2800", "says nothing"),
        ("\u0301", "says nothing"),
        ("a" * 201, "201 characters; at most 200"),
        ("😀" * 201, "201 characters; at most 200"),
    ],
)
def test_what_cannot_be_stored_or_read_is_refused_and_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        words.one_sentence(text, longest=200)


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]), max_size=60))
def test_what_is_taken_can_be_encoded_and_is_taken_again_unchanged(text: str) -> None:
    try:
        sentence = words.one_sentence(text, longest=40)
    except ValueError:
        return
    assert 0 < len(sentence) <= 40
    assert "\0" not in sentence.encode().decode()
    assert words.one_sentence(sentence, longest=40) == sentence
