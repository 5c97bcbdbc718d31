"""Letting a terminal sign in, and what it then does with its tokens."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from directory_world import COMPANY, PEOPLE, Company, query_of, walk
from fastapi import FastAPI
from web_world import Page, Switch, World, client_of

from keylease.domain.secret import Secret, random
from keylease.domain.terminal import REFRESH_PREFIX, challenge_of, number_of
from keylease.errors import DirectoryUnreachable, SignInRefused
from keylease.terminals import ACCESS_LASTS, CODE_LASTS
from keylease.web.factory import attach

REDIRECT = "http://127.0.0.1:40123/signed-in"


def refresh_token() -> str:
    return random(REFRESH_PREFIX).reveal()


@dataclass
class Terminal:
    """A terminal as far as the server sees it."""

    company: Company
    redirect: str = REDIRECT
    verifier: Secret = field(default_factory=random)
    refresh: str = field(default_factory=refresh_token)
    access: str = ""

    def asks(self, **changes: str) -> dict[str, str]:
        asked = {
            "code_challenge": challenge_of(self.verifier),
            "redirect": self.redirect,
            "state": "s&t=a t",
            "machine": "laptop-7",
        }
        return asked | changes

    def code(self, subject: str = "mara", **changes: str) -> str:
        """Have a person say yes in their browser; the code that comes back."""
        with self.company.browser(subject) as client:
            page = Page(client.get("/cli/authorize", params=self.asks(**changes)).text)
            form = page.form("/cli/authorize")
            assert form.choices["may"] == ["yes", "no"]
            answer = client.post(form.action, data=form.fields | {"may": "yes"})
        if not self.redirect:
            return Page(answer.text).fields["code"]
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{self.redirect}?")
        back = query_of(answer.headers["location"])
        assert back.keys() == {"code", "state"}
        assert back["state"] == "s&t=a t"
        return back["code"]

    def exchange(self, code: str, /, **changes: str) -> httpx.Response:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self.verifier.reveal(),
            "redirect": self.redirect,
            "next_refresh_token": self.refresh,
        }
        return self.post(asked | changes)

    def again(self, following: str | None = None, *, shown: str | None = None) -> httpx.Response:
        """Refresh."""
        next_one = following or refresh_token()
        answer = self.post(
            {
                "grant_type": "refresh_token",
                "refresh_token": shown or self.refresh,
                "next_refresh_token": next_one,
            }
        )
        if answer.status_code == 200:
            self.refresh, self.access = next_one, answer.json()["access_token"]
        return answer

    def post(self, body: Any, path: str = "/api/token") -> httpx.Response:
        with client_of(self.company.address) as client:
            headers = {"Content-Type": "application/json"}
            return client.post(path, content=json.dumps(body), headers=headers)

    def me(self, access: str | None = None) -> httpx.Response:
        return self.call("GET", "/api/me", access or self.access)

    def call(self, method: str, path: str, token: str) -> httpx.Response:
        with client_of(self.company.address, headers={"Authorization": f"Bearer {token}"}) as client:
            return client.request(method, path)

    def signed_in(self, subject: str = "mara") -> Terminal:
        answer = self.exchange(self.code(subject))
        assert answer.status_code == 200, answer.text
        self.access = answer.json()["access_token"]
        return self


def ended(company: Company) -> list[object]:
    return [link.event.details["why"] for link in company.store.chain if link.event.action == "terminal-ended"]


@pytest.fixture
def terminal(company: Company) -> Terminal:
    return Terminal(company)


@pytest.fixture(params=["loopback", "pasted"])
def either(request: pytest.FixtureRequest, company: Company) -> Terminal:
    """A terminal that listens, and one whose person pastes."""
    return Terminal(company, redirect=REDIRECT if request.param == "loopback" else "")


def test_a_person_says_yes_and_the_terminal_acts_as_them(either: Terminal) -> None:
    answer = either.exchange(either.code("tomas"))
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert tokens | {"access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 900,
        "signed_in_until": "2026-12-24T12:00:00Z",
    }
    me = either.me(tokens["access_token"]).json()
    assert (me["id"], me["name"], me["groups"]) == (PEOPLE["tomas"].id, "Tomás Ortega", ["video"])
    assert (me["authenticated_at"], me["methods"]) == ("2026-11-24T12:00:00Z", ["pwd"])
    assert me["signed_in_until"] == "2026-12-24T12:00:00Z"


def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_question(terminal: Terminal) -> None:
    with terminal.company.browser() as client:
        begun = client.get("/cli/authorize", params=terminal.asks())
        page = Page(walk(client, begun.headers["location"], "mara").text)
    assert "Sign in this terminal?" in page.text
    assert page.form("/cli/authorize").fields == {
        "code_challenge": challenge_of(terminal.verifier),
        "redirect": REDIRECT,
        "state": "s&t=a t",
        "machine": "laptop-7",
    }


def test_the_page_says_who_which_machine_until_when_and_the_terminals_number(terminal: Terminal) -> None:
    with terminal.company.browser("mara") as client:
        answer = client.get("/cli/authorize", params=terminal.asks())
    text = Page(answer.text).text
    for word in ("Mara Lind", "laptop-7", "Thu 24 Dec, 12:00 UTC", number_of(challenge_of(terminal.verifier))):
        assert word in text
    assert "form-action 'self' http://127.0.0.1:40123;" in answer.headers["content-security-policy"]


def test_looking_at_the_page_lets_nobody_in(terminal: Terminal) -> None:
    with terminal.company.browser("mara") as client:
        client.get("/cli/authorize", params=terminal.asks() | {"may": "yes"})
    assert "code" not in repr(vars(terminal.company.kept.one_time))


def test_a_no_goes_to_the_terminal(either: Terminal) -> None:
    with either.company.browser("mara") as client:
        answer = client.post("/cli/authorize", data=either.asks() | {"may": "no"})
    if either.redirect:
        assert query_of(answer.headers["location"]) == {"error": "access_denied", "state": "s&t=a t"}
    else:
        assert answer.headers["location"] == "/leases"


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect": "https://evil.example/signed-in"},
        {"redirect": "http://evil.example/signed-in"},
        {"redirect": "http://127.0.0.1/signed-in"},
        {"redirect": "http://127.0.0.1:40123/other"},
        {"redirect": "http://127.0.0.1:40123/signed-in/"},
        {"redirect": "http://127.0.0.1:40123/signed-in?x=1"},
        {"redirect": "http://127.0.0.1:40123@evil.example/signed-in"},
        {"redirect": "http://127.0.0.1.evil.example:40123/signed-in"},
        {"redirect": "http://127.0.0.2:40123/signed-in"},
        {"redirect": "http://localhost:40123/signed-in"},
        {"redirect": "http://[::1]:40123/signed-in"},
        {"redirect": "http://127.0.0.1:0/signed-in"},
        {"redirect": "http://127.0.0.1:65536/signed-in"},
        {"redirect": "http://127.0.0.1:40123/signed-in\n"},
        {"redirect": "HTTP://127.0.0.1:40123/signed-in"},
        {"redirect": "http://127.0.0.1:4\N{ARABIC-INDIC DIGIT THREE}/signed-in"},
        {"code_challenge": ""},
        {"code_challenge": "plain"},
        {"code_challenge": "x" * 44},
    ],
    ids=lambda changes: str(next(iter(changes.values()))),
)
def test_a_wish_of_another_form_is_refused_on_the_page_and_on_the_answer(
    terminal: Terminal, changes: dict[str, str]
) -> None:
    asked = terminal.asks(**changes)
    with terminal.company.browser("mara") as client:
        seen = client.get("/cli/authorize", params=asked)
        said = client.post("/cli/authorize", data=asked | {"may": "yes"})
        denied = client.post("/cli/authorize", data=asked | {"may": "no"})
    for answer in (seen, said, denied):
        assert (answer.status_code, "KL-308" in answer.text) == (403, True)
        assert "location" not in answer.headers


def test_a_terminal_lets_no_terminal_in(terminal: Terminal) -> None:
    terminal.signed_in()
    headers = {"Authorization": f"Bearer {terminal.access}", "Origin": terminal.company.address}
    with client_of(terminal.company.address, headers=headers) as client:
        seen = client.get("/cli/authorize", params=terminal.asks())
        said = client.post("/cli/authorize", data=terminal.asks() | {"may": "yes"})
    for answer in (seen, said):
        assert (answer.status_code, "KL-307" in answer.text) == (403, True)


def test_a_bare_name_lets_no_terminal_in(world: World) -> None:
    with world.program("mara") as client:
        answer = client.get("/cli/authorize", params={"code_challenge": "x" * 43})
    assert (answer.status_code, "KL-307" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"code": "x" * 43}, "unknown, over, or was used before"),
        ({"code_verifier": "x" * 43}, "another terminal"),
        ({"code_verifier": ""}, "another terminal"),
        ({"redirect": "http://127.0.0.1:40124/signed-in"}, "another address"),
        ({"redirect": ""}, "another address"),
        ({"next_refresh_token": "short"}, "no proper refresh token"),
        ({"next_refresh_token": "x" * 47}, "no proper refresh token"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_code_is_good_for_its_terminal_alone_and_for_one_try(
    terminal: Terminal, changes: dict[str, str], sentence: str
) -> None:
    code = terminal.code()
    refused = terminal.exchange(code, **changes)
    assert (refused.status_code, refused.json()["code"]) == (403, "KL-308")
    assert sentence in refused.json()["sentence"]
    assert terminal.exchange(code).status_code == (200 if "code" in changes else 403)


def test_a_code_ends_after_a_minute(terminal: Terminal) -> None:
    code = terminal.code()
    terminal.company.clock.pass_time(seconds=CODE_LASTS.total_seconds())
    assert terminal.exchange(code).json()["code"] == "KL-308"


def test_a_code_that_comes_back_ends_what_it_was_exchanged_for(terminal: Terminal) -> None:
    code = terminal.code()
    terminal.access = terminal.exchange(code).json()["access_token"]
    assert terminal.me().status_code == 200
    thief = Terminal(terminal.company)
    assert thief.exchange(code).status_code == 403
    assert terminal.me().status_code == 401
    assert terminal.again().json()["code"] == "KL-301"
    assert ended(terminal.company) == ["code used twice"]


def test_an_access_token_ends_and_the_refresh_token_gives_the_next(terminal: Terminal) -> None:
    terminal.signed_in()
    for _ in range(3):
        terminal.company.clock.pass_time(seconds=ACCESS_LASTS.total_seconds() - 1)
        assert terminal.me().status_code == 200
        terminal.company.clock.pass_time(seconds=1)
        over = terminal.me()
        assert (over.status_code, over.json()["code"], over.json()["hint"]) == (
            401,
            "KL-301",
            "Run `keylease login` again.",
        )
        assert terminal.again().status_code == 200
        assert terminal.me().status_code == 200


def test_a_refresh_token_that_comes_back_after_its_use_ends_the_sign_in(terminal: Terminal) -> None:
    terminal.signed_in()
    stolen = terminal.refresh
    assert terminal.again().status_code == 200
    thief = Terminal(terminal.company).again(shown=stolen)
    assert (thief.status_code, thief.json()["code"]) == (401, "KL-301")
    assert "came back after its use" in thief.json()["sentence"]
    assert terminal.me().status_code == 401
    assert terminal.again().status_code == 401
    assert ended(terminal.company) == ["refresh token used twice"]


def test_an_answer_that_was_lost_costs_nothing(terminal: Terminal) -> None:
    terminal.signed_in()
    following = refresh_token()
    before = terminal.refresh
    assert terminal.again(following).status_code == 200
    assert terminal.again(following, shown=before).status_code == 200
    assert terminal.again().status_code == 200
    assert terminal.again(following, shown=before).status_code == 401


def test_a_sign_in_ends_when_the_administrator_says_however_often_it_is_refreshed(
    server: tuple[str, Switch], web: FastAPI
) -> None:
    address, switch = server
    company = Company(address, settings=COMPANY | {"sign_in": {"terminal": "1h"}})
    attach(web, company.app, address=address)
    switch.app = web
    terminal = Terminal(company).signed_in()
    for _ in range(5):
        company.clock.pass_time(minutes=10)
        assert terminal.again().status_code == 200
    assert terminal.again().json()["expires_in"] == 600, "no longer than the sign-in"
    company.clock.pass_time(minutes=10)
    assert terminal.me().status_code == 401
    assert terminal.again().json()["sentence"] == "This terminal's sign-in is over."


@pytest.mark.parametrize("with_which", ["access", "refresh"])
def test_signing_out_ends_the_sign_in_with_all_its_tokens(terminal: Terminal, with_which: str) -> None:
    terminal.signed_in()
    before = terminal.access
    terminal.again()
    token = terminal.access if with_which == "access" else terminal.refresh
    assert terminal.call("DELETE", "/api/token", token).json() == {"ended": True}
    assert terminal.call("DELETE", "/api/token", token).json() == {"ended": False}
    assert [terminal.me(one).status_code for one in (before, terminal.access)] == [401, 401]
    assert terminal.again().status_code == 401
    assert ended(terminal.company) == ["signed out"]


def test_what_is_no_token_signs_nobody_out(terminal: Terminal) -> None:
    for token in ("kla_unknown", "klr_unknown"):
        assert terminal.call("DELETE", "/api/token", token).json() == {"ended": False}
    with client_of(terminal.company.address) as client:
        assert client.delete("/api/token").status_code == 401


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(terminal: Terminal) -> None:
    terminal.signed_in()
    assert terminal.me(terminal.refresh).status_code == 401
    assert terminal.again(shown=terminal.access).status_code == 401
    assert terminal.me().status_code == 200


def test_a_lost_laptop_is_signed_out_from_a_browser(terminal: Terminal) -> None:
    terminal.signed_in()
    others = Terminal(terminal.company).signed_in("tomas")
    with terminal.company.browser("mara") as client:
        page = Page(client.get("/sign-ins").text)
        assert "laptop-7, used just now" in page.text
        [name] = page.form("/sign-ins/end").choices["terminal"]
        [foreign] = [one.id for one in others.company.app.terminals.of(PEOPLE["tomas"])]
        for one in (foreign, "T-unknown", name):
            assert client.post("/sign-ins/end", data={"terminal": one}).status_code == 303
        assert "No terminal is signed in." in client.get("/sign-ins").text
    assert (terminal.me().status_code, others.me().status_code) == (401, 200)
    assert ended(terminal.company) == ["signed out elsewhere"]


def test_signing_out_everywhere_ends_terminals_too(terminal: Terminal) -> None:
    terminal.signed_in()
    with terminal.company.browser("mara") as client:
        client.post("/sign-ins/end-all")
    assert terminal.me().status_code == 401


def test_signing_out_of_the_browser_leaves_the_terminal(terminal: Terminal) -> None:
    terminal.signed_in()
    with terminal.company.browser("mara") as client:
        client.post("/sign-out")
    assert terminal.me().status_code == 200


@pytest.mark.parametrize(
    ("asked", "minutes", "demanded"),
    [
        ({}, 60, []),
        ({"fresh": "true"}, 5, []),
        ({"fresh": "true"}, 6, [(timedelta(minutes=5), False)]),
        ({"mfa": "true"}, 0, [(None, True)]),
        ({"mfa": "true", "fresh": "true"}, 6, [(timedelta(minutes=5), True)]),
    ],
)
def test_a_terminal_may_ask_for_a_new_sign_in(
    terminal: Terminal, asked: dict[str, str], minutes: int, demanded: list[object]
) -> None:
    with terminal.company.browser("mara") as client:
        terminal.company.clock.pass_time(minutes=minutes)
        begun = client.get("/cli/authorize", params=terminal.asks(**asked))
        if demanded:
            begun = walk(client, begun.headers["location"], "mara")
        assert "Sign in this terminal?" in begun.text
    assert terminal.company.directory.asked[1:] == demanded


def test_a_machine_may_call_itself_anything(terminal: Terminal) -> None:
    name = "<b>\x1b[31m\u202e" + "x" * 100
    terminal.access = terminal.exchange(terminal.code(machine=name)).json()["access_token"]
    [kept] = terminal.company.app.terminals.of(PEOPLE["mara"])
    assert kept.machine == ("<b>[31m" + "x" * 100)[:64]
    with terminal.company.browser("mara") as client:
        assert "<b>[31m" not in client.get("/sign-ins").text


def test_a_person_signs_in_on_another_device(terminal: Terminal) -> None:
    begun = terminal.post({"machine": "server-3"}, "/api/device").json()
    assert begun | {"device_code": ""} == {
        "device_code": "",
        "user_code": "WDJB-MJHT",
        "verification_address": "https://directory.example/device",
        "interval": 5,
        "expires_in": 900,
    }
    asked = {
        "grant_type": "device_code",
        "device_code": begun["device_code"],
        "next_refresh_token": terminal.refresh,
    }
    for _ in range(3):
        waiting = terminal.post(asked)
        assert (waiting.status_code, waiting.json()) == (202, {"pending": True})
    terminal.company.directory.failure = DirectoryUnreachable("It does not answer.")
    assert terminal.post(asked).status_code == 503
    terminal.company.directory.failure = None
    terminal.company.directory.on_device = "tomas"
    terminal.access = terminal.post(asked).json()["access_token"]
    assert terminal.me().json()["name"] == "Tomás Ortega"
    assert terminal.post(asked).status_code == 403, "once"
    assert terminal.again().status_code == 200


@pytest.mark.parametrize("way", ["late", "unknown", "refused"])
def test_a_device_code_that_leads_nowhere_is_refused(terminal: Terminal, way: str) -> None:
    begun = terminal.post({}, "/api/device").json()
    asked = {
        "grant_type": "device_code",
        "device_code": begun["device_code"],
        "next_refresh_token": terminal.refresh,
    }
    if way == "late":
        terminal.company.clock.pass_time(minutes=15)
    elif way == "refused":
        terminal.company.directory.failure = SignInRefused("The directory says no.")
    else:
        asked["device_code"] = "x"
    assert terminal.post(asked).json()["code"] == "KL-308"
    terminal.company.directory.failure = None
    terminal.company.directory.on_device = "mara"
    assert terminal.post(asked).status_code == 403


def test_where_the_directory_has_no_device_sign_in_that_is_said(world: World) -> None:
    with world.program() as client:
        answer = client.post("/api/device", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "KL-308")
    assert "no sign-in with a device code" in answer.json()["sentence"]


def test_half_a_sign_is_refused_like_any_other_code(terminal: Terminal) -> None:
    assert terminal.exchange("\ud800").status_code in {403, 422}


@pytest.mark.parametrize(
    "body", [{}, {"grant_type": "password"}, {"grant_type": "refresh_token"}, [], "x", {"grant_type": None}]
)
def test_a_body_of_another_form_is_refused_and_not_repeated(terminal: Terminal, body: Any) -> None:
    secret = "klr_" + "s" * 43
    answer = terminal.post(body | {"refresh_token": secret, "other": secret} if isinstance(body, dict) else body)
    assert (answer.status_code, answer.json()["code"]) == (422, "KL-206")
    assert secret not in answer.text


def test_no_token_and_no_code_is_in_a_log_or_on_record(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    for server in ("keylease", "uvicorn.error"):
        caplog.set_level(logging.DEBUG, server)
    code = terminal.code()
    refresh = terminal.refresh
    terminal.access = terminal.exchange(code).json()["access_token"]
    access = terminal.access
    terminal.again()
    company = terminal.company
    kept = repr([vars(part) for part in (company.kept.sessions, company.kept.terminals, company.kept.one_time)])
    written = kept + repr(company.store.chain) + caplog.text
    for secret in (code, refresh, access, terminal.refresh, terminal.access, terminal.verifier.reveal()):
        assert secret not in written
    [event] = [link.event for link in company.store.chain if link.event.action == "terminal-signed-in"]
    assert (event.actor, event.details["machine"]) == (PEOPLE["mara"].id, "laptop-7")
