"""Waiting for the browser: what is taken, and what is turned away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from keylease.agent.landing import Landing
from keylease.domain.secret import Secret
from keylease.domain.terminal import Wish

STATE = Secret("the state")
ONWARDS = "https://keys.example/cli/done"


@pytest.fixture
def landing() -> Iterator[Landing]:
    with Landing(state=STATE, onwards=ONWARDS) as listening:
        yield listening


def get(landing: Landing, *, path: str | None = None, host: str | None = None, **query: str) -> httpx.Response:
    parts = urlsplit(landing.redirect)
    address = f"http://{parts.netloc}{path or parts.path}"
    return httpx.get(address, params=query, headers={"Host": host or parts.netloc})


def test_the_browsers_answer_is_taken_and_the_browser_sent_on(landing: Landing) -> None:
    Wish(challenge="x" * 43, redirect=landing.redirect)  # the server takes the address
    answer = get(landing, code="a code", state="the state")
    assert (answer.status_code, answer.headers["location"]) == (303, ONWARDS)
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert landing.wait(5) == {"code": "a code", "state": "the state"}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "another state"},
        {"state": ""},
        {"state": "the st\N{LATIN SMALL LETTER A WITH ACUTE}te"},
        {"path": "/"},
        {"path": "/signed-in/"},
        {"host": "evil.example"},
        {"host": "localhost"},
        {"code": "x" * 9000},
    ],
    ids=lambda changes: ascii(changes)[:40],
)
def test_anything_else_is_turned_away_and_waited_past(landing: Landing, changes: dict[str, str]) -> None:
    refused = get(landing, **({"code": "a thief's", "state": "the state"} | changes))
    assert (refused.status_code, refused.headers.get("location")) == (404, None)
    assert "thief" not in refused.text
    assert landing.wait(0) is None
    get(landing, code="mine", state="the state")
    assert landing.wait(5) == {"code": "mine", "state": "the state"}


def test_the_first_answer_counts(landing: Landing) -> None:
    for code in ("first", "second"):
        get(landing, code=code, state="the state")
    assert landing.wait(5) == {"code": "first", "state": "the state"}


def test_only_a_get_is_answered(landing: Landing) -> None:
    assert httpx.post(landing.redirect, params={"code": "x", "state": "the state"}).status_code == 501
    assert landing.wait(0) is None


def test_a_connection_that_says_nothing_holds_nobody_up(landing: Landing) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(landing.redirect).port or 0)):
        began = time.monotonic()
        get(landing, code="mine", state="the state")
        assert landing.wait(5) is not None
        assert time.monotonic() - began < 3


def test_nothing_comes_in_time_is_nothing_and_nothing_listens_afterwards() -> None:
    with Landing(state=STATE, onwards=ONWARDS) as landing:
        address = landing.redirect
        threads = threading.active_count()
        assert landing.wait(0.05) is None
    assert threading.active_count() < threads
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
