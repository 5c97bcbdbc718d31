"""A secret does not print, by whatever road."""

from __future__ import annotations

import json
import pickle

import pytest

from keylease.domain.secret import Secret
from keylease.ports import AccessKey

TEXT = "wJalrXUtnFEMI/K7MDENG"
SECRET = Secret(TEXT)


def test_no_way_of_printing_shows_it() -> None:
    access_key = AccessKey(access_key_id="AKIA", secret_access_key=SECRET)
    for shown in (
        str(SECRET),
        repr(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        repr(access_key),
        repr([SECRET]),
    ):
        assert TEXT not in shown


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, hash])
def test_it_is_not_written_anywhere(write: object) -> None:
    with pytest.raises(TypeError):
        write(SECRET)  # type: ignore[operator] - a table of writers


def test_it_is_equal_to_the_same_and_to_nothing_else() -> None:
    assert Secret(TEXT) == SECRET
    assert Secret("other") != SECRET
    assert SECRET != TEXT
    assert SECRET.reveal() == TEXT
