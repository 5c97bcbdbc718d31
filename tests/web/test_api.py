"""The JSON API: every route, what it answers and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from web_world import World

from keylease.domain.event import AuditEvent
from keylease.errors import StoreBusy
from keylease.testing import away, fail_at

LEASE_FIELDS = {
    *("id", "kind", "state", "status", "account", "account_id", "permission_set", "title", "warnings", "share"),
    *("reason", "owner", "approver", "approvers", "decision_reason", "requested_at", "decided_at", "issued_at"),
    *("asked", "expires_at", "ended_at", "end_reason", "seconds_left", "renewal_of", "retire_at", "user_name"),
    *(
        "access_key_id",
        "may",
        "role_arn",
        "session_seconds",
        "last_session_at",
        "sessions_until",
        "tags",
        "closes_at",
        "can",
    ),
}
ASK = {"permission_set": "media-write", "account": "media", "until": "2w", "reason": "Winter masters"}


def call(world: World, who: str | None, method: str, path: str, body: Any = None) -> Any:
    with world.program(who) as client:
        content = None if body is None else json.dumps(body)  # ASCII, so that it can hold half a pair of surrogates
        answer = client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return answer


def test_the_server_says_that_it_answers(world: World) -> None:
    assert call(world, None, "GET", "/healthz").json() == {
        "ok": True,
        "well": False,
        "passed_at": None,
        "alarms": 0,
        "failures": 0,
        "horizons_near": 0,
        "directory_silent_since": None,
        "left_running": 0,
    }


def test_me_says_who_is_signed_in(world: World) -> None:
    assert call(world, "mara", "GET", "/api/me").json() == {
        "id": "unsafe-people#mara",
        "subject": "mara",
        "name": "Mara Lind",
        "groups": ["video"],
        "administrator": False,
        "auditor": False,
        "authenticated_at": "2026-11-24T12:00:00Z",
        "methods": ["mfa"],
        "signed_in_until": None,
    }
    assert call(world, "anna", "GET", "/api/me").json()["administrator"] is True
    assert call(world, "otto", "GET", "/api/me").json()["auditor"] is True


MAY = dict.fromkeys(("approve", "collect", "revoke", "renew", "replace", "undo"), False)


def test_sets_are_what_one_may_ask_for_and_no_more(world: World) -> None:
    sets = call(world, "tomas", "GET", "/api/sets").json()

    assert [(one["permission_set"], one["account"], one["max_ttl"], one["automatic"]) for one in sets] == [
        ("media-write", "media", "4w", False),
        ("logs-read", "platform", "1w3d", True),
        ("share-out", "media", "1d12h", False),
    ]
    assert sets[0] == {
        "permission_set": "media-write",
        "title": "Upload to media-archive",
        "account": "media",
        "account_id": "123456784471",
        "max_ttl": "4w",
        "automatic": False,
        "share": False,
        "warnings": ["Can delete files in that bucket"],
        "kinds": ["access-key"],
        "sentence": "For everybody who cuts films.",
        "can": ["Read, add, change and delete in S3: media-archive"],
    }
    assert sets[2]["share"] is True
    assert call(world, "nils", "GET", "/api/sets").json() == []


def test_a_request_becomes_a_lease_that_waits(world: World) -> None:
    answer = call(world, "tomas", "POST", "/api/leases", ASK)

    lease = answer.json()
    assert answer.status_code == 201
    assert set(lease) == LEASE_FIELDS
    assert (lease["state"], lease["status"], lease["asked"]) == ("requested", "requested", "2w")
    assert lease["owner"] == {"id": "unsafe-people#tomas", "name": "Tomás Ortega"}
    assert lease["approvers"] == ["Jonas Weber", "Mara Lind", "Priya Raman"]
    assert lease["requested_at"] == "2026-11-24T12:00:00Z"
    assert lease["expires_at"] == "2026-12-08T12:00:00Z"
    assert lease["may"] == MAY | {"revoke": True}
    can = ["Read, add, change and delete in S3: media-archive"]
    assert call(world, "tomas", "GET", f"/api/leases/{lease['id']}").json() == lease | {"can": can}


def test_each_sees_the_leases_that_concern_them(world: World) -> None:
    mine, other = world.ask("tomas"), world.ask("mara")

    def ids(who: str, whose: str) -> set[str]:
        return {lease["id"] for lease in call(world, who, "GET", f"/api/leases?whose={whose}").json()}

    assert ids("tomas", "mine") == {mine.id}
    assert {lease["id"] for lease in call(world, "tomas", "GET", "/api/leases").json()} == {mine.id}
    assert ids("mara", "waiting") == {mine.id}, "mara approves, and never her own"
    assert ids("priya", "waiting") == {mine.id, other.id}
    assert ids("otto", "all") == ids("anna", "all") == {mine.id, other.id}


def test_an_approver_may_approve_for_what_was_asked(world: World) -> None:
    lease = world.ask()
    world.clock.pass_time(hours=3)

    approved = call(world, "priya", "POST", f"/api/leases/{lease.id}/approve", {"until": None}).json()

    assert approved["status"] == "approved"
    assert approved["approver"] == {"id": "unsafe-people#priya", "name": "Priya Raman"}
    assert approved["expires_at"] == "2026-12-08T15:00:00Z", "an hour of waiting is not an hour of access"
    assert approved["seconds_left"] == timedelta(weeks=2).total_seconds()
    assert approved["approvers"] == []


@pytest.mark.parametrize("body", [None, {}, {"until": "1w"}, {"until": "2026-11-30T09:00+01:00"}])
def test_an_approver_may_approve_for_less(world: World, body: dict[str, str] | None) -> None:
    path = f"/api/leases/{world.ask().id}/approve"

    ends = call(world, "priya", "POST", path, body).json()["expires_at"]

    full, week, instant = "2026-12-08T12:00:00Z", "2026-12-01T12:00:00Z", "2026-11-30T08:00:00Z"
    assert ends == (full if not body else week if body["until"] == "1w" else instant)


def test_an_approver_may_deny_with_a_sentence(world: World) -> None:
    lease = world.ask()

    denied = call(world, "jonas", "POST", f"/api/leases/{lease.id}/deny", {"reason": "Logs are enough."}).json()

    assert (denied["status"], denied["decision_reason"]) == ("denied", "Logs are enough.")


def test_collecting_gives_the_access_key_and_acknowledging_makes_it_active(world: World) -> None:
    lease = world.approved()

    collected = call(world, "tomas", "POST", f"/api/leases/{lease.id}/collect").json()

    assert set(collected) == {"lease", "access_key_id", "secret_access_key", "ready"}
    assert collected["ready"] is True
    assert collected["lease"]["status"] == "collecting"
    assert world.cloud.accepts(collected["access_key_id"])
    body = {"access_key_id": collected["access_key_id"]}
    active = call(world, "tomas", "POST", f"/api/leases/{lease.id}/acknowledge", body).json()
    assert (active["status"], active["access_key_id"]) == ("active", collected["access_key_id"])
    assert active["may"] == MAY | {"revoke": True, "renew": True, "replace": True}


@pytest.mark.parametrize(
    ("body", "asked", "reason"),
    [
        (None, "2w", "Winter masters, ticket VID-311"),
        ({"until": None, "reason": None}, "2w", "Winter masters, ticket VID-311"),
        ({"until": "3w", "reason": "Spring masters"}, "3w", "Spring masters"),
    ],
)
def test_a_renewal_is_a_new_request(world: World, body: Any, asked: str, reason: str) -> None:
    lease = world.active()

    answer = call(world, "tomas", "POST", f"/api/leases/{lease.id}/renew", body)

    renewal = answer.json()
    assert answer.status_code == 201
    assert (renewal["asked"], renewal["reason"]) == (asked, reason)
    assert renewal["renewal_of"] == lease.id != renewal["id"]


def test_a_lease_is_given_back_withdrawn_or_taken_away(world: World) -> None:
    given, asked, taken = world.active(), world.ask(), world.active("mara", reason="Backup")

    def revoked(who: str, lease_id: str) -> tuple[str, str | None]:
        lease = call(world, who, "POST", f"/api/leases/{lease_id}/revoke").json()
        return lease["status"], lease["end_reason"]

    assert revoked("tomas", given.id) == ("revoked", "returned")
    assert revoked("tomas", asked.id) == ("withdrawn", None)
    assert revoked("anna", taken.id) == ("revoked", "revoked")
    assert not world.cloud.accepts(given.access_key_id or "")
    assert not world.cloud.accepts(taken.access_key_id or "")


def test_events_tell_what_happened_and_that_the_chain_holds(world: World) -> None:
    lease = world.active()
    world.ask("mara")

    own = call(world, "tomas", "GET", f"/api/leases/{lease.id}/events").json()
    everything = call(world, "otto", "GET", "/api/events").json()
    verified = call(world, "otto", "GET", "/api/events/verify").json()

    assert [event["action"] for event in own] == ["requested", "approved", "collecting", "key-made", "collected"]
    assert set(own[0]) == {"seq", "at", "action", "actor", "lease_id", "details", "hash"}
    assert own[0]["details"] == {"until": "2w", "reason": "Winter masters, ticket VID-311"}
    assert len(everything) == 6
    assert verified == {"ok": True, "records": 6, "last_hash": everything[-1]["hash"]}


def test_an_empty_chain_holds(world: World) -> None:
    assert call(world, "otto", "GET", "/api/events/verify").json() == {
        "ok": True,
        "records": 0,
        "last_hash": "0" * 64,
    }


Prepared = Callable[[World], str]


def _fixed(path: str) -> Prepared:
    return lambda _: path


def _of(state: str, act: str, **changes: Any) -> Prepared:
    return lambda world: f"/api/leases/{getattr(world, state)(**changes).id}{act}"


def _own(world: World) -> str:
    return f"/api/leases/{world.ask('mara').id}/approve"


def _broken(world: World) -> str:
    world.active()
    link = world.store.chain[1]
    forged = AuditEvent(at=link.event.at, action="denied", actor="nobody", lease_id=None, details={})
    world.store.chain[1] = replace(link, event=forged)
    return "/api/events/verify"


def _busy(world: World) -> str:
    def busy(_: str) -> None:
        raise StoreBusy("The ledger is locked.")

    world.store.before = busy
    return "/api/leases"


def _away(world: World) -> str:
    path = f"/api/leases/{world.approved().id}/collect"
    world.cloud.before = away
    return path


def _unforeseen(world: World) -> str:
    path = f"/api/leases/{world.approved().id}/collect"
    world.cloud.before = fail_at("CreateUser", ZeroDivisionError("the secret plan"))
    return path


def _late(world: World) -> str:
    path = f"/api/leases/{world.approved(until='1w').id}/collect"
    world.clock.pass_time(weeks=1)
    return path


FAILURES: list[tuple[str, str | None, str, Prepared, Any, int, str]] = [
    ("nobody", None, "GET", _fixed("/api/me"), None, 401, "KL-301"),
    ("unknown person", "eve", "GET", _fixed("/api/me"), None, 401, "KL-301"),
    ("unknown route", "tomas", "GET", _fixed("/api/nothing"), None, 404, "KL-206"),
    ("wrong method", "tomas", "DELETE", _fixed("/api/me"), None, 405, "KL-206"),
    ("unknown whose", "tomas", "GET", _fixed("/api/leases?whose=theirs"), None, 422, "KL-206"),
    ("all, not an auditor", "tomas", "GET", _fixed("/api/leases?whose=all"), None, 403, "KL-306"),
    ("body is a list", "tomas", "POST", _fixed("/api/leases"), [], 422, "KL-206"),
    ("field missing", "tomas", "POST", _fixed("/api/leases"), {"until": "2w"}, 422, "KL-206"),
    ("field unknown", "tomas", "POST", _fixed("/api/leases"), ASK | {"admin": True}, 422, "KL-206"),
    ("field of another type", "tomas", "POST", _fixed("/api/leases"), ASK | {"until": 14}, 422, "KL-206"),
    ("unreadable until", "tomas", "POST", _fixed("/api/leases"), ASK | {"until": "soon"}, 422, "KL-201"),
    ("too long", "tomas", "POST", _fixed("/api/leases"), ASK | {"until": "5w"}, 422, "KL-202"),
    ("in the past", "tomas", "POST", _fixed("/api/leases"), ASK | {"until": "2026-11-01T00:00Z"}, 422, "KL-203"),
    ("no reason", "tomas", "POST", _fixed("/api/leases"), ASK | {"reason": " "}, 422, "KL-205"),
    ("long reason", "tomas", "POST", _fixed("/api/leases"), ASK | {"reason": "x" * 201}, 422, "KL-205"),
    ("not granted", "nils", "POST", _fixed("/api/leases"), ASK, 403, "KL-302"),
    ("unknown account", "tomas", "POST", _fixed("/api/leases"), ASK | {"account": "x"}, 403, "KL-302"),
    ("store busy", "tomas", "POST", _busy, ASK, 503, "KL-601"),
    ("no such lease", "tomas", "GET", _fixed("/api/leases/L-00000000"), None, 404, "KL-401"),
    ("not theirs to see", "nils", "GET", _of("ask", ""), None, 404, "KL-401"),
    ("not theirs to see, events", "nils", "GET", _of("ask", "/events"), None, 404, "KL-401"),
    ("own request", "mara", "POST", _own, {}, 403, "KL-303"),
    ("not an approver", "otto", "POST", _of("ask", "/approve"), {}, 403, "KL-304"),
    ("approve too long", "priya", "POST", _of("ask", "/approve"), {"until": "3w"}, 422, "KL-202"),
    ("approve unreadable", "priya", "POST", _of("ask", "/approve"), {"until": "?"}, 422, "KL-201"),
    ("approve twice", "jonas", "POST", _of("approved", "/approve"), {}, 409, "KL-404"),
    ("deny without a word", "priya", "POST", _of("ask", "/deny"), {"reason": ""}, 422, "KL-205"),
    ("deny without a body", "priya", "POST", _of("ask", "/deny"), None, 422, "KL-206"),
    ("collect unapproved", "tomas", "POST", _of("ask", "/collect"), None, 409, "KL-402"),
    ("collect another's", "priya", "POST", _of("approved", "/collect"), None, 403, "KL-305"),
    ("collect twice", "tomas", "POST", _of("collecting", "/collect"), None, 409, "KL-403"),
    ("collect late", "tomas", "POST", _late, None, 409, "KL-405"),
    ("collect, AWS away", "tomas", "POST", _away, None, 503, "KL-501"),
    ("collect, unforeseen", "tomas", "POST", _unforeseen, None, 500, "KL-100"),
    ("other key", "tomas", "POST", _of("collecting", "/acknowledge"), {"access_key_id": "A"}, 409, "KL-405"),
    ("renew another's", "priya", "POST", _of("active", "/renew"), {}, 403, "KL-305"),
    ("renew too long", "tomas", "POST", _of("active", "/renew"), {"until": "9w"}, 422, "KL-202"),
    ("revoke another's", "otto", "POST", _of("active", "/revoke"), None, 403, "KL-305"),
    ("events, not an auditor", "tomas", "GET", _fixed("/api/events"), None, 403, "KL-306"),
    ("verify, not an auditor", "tomas", "GET", _fixed("/api/events/verify"), None, 403, "KL-306"),
    ("verify a broken chain", "otto", "GET", _broken, None, 500, "KL-604"),
]


@pytest.mark.parametrize(
    ("who", "method", "prepared", "body", "status", "code"),
    [case[1:] for case in FAILURES],
    ids=[case[0] for case in FAILURES],
)
def test_a_failure_has_its_status_and_its_code(
    world: World, who: str | None, method: str, prepared: Prepared, body: Any, status: int, code: str
) -> None:
    path = prepared(world)

    answer = call(world, who, method, path, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "sentence", "hint"}
    assert answer.json()["sentence"].endswith(".")
    assert "secret" not in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"null", b'"text"', b"\xff\xfe", b'{"until": "2w"'])
def test_what_is_no_json_is_told_so(world: World, body: bytes) -> None:
    with world.program("tomas") as client:
        answer = client.post("/api/leases", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (422, "KL-206")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": "a\ud800b"}, "KL-206"),
        ({"reason": "a\x00b"}, "KL-206"),
        ({"reason": "\x1b[31m\x9b2J"}, "KL-206"),
        ({"permission_set": "\udfff"}, "KL-206"),
        ({"until": "2w\ud800"}, "KL-206"),
        ({"until": "999999w" * 143}, "KL-201"),
        ({"kind": "\ud800"}, "KL-206"),
        ({"\ud800": "x"}, "KL-206"),
        ({"reason": "\u200b\u3164"}, "KL-205"),
        ({"reason": "approve \u202egnp.exe"}, "KL-205"),
    ],
)
def test_what_cannot_be_stored_or_read_is_refused_with_a_sentence(
    world: World, changes: dict[str, str], code: str
) -> None:
    answer = call(world, "tomas", "POST", "/api/leases", ASK | changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not world.store.leases


@pytest.mark.parametrize("reason", ["\ud800", "\x00", "\u200b", " ", "\u202ex"])
def test_a_denial_has_a_reason_that_can_be_read(world: World, reason: str) -> None:
    lease = world.ask()
    answer = call(world, "priya", "POST", f"/api/leases/{lease.id}/deny", {"reason": reason})
    assert answer.status_code == 422
    assert world.store.get(lease.id).state == "requested"


@pytest.mark.parametrize("body", [{"grant_type": "\ud800"}, {"machine": "\ud800"}])
def test_a_terminal_may_say_no_more(world: World, body: dict[str, str]) -> None:
    path = "/api/token" if "grant_type" in body else "/api/device"
    assert call(world, None, "POST", path, body).status_code == 422


def test_a_renewal_whose_reason_is_empty_is_refused_as_on_the_page(world: World) -> None:
    lease = world.active()
    for reason in ("", "  "):
        answer = call(world, "tomas", "POST", f"/api/leases/{lease.id}/renew", {"reason": reason})
        assert (answer.status_code, answer.json()["code"]) == (422, "KL-205")
    assert list(world.store.leases) == [lease.id]


def test_events_come_a_page_at_a_time(world: World) -> None:
    for number in range(7):
        world.store.append(AuditEvent(at=world.clock.now(), action="x", actor="y", details={"n": number}))

    def page(query: str) -> list[int]:
        return [one["seq"] for one in call(world, "otto", "GET", f"/api/events?{query}").json()]

    assert page("") == [1, 2, 3, 4, 5, 6, 7]
    assert page("limit=3") == [1, 2, 3]
    assert page("after=3&limit=3") == [4, 5, 6]
    assert page("after=6&limit=3") == [7]
    assert page("after=7") == []
    for wrong in ("limit=0", "limit=1001", "after=-1", f"after={2**64}", "after=x"):
        assert call(world, "otto", "GET", f"/api/events?{wrong}").status_code == 422
    assert call(world, "tomas", "GET", "/api/events?limit=1").status_code == 403


def test_no_page_has_more_than_a_thousand_events(world: World) -> None:
    for _ in range(1001):
        world.store.append(AuditEvent(at=world.clock.now(), action="x", actor="y", details={}))
    assert len(call(world, "otto", "GET", "/api/events").json()) == 1000


def test_what_was_written_wrong_is_not_repeated(world: World) -> None:
    with world.program("tomas") as client:
        answer = client.post("/api/leases", json=ASK | {"until": {"hunter2": 1}})

    assert "until" in answer.json()["sentence"]
    assert "hunter2" not in answer.text


def test_every_route_is_described_and_nothing_is_loaded_from_elsewhere(world: World) -> None:
    with world.program() as client:
        described = client.get("/openapi.json").json()
        page = client.get("/docs")
        files = [client.get(f"/docs/{name}").status_code for name in ("swagger-ui.css", "swagger-ui-bundle.js")]
        other = client.get("/docs/index.html")

    assert {path for path in described["paths"] if path.startswith("/api")} == {
        *("/api/me", "/api/sets", "/api/leases", "/api/events", "/api/events/verify", "/api/token", "/api/device"),
        "/api/leases/{lease_id}",
        *(f"/api/leases/{{lease_id}}/{act}" for act in ("approve", "deny", "collect", "acknowledge", "undo")),
        *(
            f"/api/leases/{{lease_id}}/{act}"
            for act in ("renew", "revoke", "replace", "events", "session", "machine", "launch-roles")
        ),
    }
    assert "http" not in page.text
    assert files == [200, 200]
    assert other.status_code == 404
