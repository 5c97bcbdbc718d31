"""Signing in with a browser, staying, and leaving."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from directory_world import COMPANY, PEOPLE, Company, back, query_of, walk
from fastapi import FastAPI
from web_world import Page, Switch, World, client_of, sign_in

from keylease.browsers import BEGUN_FOR, NOTED_EVERY, SESSION, Stay
from keylease.domain.secret import digest
from keylease.errors import DirectoryUnreachable, SignInRefused, UnsafeNotAllowed
from keylease.testing_sign_ins import MemorySessions
from keylease.web import create
from keylease.web.factory import attach
from keylease.web.local import LONGEST, local

STAY = Stay()


def again_of(answer: httpx.Response) -> str:
    """Where a page says that one signs in again."""
    [again] = [link for link in Page(answer.text).links if urlsplit(link).path == "/sign-in"]
    return again


def cookie_of(client: Any) -> str:
    return str(client.cookies["keylease"])


def test_somebody_is_sent_to_the_directory_and_comes_back_to_the_page_they_asked_for(company: Company) -> None:
    lease = company.ask()
    with company.browser() as client:
        asked = client.get(f"/leases/{lease.id}?x=1&y=%2F")
        assert (asked.status_code, asked.headers["location"]) == (
            303,
            f"/sign-in?{urlencode({'to': f'/leases/{lease.id}?x=1&y=%2F'}, safe='/')}",
        )
        begun = client.get(asked.headers["location"])
        assert query_of(begun.headers["location"])["redirect_uri"] == f"{company.address}/sign-in/callback"
        entered = client.get(back(begun.headers["location"], "tomas"))
        assert (entered.status_code, entered.headers["location"]) == (303, f"/leases/{lease.id}?x=1&y=%2F")
        assert "Tomás Ortega" in client.get(entered.headers["location"]).text
    assert company.directory.asked == [(None, False)]


@pytest.mark.parametrize(
    ("address", "name", "begun_name", "secure"),
    [
        ("http://127.0.0.1:8465", "keylease", "keylease-begun", False),
        ("http://localhost:8465", "keylease", "keylease-begun", False),
        ("https://keys.company.example", "__Host-keylease", "__Host-keylease-begun", True),
        ("https://localhost:8465/", "__Host-keylease", "__Host-keylease-begun", True),
    ],
)
def test_the_cookies_are_out_of_reach_of_scripts_and_other_sites(
    company: Company, web: FastAPI, address: str, name: str, begun_name: str, *, secure: bool
) -> None:
    attach(web, company.app, address=address)
    with client_of(company.address) as client:
        begun = client.get("/sign-in")
        carried, *parts = begun.headers["set-cookie"].split("; ")
        assert carried.startswith(f"{begun_name}=")
        assert sorted(parts) == sorted(["HttpOnly", "Path=/", "SameSite=lax", "Max-Age=600", *["Secure"] * secure])
        answer = f"/sign-in/callback?state={query_of(begun.headers['location'])['state']}&code=mara"
        entered = client.get(answer, headers={"Cookie": carried})
        carried, *parts = entered.headers["set-cookie"].split("; ")
        assert re.fullmatch(rf"{name}=[\w-]{{43}}", carried)
        assert sorted(parts) == sorted(["HttpOnly", "Path=/", "SameSite=lax", *["Secure"] * secure])
        assert client.get("/leases", headers={"Cookie": carried}).status_code == 200
        other = carried.replace(name, "keylease" if secure else "__Host-keylease")
        assert client.get("/leases", headers={"Cookie": other}).status_code == 303, (
            "the prefix is part of the proof"
        )


def test_a_sign_in_has_a_new_id_and_the_one_before_is_dead(company: Company) -> None:
    with company.browser("mara") as client:
        first = cookie_of(client)
        walk(client, "/sign-in", "tomas")
        second = cookie_of(client)
        assert first != second
        assert "Tomás Ortega" in client.get("/leases").text
        client.cookies.clear()
        assert client.get("/leases", headers={"Cookie": f"keylease={first}"}).status_code == 303
        assert client.get("/leases", headers={"Cookie": f"keylease={second}"}).status_code == 200


def test_an_id_that_somebody_planted_is_not_taken_on(company: Company) -> None:
    planted = "x" * 43
    with company.browser() as client:
        client.cookies.set("keylease", planted)
        walk(client, "/leases", "mara")
        assert digest(SESSION, planted) not in _sessions(company).sessions
        client.cookies.clear()
        assert client.get("/leases", headers={"Cookie": f"keylease={planted}"}).status_code == 303


@pytest.mark.parametrize(
    "change", [lambda value: value[:-2] + ("aa" if value[-2:] != "aa" else "bb"), lambda _: "mara", lambda _: ""]
)
def test_an_id_that_we_did_not_make_is_worth_nothing(company: Company, change: Any) -> None:
    with company.browser("mara") as signed_in, client_of(company.address) as client:
        value = cookie_of(signed_in)
        assert client.get("/leases", headers={"Cookie": f"keylease={value}"}).status_code == 200
        answer = client.get("/leases", headers={"Cookie": f"keylease={change(value)}"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_signing_out_ends_the_session_at_the_server_too(company: Company) -> None:
    with company.browser("mara") as client:
        value = cookie_of(client)
        answer = client.post("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out")
        assert "keylease" not in client.cookies
        assert "You are signed out" in client.get("/signed-out").text
        assert client.get("/leases", headers={"Cookie": f"keylease={value}"}).status_code == 303


@pytest.mark.parametrize(
    ("pauses", "lives"),
    [
        ([STAY.idle - timedelta(seconds=1)], True),
        ([STAY.idle], False),
        ([STAY.idle / 2] * 27, True),
        ([STAY.idle / 2] * 28, False),  # seven days
        ([STAY.idle / NOTED_EVERY - timedelta(seconds=1), STAY.idle - timedelta(seconds=400)], False),
    ],
    ids=["used in time", "idle", "used on and on", "as old as can be", "a use too soon after the last to be noted"],
)
def test_a_session_ends_when_nobody_uses_it_and_when_it_is_old(
    company: Company, pauses: list[timedelta], *, lives: bool
) -> None:
    with company.browser("mara") as client:
        for pause in pauses[:-1]:
            company.clock.pass_time(seconds=pause.total_seconds())
            assert client.get("/leases").status_code == 200
        company.clock.pass_time(seconds=pauses[-1].total_seconds())
        assert (client.get("/leases").status_code == 200) is lives


def test_how_long_a_session_lasts_is_the_administrators_to_say(server: tuple[str, Switch], web: FastAPI) -> None:
    address, switch = server
    company = Company(address, settings=COMPANY | {"sign_in": {"idle": "10m", "absolute": "1h"}})
    attach(web, company.app, address=address)
    switch.app = web
    with company.browser("mara") as client:
        for _ in range(6):
            assert client.get("/leases").status_code == 200
            company.clock.pass_time(minutes=9, seconds=59)
        company.clock.pass_time(seconds=6)
        assert client.get("/leases").status_code == 303


def test_a_session_outlives_the_process(company: Company, web: FastAPI) -> None:
    with company.browser("mara") as client:
        again = Company(company.address, kept=company.kept, store=company.store)
        attach(web, again.app, address=company.address)
        assert client.get("/leases").status_code == 200


def test_only_one_use_in_a_while_is_written_down(company: Company) -> None:
    with company.browser("mara") as client:
        kept = _sessions(company)
        before = dict(kept.sessions)
        client.get("/leases")
        assert kept.sessions == before
        company.clock.pass_time(minutes=8)
        client.get("/leases")
        assert kept.sessions != before


OWN = "/leases"


@pytest.mark.parametrize(
    ("to", "where"),
    [
        ("/approvals", "/approvals"),
        ("/approvals?done=L-4k7m9q2x", "/approvals?done=L-4k7m9q2x"),
        ("/leases/L-4k7m9q2x/collect", "/leases/L-4k7m9q2x/collect"),
        (
            "/cli/authorize?redirect=http%3A%2F%2F127.0.0.1%3A4000",
            "/cli/authorize?redirect=http%3A%2F%2F127.0.0.1%3A4000",
        ),
        ("//evil.example", OWN),
        ("///evil.example", OWN),
        ("/\\evil.example", OWN),
        ("\\/evil.example", OWN),
        ("/leases\\evil", OWN),
        ("https://evil.example/", OWN),
        ("https:evil.example", OWN),
        ("javascript:alert(1)", OWN),
        ("evil.example", OWN),
        ("@evil.example", OWN),
        ("/leases\r\nSet-Cookie: a=b", OWN),
        ("/\t/evil.example", OWN),
        (" /leases", OWN),
        ("/leases#x", OWN),
        ("/lease\N{FULLWIDTH SOLIDUS}evil", OWN),
        ("/leases?x=<script>", OWN),
        ("/sign-in?to=/leases", OWN),
        ("/sign-in/callback?code=x", OWN),
        ("/sign-out", OWN),
        ("/signed-out", OWN),
        ("/sign-ins", "/sign-ins"),
        ("/" + "a" * LONGEST, OWN),
        ("", OWN),
    ],
)
def test_signing_in_leads_to_a_page_of_ours(company: Company, to: str, where: str) -> None:
    with company.browser() as client:
        begun = client.get("/sign-in", params={"to": to})
        entered = client.get(back(begun.headers["location"], "mara"))
    assert (entered.status_code, entered.headers["location"]) == (303, where)
    assert local(to) == where


def test_who_calls_this_machine_by_another_name_signs_in_under_the_servers_own(company: Company) -> None:
    """No cookie goes from localhost to 127.0.0.1, and the directory sends everybody back to one of the two."""
    port = urlsplit(company.address).port
    with client_of(company.address, headers={"Host": f"localhost:{port}"}) as client:
        answer = client.get("/sign-in?to=/leases/new&mfa=true")
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            f"{company.address}/sign-in?to=/leases/new&mfa=true",
        )
        assert "set-cookie" not in answer.headers
    with client_of(company.address, headers={"Host": "localhost:1"}) as client:
        location = client.get("/sign-in").headers["location"]
        assert location.startswith("https://directory.example/"), (
            "through a tunnel the server's own port is no help"
        )


def test_what_the_directory_brings_back_has_no_say_in_where_to_go(company: Company) -> None:
    with company.browser() as client:
        begun = client.get("/sign-in?to=/approvals")
        answer = back(begun.headers["location"], "mara") + "&to=//evil.example&redirect_uri=https://evil.example"
        assert client.get(answer).headers["location"] == "/approvals"


def test_tabs_that_sign_in_at_once_all_come_back(company: Company) -> None:
    with company.browser() as client:
        begun = [client.get(f"/sign-in?to={path}").headers["location"] for path in ("/leases/new", "/approvals")]
        entered = [client.get(back(one, "mara")).headers["location"] for one in begun]
        assert entered == ["/leases/new", "/approvals"]
        assert client.get("/leases").status_code == 200


def _other_browser(company: Company, address: str) -> Any:
    with company.browser() as other:
        other.get("/sign-in")
        return other.get(address)


@pytest.mark.parametrize(
    "way", ["stolen", "twice", "late", "unknown state", "no state", "no cookie", "unknown person"]
)
def test_an_answer_that_does_not_belong_to_this_browsers_sign_in_is_refused(company: Company, way: str) -> None:
    with company.browser() as client:
        address = back(client.get("/sign-in").headers["location"], "mara")
        if way == "stolen":
            answer = _other_browser(company, address)
        elif way == "twice":
            client.get(address)
            client.cookies.delete("keylease")
            answer = client.get(address)
        elif way == "late":
            company.clock.pass_time(seconds=BEGUN_FOR.total_seconds())
            answer = client.get(address)
        elif way == "no cookie":
            with client_of(company.address) as nobody:
                answer = nobody.get(address)
        else:
            changed = {"unknown state": "state-0", "no state": "", "unknown person": query_of(address)["state"]}[
                way
            ]
            answer = client.get("/sign-in/callback", params={"state": changed, "code": "stranger"})
    assert answer.status_code == 403
    assert "KL-308" in answer.text
    assert "/sign-in" in Page(answer.text).links
    assert "keylease=" not in answer.headers.get("set-cookie", "")


def test_a_refused_sign_in_leaves_the_session_that_was_there(company: Company) -> None:
    with company.browser("mara") as client:
        begun = client.get("/sign-in")
        company.directory.failure = SignInRefused("The directory says no.")
        refused = client.get(back(begun.headers["location"], "mara"))
        assert (refused.status_code, "The directory says no." in refused.text) == (403, True)
        assert client.get("/leases").status_code == 200


def test_a_directory_that_is_away_is_said_so(company: Company) -> None:
    company.directory.failure = DirectoryUnreachable("The directory does not answer.")
    with company.browser() as client:
        answer = client.get("/sign-in")
    assert answer.status_code == 503
    assert "KL-551" in answer.text
    assert "/leases" in Page(answer.text).links


DEMANDING: dict[str, Any] = COMPANY | {
    "grants": COMPANY["grants"]
    | {"media": COMPANY["grants"]["media"] | {"require_mfa": True, "max_sign_in_age": "1h"}}
}


@pytest.fixture
def demanding(server: tuple[str, Switch], web: FastAPI) -> Company:
    """A company whose grant demands a second factor and a sign-in of the last hour."""
    address, switch = server
    made = Company(address, settings=DEMANDING)
    attach(web, made.app, address=address)
    switch.app = web
    return made


def test_who_must_sign_in_anew_does_so_and_comes_back_to_where_the_form_stood(demanding: Company) -> None:
    form = {"what": "media:media-write", "chosen": "2w", "reason": "Winter masters"}
    with demanding.browser("tomas") as client:
        refused = client.post("/leases/new", data=form, headers={"Referer": f"{demanding.address}/leases/new?a=b"})
        assert refused.status_code == 403
        assert "KL-309" in refused.text
        again = again_of(refused)
        assert query_of(again) == {"to": "/leases/new?a=b", "max_age": "3600", "mfa": "true"}
        assert walk(client, again, "tomas").url.path == "/leases/new"
        assert demanding.directory.asked == [(None, False), (timedelta(hours=1), True)]
        done = client.post("/leases/new", data=form)
    assert (done.status_code, len(demanding.store.leases)) == (303, 1)


@pytest.mark.parametrize(
    "referer", [None, "https://evil.example/leases/new", "//evil.example", "http://127.0.0.1:1/a"]
)
def test_a_form_that_stood_nowhere_of_ours_leads_back_to_the_first_page(
    demanding: Company, referer: str | None
) -> None:
    form = {"what": "media:media-write", "chosen": "2w", "reason": "Winter masters"}
    headers = {"Referer": referer} if referer else {}
    with demanding.browser("tomas") as client:
        refused = client.post("/leases/new", data=form, headers=headers)
    assert query_of(again_of(refused)) == {"max_age": "3600", "mfa": "true"}


def test_a_form_that_comes_after_the_end_of_the_session_gets_a_way_to_sign_in(company: Company) -> None:
    lease = company.ask()
    with company.browser("tomas") as client:
        company.clock.pass_time(days=8)
        page = f"{company.address}/leases/{lease.id}/revoke"
        answer = client.post(f"/leases/{lease.id}/revoke", headers={"Referer": page})
        assert answer.status_code == 401
        assert walk(client, again_of(answer), "tomas").url.path == f"/leases/{lease.id}/revoke"
    assert company.store.get(lease.id).state == "requested"


@pytest.mark.parametrize(
    "path",
    [
        "/sign-out",
        "/sign-in/unsafe",
        "/sign-ins/end",
        "/sign-ins/end-all",
        "/cli/authorize",
        "/api/token",
        "/api/device",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}],
    ids=["another origin", "no origin to tell", "another site", "nothing said"],
)
def test_another_sites_page_does_nothing_with_a_browsers_sign_in(
    company: Company, path: str, headers: dict[str, str]
) -> None:
    with company.browser("mara") as signed_in, client_of(company.address) as client:
        carried = {"Cookie": f"keylease={cookie_of(signed_in)}"}
        answer = client.post(path, headers=carried | headers, json={} if path.startswith("/api") else None)
        assert answer.status_code == 403
        assert "KL-307" in answer.text
        assert client.get("/leases", headers=carried).status_code == 200


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/callback", "/cli/authorize", "/api/token", "/api/device"])
def test_a_flood_is_held_back_and_the_rest_goes_on(company: Company, web: FastAPI, path: str) -> None:
    with company.browser("mara") as client:
        attach(web, company.app, address=company.address)
        verb = "POST" if path.startswith("/api") else "GET"
        client.headers["Authorization"] = "Bearer none"
        answers = [client.request(verb, path, json={}) for _ in range(121)]
        assert {answer.status_code for answer in answers[:-1]}.isdisjoint({429})
        held = answers[-1]
        assert (held.status_code, held.headers["retry-after"]) == (429, "1")
        assert "KL-310" in held.text
        del client.headers["Authorization"]
        assert client.get("/leases").status_code == 200, "who is signed in is not held back"
        company.clock.pass_time(seconds=1)
        assert client.request(verb, path, json={}).status_code != 429


def test_plain_http_is_for_this_machine_alone(company: Company) -> None:
    with pytest.raises(UnsafeNotAllowed, match=r"keys\.company\.example"):
        create(company.app, address="http://keys.company.example")


def test_one_ends_all_of_ones_sign_ins_and_nobody_elses(company: Company) -> None:
    with company.browser("mara") as one, company.browser("mara") as other, company.browser("tomas") as tomas:
        assert "Sign out everywhere" in one.get("/sign-ins").text
        assert one.post("/sign-ins/end-all").headers["location"] == "/signed-out"
        assert other.get("/leases").status_code == 303
        assert tomas.get("/leases").status_code == 200


def test_signing_in_and_out_is_on_record_and_no_id_is(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    for server in ("keylease", "uvicorn"):
        caplog.set_level(logging.DEBUG, server)
    with company.browser("mara") as client:
        value = cookie_of(client)
        begun = client.cookies["keylease-begun"]
        client.post("/sign-out")
    events = [link.event for link in company.store.chain]
    assert [(one.action, one.actor, dict(one.details)) for one in events] == [
        ("signed-in", PEOPLE["mara"].id, {"name": "Mara Lind", "methods": "pwd"}),
        ("signed-out", PEOPLE["mara"].id, {"name": "Mara Lind"}),
    ]
    kept = repr([vars(company.kept.sessions), vars(company.kept.one_time)])
    for secret in (value, begun):
        assert secret not in kept
        assert secret not in caplog.text


def test_a_sign_in_of_another_directory_is_over_whoever_has_the_same_id_there(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    """The configuration names subjects and groups of the directory that it names, and of no other."""
    with company.browser("priya") as client:
        company.directory.issuer = "https://another.example"
        answer = client.get("/api/me")
        assert (answer.status_code, answer.json()["code"]) == (401, "KL-301")
        assert client.get("/leases").headers["location"].startswith("/sign-in")
    assert "priya" not in caplog.text


def test_so_is_a_bare_name_where_a_directory_is(company: Company) -> None:
    with client_of(company.address, headers={"Authorization": "Unsafe-Person priya"}) as client:
        assert client.get("/api/me").status_code == 401


def test_where_nobody_may_sign_in_nobody_gets_in(empty: World) -> None:
    with empty.browser() as client:
        page = client.get("/leases")
        assert "Nobody can sign in here" in page.text
        state = query_of(str(page.url))["state"]
        answer = client.post("/sign-in/unsafe", data={"person": "anna", "state": state})
        assert (answer.status_code, "KL-308" in answer.text) == (403, True)
    with empty.program("anna") as program:
        assert program.get("/api/me").status_code == 401


def test_the_development_sign_in_goes_the_way_of_every_other(world: World) -> None:
    with world.browser() as client:
        answer = sign_in(client, "mara", "/leases/new")
        assert answer.url.path == "/leases/new"
        assert "Mara Lind" in answer.text


def _sessions(company: Company) -> MemorySessions:
    assert isinstance(company.kept.sessions, MemorySessions)
    return company.kept.sessions
