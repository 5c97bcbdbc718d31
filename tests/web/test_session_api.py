"""Sessions over HTTP: to whom, on which machine, and what a page says of a lease that gives them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey
from web_world import World, page_of, with_sessions

from keylease.agent.proof import Prover
from keylease.broker import Ask
from keylease.client import Client
from keylease.domain.lease import Kind, Lease
from keylease.domain.secret import Secret, random
from keylease.domain.terminal import Wish, challenge_of
from keylease.errors import BadProof, RateLimited, WrongMachine
from keylease.ports import SignedIn

LAPTOP, OTHER = (Prover(ECKey.generate_key("P-256")) for _ in range(2))


@pytest.fixture
def world(serve: Callable[[dict[str, Any]], World]) -> World:
    made = serve(with_sessions())
    made.cloud.roles.names.add("media")
    return made


def granted(world: World, subject: str = "tomas", until: str = "2w") -> Lease:
    return world.approved(subject, wanted="media/uploads", until=until)


def call(
    world: World,
    lease: Lease,
    act: str = "session",
    *,
    who: str = "tomas",
    prover: Prover | None = LAPTOP,
    body: Any = None,
    **headers: str,
) -> httpx.Response:
    path = f"/api/leases/{lease.id}/{act}"
    if prover is not None:
        headers["DPoP"] = prover.prove("POST", f"{world.address}{path}", at=world.clock.now())
    with world.program(who) as client:
        return client.post(path, json=body or {}, headers=headers)


def test_a_session_goes_to_its_owner_s_machine_and_is_kept_nowhere(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lease = granted(world)
    answer = call(world, lease, body={"seconds": 3600})
    given = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(given) == {
        *("lease", "access_key_id", "secret_access_key", "session_token", "expiration", "region", "account_id"),
    }
    assert (given["expiration"], given["account_id"]) == ("2026-11-24T13:00:00Z", "123456784471")
    assert world.cloud.accepts(given["access_key_id"])
    shown = given["lease"]
    assert (shown["kind"], shown["state"], shown["status"]) == ("session", "active", "active")
    assert shown["role_arn"] == "arn:aws:iam::123456784471:role/keylease/session/media"
    assert (shown["session_seconds"], shown["last_session_at"]) == (7200, "2026-11-24T12:00:00Z")
    assert shown["tags"] == {"keylease:lease": lease.id, "keylease:principal": "unsafe-people=23tomas"}
    assert shown["may"]["collect"] is False
    kept = caplog.text + repr(world.store.leases) + repr(world.store.chain)
    assert given["secret_access_key"] not in kept
    assert given["session_token"] not in kept


def test_without_a_proof_there_is_no_session(world: World) -> None:
    lease = granted(world)
    for prover, headers in ((None, {}), (None, {"DPoP": "x"})):
        answer = call(world, lease, prover=prover, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "KL-312")
    path = f"/api/leases/{lease.id}/session"
    made = LAPTOP.prove("POST", f"{world.address}{path}", at=world.clock.now())
    with world.program("tomas") as client:
        twice = [client.post(path, json={}, headers={"DPoP": made}) for _ in range(2)]
    assert [one.status_code for one in twice] == [200, 403]
    assert twice[1].json()["sentence"] == "The proof was used before."


def test_nobody_without_a_sign_in_gets_as_far_as_the_proof(world: World) -> None:
    lease = granted(world)
    path = f"/api/leases/{lease.id}/session"
    made = LAPTOP.prove("POST", f"{world.address}{path}", at=world.clock.now())
    with world.program() as client:
        assert client.post(path, json={}, headers={"DPoP": made}).status_code == 401
    with world.program("tomas") as client:
        assert client.post(path, json={}, headers={"DPoP": made}).status_code == 200


@pytest.mark.parametrize(("who", "code"), [("priya", "KL-305"), ("nils", "KL-401")])
def test_nobody_else_gets_a_session(world: World, who: str, code: str) -> None:
    assert call(world, granted(world), who=who).json()["code"] == code


def test_another_machine_is_refused_until_the_lease_was_moved(world: World) -> None:
    lease = granted(world)
    assert call(world, lease).status_code == 200
    world.clock.pass_time(minutes=1)
    refused = call(world, lease, prover=OTHER)
    assert (refused.status_code, refused.json()["code"]) == (403, "KL-311")
    assert "--this-machine" in refused.json()["hint"]
    moved = call(world, lease, "machine", prover=OTHER)
    assert (moved.status_code, moved.json()["id"]) == (200, lease.id)
    assert call(world, lease, prover=OTHER).status_code == 200
    assert call(world, lease).json()["code"] == "KL-311"


def test_a_second_session_within_a_second_waits(world: World) -> None:
    lease = granted(world)
    answers = [call(world, lease) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 429]
    assert (answers[1].json()["code"], answers[1].headers["retry-after"]) == ("KL-310", "1")


@pytest.mark.parametrize("body", [{"seconds": 0}, {"seconds": 43_201}, {"seconds": "long"}, {"more": 1}])
def test_a_body_that_says_something_else_is_refused(world: World, body: dict[str, Any]) -> None:
    assert call(world, granted(world), body=body).status_code == 422
    assert not world.cloud.roles.sessions


def terminal(world: World, subject: str) -> Secret:
    """The access token of a terminal that somebody has just signed in."""
    person, verifier, now = world.person(subject), random(), world.clock.now()
    signed_in = SignedIn(principal=person, authenticated_at=now, methods=person.methods)
    wish = Wish(challenge=challenge_of(verifier), machine="laptop")
    code = world.app.terminals.allow(signed_in, wish)
    refresh = random("klr_")
    return world.app.terminals.exchange_code(code, verifier=verifier, redirect="", refresh=refresh).access


class Terminal:
    """A terminal's sign-in as the client wants it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def access_token(self, client: Client) -> Secret:  # noqa: ARG002 - the client's own way to ask
        return self._token

    def renewed(self, client: Client, refused: Secret) -> Secret:  # noqa: ARG002 - as above
        return self._token


def prove(world: World, prover: Prover) -> Callable[[str, str, Secret | None], str]:
    return lambda method, address, token: prover.prove(method, address, token, at=world.clock.now())


def test_the_client_takes_sessions_with_a_terminal_s_sign_in_and_moves_the_lease(world: World) -> None:
    lease = granted(world)
    with Client(world.address, credential=Terminal(terminal(world, "tomas"))) as client:
        given = client.session(lease.id, prove=prove(world, LAPTOP))
        assert world.cloud.accepts(given.access_key_id)
        with pytest.raises(RateLimited):
            client.session(lease.id, prove=prove(world, LAPTOP))
        world.clock.pass_time(minutes=1)
        with pytest.raises(WrongMachine):
            client.session(lease.id, prove=prove(world, OTHER))
        client.move_machine(lease.id, prove=prove(world, OTHER))
        assert client.session(lease.id, prove=prove(world, OTHER)).lease["id"] == lease.id


def test_a_proof_for_another_access_token_is_refused(world: World) -> None:
    lease, theirs = granted(world), Terminal(terminal(world, "tomas"))

    def for_another(method: str, address: str, _: Secret | None) -> str:
        return LAPTOP.prove(method, address, Secret("kla_another"), at=world.clock.now())

    with Client(world.address, credential=theirs) as client, pytest.raises(BadProof, match="another access token"):
        client.session(lease.id, prove=for_another)


def test_an_offer_says_which_kinds_it_gives_and_a_request_may_choose(world: World) -> None:
    with world.program("tomas") as client:
        kinds = {one["permission_set"]: one["kinds"] for one in client.get("/api/sets").json()}
        assert kinds["uploads"] == ["session"]
        assert kinds["media-write"] == ["access-key", "session"]
        ask = {"permission_set": "media-write", "account": "media", "until": "2w", "reason": "Winter masters"}
        for kind, made in ((None, "access-key"), ("access-key", "access-key"), ("session", "session")):
            assert client.post("/api/leases", json=ask | {"kind": kind}).json()["kind"] == made
        uploads = ask | {"permission_set": "uploads", "kind": "access-key"}
        assert client.post("/api/leases", json=uploads).json()["code"] == "KL-302"


def test_the_form_offers_each_kind_and_asks_for_the_one_that_was_chosen(world: World) -> None:
    form = page_of(world, "tomas", "/leases/new").form("/leases/new")
    assert form.choices["what"] == [
        *("media:media-write", "media:media-write:session", "platform:logs-read", "media:share-out"),
        "media:uploads",
    ]
    with world.browser("tomas") as client:
        sent = {"what": "media:media-write:session", "chosen": "2w", "reason": "Winter masters"}
        assert client.post("/leases/new", data=sent).status_code == 200
    [lease] = world.store.leases.values()
    assert (lease.kind, lease.role, lease.group) == (Kind.SESSION, "media", "")


def test_pages_say_how_sessions_come_and_how_long_aws_may_take_to_refuse_them(world: World) -> None:
    lease = granted(world)
    assert "keylease configure" in page_of(world, "tomas", f"/leases/{lease.id}").text
    assert "No session was given yet" in page_of(world, "tomas", f"/leases/{lease.id}/revoke").text
    call(world, lease)
    page = page_of(world, "tomas", f"/leases/{lease.id}").text
    assert "Its last session was given just now" in page
    assert "role/keylease/session/media" in page
    asked = page_of(world, "tomas", f"/leases/{lease.id}/revoke").text
    assert "AWS refuses those that run within seconds, at most some minutes" in asked
    with world.browser("tomas") as client:
        client.post(f"/leases/{lease.id}/revoke", data={})
    page = page_of(world, "tomas", f"/leases/{lease.id}").text
    assert "It gives no more sessions. AWS refuses those that run within seconds, at most some minutes." in page
    assert "AWS was told to refuse its sessions" in page


def test_who_decides_reads_that_it_is_about_sessions(world: World) -> None:
    lease = world.ask(wanted="media/uploads")
    assert "gives sessions" in page_of(world, "priya", f"/leases/{lease.id}").text


def test_an_ask_that_names_nothing_of_kinds_is_as_before(world: World) -> None:
    ask = Ask(account="media", permission_set="media-write", until=timedelta(weeks=1), reason="Winter masters")
    assert world.app.broker.request(world.person("tomas"), ask).kind is Kind.ACCESS_KEY
