"""What is refused before any route sees it, and what every answer carries."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest
from web_world import World, client_of

from keylease.web import create
from keylease.web.guard import CSP, LARGEST_BODY

ADDRESSES = [
    *("/leases", "/leases/new", "/leases/all", "/approvals", "/audit", "/sign-in", "/docs", "/openapi.json"),
    *("/healthz", "/api/me", "/static/keylease.css", "/static/access_key.js", "/nothing"),
]


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_answer_carries_the_same_headers(world: World, path: str) -> None:
    with world.browser("anna") as client:
        headers = client.get(path).headers

    expected = CSP.replace("img-src 'self'", "img-src 'self' data:") if path == "/docs" else CSP
    assert headers["content-security-policy"] == expected
    assert "unsafe" not in expected
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")
    assert len(headers["x-request-id"]) == 16


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Origin": "own"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "own"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
    ],
)
@pytest.mark.parametrize("path", ["/leases/{}/approve", "/api/leases/{}/approve"])
def test_only_our_own_pages_act_with_a_browsers_sign_in(
    world: World, headers: dict[str, str], path: str, *, passes: bool
) -> None:
    lease = world.ask()
    own = {name: world.address if value == "own" else value for name, value in headers.items()}
    with world.browser("priya") as signed_in, client_of(world.address) as client:
        client.cookies = signed_in.cookies

        answer = client.post(path.format(lease.id), headers=own)

    assert (answer.status_code < 400) is passes
    assert ("KL-307" in answer.text) is not passes
    assert (world.store.get(lease.id).state == "approved") is passes


def test_a_foreign_page_cannot_sign_anybody_in_or_out(world: World) -> None:
    with client_of(world.address, headers={"Origin": "http://evil.example"}) as client:
        assert client.post("/sign-in/unsafe", data={"person": "anna"}).status_code == 403
        assert client.post("/sign-out").status_code == 403
        assert not client.cookies


def test_a_program_needs_no_origin(world: World) -> None:
    with world.program("priya") as client:
        assert client.post(f"/api/leases/{world.ask().id}/approve").status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example", "", "[::1", "127.0.0.2:80", "evil@127.0.0.1", "127.0.0.1/x"),
        *("127.0.0.1#.evil.example", "127.0.0.1?x", "127.0.0.1:80, evil.example", "[::1]evil", "[127.0.0.1]x"),
        *("::1", "127.0.0.1.", "localhost\\evil", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:123456"),
    ],
)
def test_a_foreign_name_for_this_server_is_refused(world: World, host: str) -> None:
    with world.program("anna") as client:
        answer = client.get("/api/me", headers={"Host": host})

    assert (answer.status_code, answer.json()["code"]) == (403, "KL-307")


@pytest.mark.parametrize("host", ["localhost:8465", "LOCALHOST", "[::1]:8465", "127.0.0.1"])
def test_this_machines_own_names_are_good(world: World, host: str) -> None:
    with world.program("anna") as client:
        assert client.get("/api/me", headers={"Host": host}).status_code == 200


def test_the_configured_address_is_good(world: World, server: Any) -> None:
    server[1].app = create(world.app, address="https://keys.company.example:8443/")
    with world.program("anna") as client:
        assert client.get("/api/me", headers={"Host": "keys.company.example:8443"}).status_code == 200
        assert client.get("/api/me", headers={"Host": "company.example"}).status_code == 403


def raw(world: World, *lines: str) -> str:
    """The status of the answer to a request that is written by hand, since no client would send it."""
    host, port = world.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        return connection.makefile("rb").readline().decode().split()[1]


def test_of_two_names_for_this_server_neither_counts(world: World) -> None:
    good = f"Host: {world.address.removeprefix('http://')}"
    assert raw(world, "GET /healthz HTTP/1.1", good) == "200"
    assert raw(world, "GET /healthz HTTP/1.1", good, "Host: evil.example") in {"400", "403"}


def test_a_sign_in_in_a_second_cookie_header_acts_no_more_than_in_the_first(world: World) -> None:
    lease = world.ask()
    with world.browser("priya") as client:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    line = f"POST /api/leases/{lease.id}/approve HTTP/1.1"
    common = (f"Host: {world.address.removeprefix('http://')}", "Content-Length: 0")
    for cookies in (("Cookie: a=b", f"Cookie: {cookie}"), (f"Cookie: {cookie}", "Cookie: a=b")):
        assert raw(world, line, *common, *cookies) == "403"
    assert world.store.get(lease.id).state == "requested"


@pytest.mark.parametrize("address", ["/api/leases/%00", "/leases/L-%00", "/approvals?done=%00"])
def test_a_zero_byte_in_the_address_is_refused(world: World, address: str) -> None:
    with world.browser("anna") as client:
        answer = client.get(address)
    assert answer.status_code == 422
    assert "zero byte" in answer.text


@pytest.mark.parametrize("is_told", [True, False])
def test_an_enormous_body_is_refused(world: World, *, is_told: bool) -> None:
    body = b"x" * (LARGEST_BODY + 1)
    with world.program("tomas") as client:
        answer = client.post("/api/leases", content=body if is_told else iter([body]))

    assert (answer.status_code, answer.json()["code"]) == (422, "KL-206")
    assert "larger than 65536 bytes" in answer.json()["sentence"]


def test_what_nobody_foresaw_is_logged_and_not_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: str) -> None:
        raise RuntimeError("a detail for the log")

    with caplog.at_level(logging.ERROR), world.browser("tomas") as client:
        world.store.before = broken
        form = {"what": "media:media-write", "chosen": "2w", "reason": "x"}
        answer = client.post("/leases/new", data=form)

    assert answer.status_code == 500
    assert "KL-100" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "detail" not in answer.text
    assert f"request {answer.headers['x-request-id']} failed" in caplog.text
    assert "a detail for the log" in caplog.text
    assert answer.headers["content-security-policy"] == CSP


@pytest.mark.parametrize("header", ["Bearer anna", "Unsafe-Person", "anna", ""])
def test_a_header_of_another_kind_signs_nobody_in(world: World, header: str) -> None:
    with world.browser("anna") as client:
        answer = client.get("/api/me", headers={"Authorization": header})

    assert (answer.status_code, answer.json()["code"]) == (401, "KL-301")
