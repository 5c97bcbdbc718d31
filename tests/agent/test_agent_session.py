"""When a session is renewed, what it looks like to each program, and what is said of a clock that is off."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sample_session import MINUTE, NOW, SESSION

from keylease.agent.session import Session, clock_warning


@pytest.mark.parametrize(
    ("life", "ahead", "renewed_after"),
    [(60, 0, 45), (60, 5, 40), (720, 0, 705), (45, 0, 30), (15, 0, 10), (15, 5, 10), (3, 5, 2)],
)
def test_a_session_is_renewed_a_quarter_of_an_hour_before_its_end_or_with_a_third_of_it_left(
    life: int, ahead: int, renewed_after: int
) -> None:
    session = replace(SESSION, expiration=NOW + life * MINUTE)
    assert session.renew_from(ahead * MINUTE) == NOW + renewed_after * MINUTE
    assert session.lasts(NOW + renewed_after * MINUTE - timedelta(seconds=1), ahead * MINUTE)
    assert not session.lasts(NOW + renewed_after * MINUTE, ahead * MINUTE)


def test_the_last_session_of_a_lease_is_used_to_its_end_since_there_is_no_other() -> None:
    last = replace(SESSION, ends_at=SESSION.expiration)
    assert last.renew_from(5 * MINUTE) == SESSION.expiration


@pytest.mark.parametrize("behind", [-20, -10, 0, 10, 20])
def test_a_clock_that_is_off_does_not_change_when_a_session_ends(behind: int) -> None:
    session = replace(SESSION, behind=behind * MINUTE)
    assert session.valid_until == SESSION.expiration - behind * MINUTE
    assert session.as_process()["Expiration"] == "2026-11-24T13:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, ""),
        (119, ""),
        (-119, ""),
        (120, "2 minutes behind"),
        (600, "10 minutes behind"),
        (-600, "10 minutes ahead"),
    ],
)
def test_a_clock_that_is_off_is_spoken_of(seconds: int, words: str) -> None:
    said = clock_warning(timedelta(seconds=seconds))
    assert (words in said) if words else said == ""


def test_what_is_cached_comes_back_as_it_was() -> None:
    session = replace(SESSION, behind=10 * MINUTE)
    assert Session.from_lines(session.to_lines()) == session


@pytest.mark.parametrize("content", [b"", b"1 2 3\n{}\n{}\n", b"1 2 3\n[]\n[]\n", SESSION.to_lines()[:200]])
def test_what_is_no_session_comes_back_as_none(content: bytes) -> None:
    assert Session.from_lines(content) is None


def test_what_a_container_gives_is_flat_and_texts_alone() -> None:
    given = SESSION.as_container()
    assert set(given) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "AccountId"}
    assert all(isinstance(value, str) for value in given.values())


def test_a_session_does_not_print_its_secrets() -> None:
    shown = repr(SESSION)
    assert "fake/secret" not in shown
    assert "fake/token" not in shown
    assert "fake/secret" in json.dumps(SESSION.as_process())
