"""Our API seen from outside: what a server says, and what it may not do to us."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from command_line import view

from keylease import errors
from keylease.client import LOST, Client
from keylease.domain.event import AuditEvent
from keylease.domain.secret import Secret
from keylease.errors import AlreadyCollected, KeyleaseError, NotGranted, ServerUnreachable, UnsafeNotAllowed
from world import World

Start = Callable[[Callable[[str, str], tuple[int, str]]], str]
At = Callable[..., Client]


@pytest.fixture
def at() -> Iterator[At]:
    """Makes clients and closes them."""
    with ExitStack() as made:
        yield lambda *server, **options: made.enter_context(Client(*server, **options))


@pytest.fixture
def mara(server: str, at: At) -> Client:
    return at(server, person="mara")


def test_a_lease_from_the_request_to_its_end(server: str, mara: Client, world: World, at: At) -> None:
    priya, anna = at(server, person="priya"), at(server, person="anna")
    asked = mara.request(permission_set="archive", account="main", until="2w", reason="Winter masters")
    assert (asked["status"], asked["owner"]["name"], asked["asked"]) == ("requested", "Mara Lind", "2w")
    assert [one["id"] for one in priya.leases("waiting")] == [asked["id"]]
    approved = priya.approve(asked["id"], until="1w")
    assert approved["seconds_left"] == 7 * 86_400
    collected = mara.collect(asked["id"])
    assert collected.ready
    assert world.cloud.accepts(collected.access_key_id)
    assert mara.acknowledge(asked["id"], collected.access_key_id)["status"] == "active"
    assert mara.renew(asked["id"], reason="More masters")["renewal_of"] == asked["id"]
    assert mara.revoke(asked["id"])["status"] == "revoked"
    assert not world.cloud.accepts(collected.access_key_id)
    assert [one["action"] for one in mara.events(asked["id"])][-2:] == ["ending", "closed"]
    assert anna.verify()["records"] == len(anna.events())
    assert {one["id"] for one in anna.leases("all")} >= {asked["id"]}
    assert {one["permission_set"] for one in mara.sets()} == {"archive", "logs"}
    assert mara.me()["subject"] == "mara"
    denied = priya.deny(priya.leases("waiting")[0]["id"], reason="Once is enough")
    assert mara.lease(denied["id"])["decision_reason"] == "Once is enough"


def test_the_secret_comes_as_one_and_shows_nowhere(mara: Client, world: World) -> None:
    collected = mara.collect(world.approved().id)
    secret = collected.secret_access_key.reveal()
    assert secret.startswith("fake/secret/")
    assert secret not in repr(collected)
    assert secret not in json.dumps(collected.lease)


@pytest.mark.parametrize("failure", list(errors.tree()), ids=lambda failure: failure.code)
def test_a_refusal_comes_back_as_the_failure_that_it_is(
    failure: type[KeyleaseError], stand_in: Start, at: At
) -> None:
    body = json.dumps({"code": failure.code, "sentence": "So it is.", "hint": "Do this."})
    client = at(stand_in(lambda *_: (409, body)))
    with pytest.raises(failure) as raised:
        client.me()
    assert type(raised.value) is failure
    assert (raised.value.sentence, raised.value.hint) == ("So it is.", "Do this.")


def test_a_code_that_is_not_known_here_is_told_all_the_same(stand_in: Start, at: At) -> None:
    body = json.dumps({"code": "KL-999", "sentence": "A new thing.", "hint": "Do this."})
    with pytest.raises(KeyleaseError) as raised:
        at(stand_in(lambda *_: (418, body))).me()
    assert raised.value.sentence == "A new thing."
    assert "KL-999" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>Sign in to the hotel</html>"),
        (200, ""),
        (200, "null"),
        (200, '"text"'),
        (200, "[]"),
        (404, '{"detail": "Not Found"}'),
        (502, "<html>Bad Gateway</html>"),
        (500, '{"code": "KL-302"}'),
        (302, "{}"),
        (200, b"\xff\xfe\x00".decode("latin-1")),
    ],
)
def test_what_does_not_answer_as_keylease_does_is_no_keylease(
    status: int, body: str, stand_in: Start, at: At
) -> None:
    with pytest.raises(ServerUnreachable, match="but not as keylease does"):
        at(stand_in(lambda *_: (status, body))).me()


def test_a_list_must_be_one(stand_in: Start, at: At) -> None:
    with pytest.raises(ServerUnreachable):
        at(stand_in(lambda *_: (200, "{}"))).leases("mine")


@pytest.mark.parametrize("body", ["{}", '{"lease": {}, "access_key_id": "A", "ready": true}', "no JSON"])
def test_an_access_key_that_did_not_arrive_is_said_to_be_taken_away(body: str, stand_in: Start, at: At) -> None:
    with pytest.raises(ServerUnreachable) as raised:
        at(stand_in(lambda *_: (200, body))).collect("L-00000000")
    assert raised.value.hint == LOST


MADE: dict[str, Any] = {
    "lease": json.loads(view()),
    "access_key_id": "AKIAFAKE000000000001",
    "secret_access_key": "fake/secret+0000000000000000000000000001",
    "ready": True,
}
GIVEN = MADE | {
    "session_token": "fake/token" + "x" * 900,
    "expiration": "2026-11-24T13:00:00Z",
    "region": "eu-central-1",
    "account_id": "123456789012",
}
BROKEN = "2026-12-08T17:00:00Z\n[default]\ncredential_process = touch pwned"
FORGED: list[tuple[str, object]] = [
    ("access_key_id", "AKIAX"),
    ("access_key_id", "AKIAFAKE0000;touch pwned"),
    ("access_key_id", "AKIAFAKE00000000\n"),
    ("access_key_id", "akiafake000000000001"),
    ("access_key_id", None),
    ("secret_access_key", ""),
    ("secret_access_key", "$(touch pwned)"),
    ("secret_access_key", "a\nb"),
    ("secret_access_key", "a" * 129),
    ("secret_access_key", ["a"]),
    ("lease", None),
    ("lease", {}),
    ("lease", {"id": "../../x"}),
    ("lease", {"id": "L-00000000\n"}),
    ("lease", {"account_id": "12345678901"}),
    ("lease", {"account_id": "١٢٣٤٥٦٧٨٩٠١٢"}),
    ("lease", {"permission_set": "x\ny"}),
    ("lease", {"expires_at": BROKEN}),
    ("lease", {"expires_at": "2026-12-08\n17:00:00Z"}),
    ("lease", {"expires_at": "2026-13-08T17:00:00Z"}),
    ("lease", {"expires_at": "2026-12-08T17:00:00"}),
    ("lease", {"expires_at": 1}),
    ("lease", {"retire_at": BROKEN}),
]
FORGED_SESSION: list[tuple[str, object]] = [
    ("session_token", ""),
    ("session_token", "a b"),
    ("session_token", "a\nb"),
    ("session_token", "a\x9bb"),
    ("session_token", "a\x00"),
    ("expiration", BROKEN),
    ("expiration", "0001-01-01T00:00:00+14:00"),
    ("region", "us-east-1\ncredential_process = touch pwned"),
    ("account_id", "123456789012\n"),
]


def forged(whole: dict[str, Any], name: str, value: object) -> str:
    """An answer that is right but for one of its parts, or one of its lease's."""
    if name == "lease" and isinstance(value, dict) and value:
        value = whole["lease"] | value
    return json.dumps(whole | {name: value})


def prove(method: str, address: str, access_token: Secret | None) -> str:
    return f"{method} {address} {access_token}"


def test_an_answer_of_the_right_form_is_taken(stand_in: Start, at: At) -> None:
    client = at(stand_in(lambda *_: (200, json.dumps(GIVEN))))
    assert client.collect("L-00000000").access_key_id == MADE["access_key_id"]
    assert client.session("L-00000000", prove=prove).session_token.reveal() == GIVEN["session_token"]


@pytest.mark.parametrize(("name", "value"), [*FORGED, ("ready", None), ("ready", "yes")])
def test_what_is_no_access_key_is_used_for_nothing(name: str, value: object, stand_in: Start, at: At) -> None:
    client = at(stand_in(lambda *_: (200, forged(MADE, name, value))))
    with pytest.raises(ServerUnreachable, match="answered with what is no access key") as raised:
        client.collect("L-00000000")
    assert raised.value.hint == LOST
    assert "pwned" not in raised.value.sentence


@pytest.mark.parametrize(("name", "value"), [*FORGED, *FORGED_SESSION])
def test_what_are_no_credentials_is_used_for_nothing(name: str, value: object, stand_in: Start, at: At) -> None:
    client = at(stand_in(lambda *_: (200, forged(GIVEN, name, value))))
    with pytest.raises(ServerUnreachable, match="answered with what are no credentials"):
        client.session("L-00000000", prove=prove)


def test_a_server_that_is_not_there_made_no_access_key(at: At) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ServerUnreachable, match=f"http://127.0.0.1:{port} does not answer") as raised:
        at(f"http://127.0.0.1:{port}").collect("L-00000000")
    assert raised.value.hint == ServerUnreachable.hint


def test_an_answer_that_breaks_off_is_no_answer(at: At) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"lease"')
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(ServerUnreachable, match="broke off") as raised:
            at(f"http://127.0.0.1:{listening.getsockname()[1]}").collect("L-00000000")
        thread.join()
    assert raised.value.hint == LOST


@pytest.mark.parametrize(
    "server",
    ["", "127.0.0.1:8465", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "https://a:b@host", "http://["],
)
def test_what_is_no_address_is_refused(server: str, at: At) -> None:
    with pytest.raises(ServerUnreachable, match="not of the form"):
        at(server)


@pytest.mark.parametrize("server", ["http://keylease.example", "http://10.0.0.1:8465", "http://127.0.0.1.example"])
def test_plain_http_leaves_this_machine_never(server: str, at: At) -> None:
    with pytest.raises(UnsafeNotAllowed):
        at(server)


@pytest.mark.parametrize(
    "server", ["https://keylease.example/", "http://localhost:1", "http://[::1]:1", "http://127.8.0.1"]
)
def test_https_and_this_machine_are_fine(server: str, at: At) -> None:
    client = at(server)
    assert client.server == server.rstrip("/")


def test_calls_to_this_machine_go_past_every_proxy(
    stand_in: Start, monkeypatch: pytest.MonkeyPatch, at: At
) -> None:
    seen: list[str] = []

    def proxy(_: str, path: str) -> tuple[int, str]:
        seen.append(path)
        return 200, "{}"

    monkeypatch.setenv("HTTP_PROXY", stand_in(proxy))
    monkeypatch.setenv("ALL_PROXY", stand_in(proxy))
    monkeypatch.delenv("NO_PROXY", raising=False)
    at(stand_in(lambda *_: (200, '{"id": "direct"}'))).me()
    assert seen == []


def test_redirects_are_not_followed(stand_in: Start, at: At) -> None:
    asked: list[str] = []

    def answer(_: str, path: str) -> tuple[int, str]:
        asked.append(path)
        return 307, "{}"

    with pytest.raises(ServerUnreachable):
        at(stand_in(answer)).me()
    assert asked == ["/api/me"]


def test_an_id_is_one_part_of_the_address_whatever_it_holds(stand_in: Start, at: At) -> None:
    asked: list[str] = []

    def answer(_: str, path: str) -> tuple[int, str]:
        asked.append(path)
        return 200, "{}"

    at(stand_in(answer)).lease("../../sign-in?x#y")
    assert asked == ["/api/leases/..%2F..%2Fsign-in%3Fx%23y"]


def test_the_trail_is_read_to_its_end_page_after_page(server: str, world: World, at: At) -> None:
    for _ in range(2100):
        world.store.append(AuditEvent(at=world.clock.now(), action="x", actor="y", details={}))
    assert [one["seq"] for one in at(server, person="anna").events()] == list(range(1, 2101))


@pytest.mark.parametrize("body", ['[{"seq": 1}, {"seq": 2}]', '[{"seq": 5}]'])
def test_a_trail_that_does_not_go_on_is_not_read_for_ever(body: str, stand_in: Start, at: At) -> None:
    assert at(stand_in(lambda *_: (200, body))).events() == json.loads(body)


@pytest.mark.parametrize("body", ['["x"]', "[{}]", '[{"seq": "x"}]'])
def test_a_trail_without_numbers_is_none(body: str, stand_in: Start, at: At) -> None:
    with pytest.raises(ServerUnreachable, match="not as keylease does"):
        at(stand_in(lambda *_: (200, body))).events()


def test_the_rules_of_the_server_count(mara: Client, world: World) -> None:
    with pytest.raises(NotGranted):
        mara.request(permission_set="root", account="main", until="1h", reason="Just so")
    with pytest.raises(AlreadyCollected):
        mara.collect(world.active().id)
