"""What leaves for the directory, and what may come back."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable

import pytest
from serving import Asked, Reply, serving

from keylease.domain.clock import SystemClock
from keylease.errors import DirectoryUnreachable
from keylease.identity.fetch import LARGEST, Fetch, an_object
from keylease.testing import FakeClock


def fetched(reply: Callable[[Asked], Reply]) -> bytes:
    with serving(reply) as address:
        return Fetch(FakeClock(), loopback=True).get(f"{address}/x").content


def test_an_answer_comes_back_whole() -> None:
    whole = b"x" * LARGEST
    assert fetched(lambda _: Reply(200, whole)) == whole


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(302, b"", {"Location": "https://elsewhere.example/"}), "redirects"),
        (Reply(200, gzip.compress(b"{}"), {"Content-Encoding": "gzip"}), "compressed"),
        (Reply(200, b"x" * (LARGEST + 1)), "256 KiB"),
    ],
    ids=["redirect", "compressed", "too large"],
)
def test_what_may_not_come_back_is_refused(reply: Reply, says: str) -> None:
    with pytest.raises(DirectoryUnreachable, match=says):
        fetched(lambda _: reply)


@pytest.mark.parametrize(
    ("address", "loopback", "says"),
    [
        ("http://login.example.com/keys", True, "without encryption"),
        ("http://127.0.0.1:9/keys", False, "without encryption"),
        ("ftp://127.0.0.1/keys", True, "without encryption"),
        ("file:///etc/passwd", True, "without encryption"),
        ("http://[::1", True, "address that is none"),
        ("https:///keys", True, "does not answer"),
        ("http://127.0.0.1:1/keys", True, "does not answer"),
    ],
)
def test_where_nothing_may_be_asked_nothing_is(address: str, loopback: bool, says: str) -> None:  # noqa: FBT001 - a table
    with pytest.raises(DirectoryUnreachable, match=says):
        Fetch(FakeClock(), loopback=loopback).get(address)


def test_a_server_that_takes_the_request_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(DirectoryUnreachable, match="ReadTimeout"):
            Fetch(SystemClock(), loopback=True).get(address)


def test_no_cookie_and_no_credential_of_the_machine_is_sent() -> None:
    seen: list[dict[str, str]] = []

    def reply(asked: Asked) -> Reply:
        seen.append(asked.headers)
        return Reply(200, {}, {"Set-Cookie": "a=b"})

    with serving(reply) as address:
        fetch = Fetch(FakeClock(), loopback=True)
        fetch.get(address)
        answer = fetch.get(address)
    assert "cookie" not in seen[1]
    assert "authorization" not in seen[1]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("status", [204, 400, 401, 404, 429, 500])
def test_an_error_is_no_document(status: int) -> None:
    with (
        serving(lambda _: Reply(status, {"issuer": "x"})) as address,
        pytest.raises(DirectoryUnreachable, match=str(status)),
    ):
        an_object(Fetch(FakeClock(), loopback=True).get(address))


def test_the_query_of_an_address_is_in_no_failure() -> None:
    with pytest.raises(DirectoryUnreachable) as failed:
        Fetch(FakeClock(), loopback=True).get("http://127.0.0.1:1/x?code=secret-code")
    assert "secret-code" not in failed.value.sentence
