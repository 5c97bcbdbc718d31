"""The way to the provider and back: what is asked for, what ties the ends together, what is demanded afterwards."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from serving import Reply
from stand_in_issuer import BACK, CLIENT, SigningIn, StandInIssuer, signed

from keylease.domain.access import MFA
from keylease.errors import DirectoryUnreachable, KeyleaseError, SignInRefused
from keylease.identity.company import openid
from keylease.identity.provider import Registration
from keylease.testing import FakeClock


def good(signing_in: SigningIn, **demands: Any) -> str:
    return signed(signing_in.claims(signing_in.begin(**demands)))


def state_of(signing_in: SigningIn) -> str:
    assert signing_in.begun is not None
    return dict(parse_qsl(urlsplit(signing_in.begun.address).query))["state"]


def test_the_browser_is_sent_with_all_that_ties_the_answer_to_us(signing_in: SigningIn) -> None:
    asked = signing_in.begin()
    assert signing_in.begun is not None
    remembered = json.loads(signing_in.begun.memory)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(remembered["verifier"].encode()).digest()).rstrip(b"=")
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": BACK,
        "scope": "openid profile",
        "state": remembered["state"],
        "nonce": remembered["nonce"],
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
    }
    assert len({remembered["state"], remembered["nonce"], remembered["verifier"]}) == 3
    assert remembered["verifier"] not in signing_in.begun.address
    assert signing_in.begin()["state"] != asked["state"]


def test_the_code_is_exchanged_with_the_verifier_and_the_secret_in_the_body(signing_in: SigningIn) -> None:
    signing_in.finish(good(signing_in))
    assert signing_in.begun is not None
    form = signing_in.issuer.asked[-2].form
    assert form == {
        "grant_type": "authorization_code",
        "code": "a-code",
        "redirect_uri": BACK,
        "code_verifier": json.loads(signing_in.begun.memory)["verifier"],
        "client_id": CLIENT,
        "client_secret": "not-guessed",
    }


def test_a_provider_that_takes_the_secret_in_the_header_alone_gets_it_encoded(
    issuer: StandInIssuer, clock: FakeClock
) -> None:
    from keylease.domain.secret import Secret

    issuer.document = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
    signing_in = SigningIn(issuer, clock, client_secret=Secret("a:b%c+d"))
    signing_in.finish(good(signing_in))
    header = issuer.asked[-2].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(header) == f"{CLIENT}:a%3Ab%25c%2Bd".encode()
    assert "client_secret" not in issuer.asked[-2].form


def test_a_client_without_a_secret_shows_the_verifier_alone(issuer: StandInIssuer, clock: FakeClock) -> None:
    signing_in = SigningIn(issuer, clock, client_secret=None)
    signing_in.finish(good(signing_in))
    form = issuer.asked[-2].form
    assert form["client_id"] == CLIENT
    assert "client_secret" not in form
    assert "authorization" not in issuer.asked[-2].headers


ANSWERS: dict[str, tuple[dict[str, str], str]] = {
    "another sign-in's state": ({"state": "another", "code": "c"}, "(state)"),
    "a state of other letters": ({"state": "ü", "code": "c"}, "(state)"),
    "no state": ({"code": "c"}, "(state)"),
    "an error with another's state": ({"state": "another", "error": "access_denied"}, "(state)"),
    "another issuer": ({"iss": "https://evil.example", "code": "c"}, "(iss)"),
    "no code": ({}, "no code"),
    "an empty code": ({"code": ""}, "no code"),
    "declined": ({"error": "access_denied"}, "declined"),
    "declined, and a code too": ({"error": "access_denied", "code": "c"}, "declined"),
    "not signed in": ({"error": "login_required"}, "not signed in"),
    "not assigned": (
        {"error": "access_denied", "error_description": "AADSTS50105: <b>Nobody</b>"},
        "not assigned to keylease in the directory. (AADSTS50105)",
    ),
    "blocked": ({"error": "interaction_required", "error_description": "AADSTS53003: x"}, "Conditional Access"),
    "a number that is new": ({"error": "access_denied", "error_description": "AADSTS99999: x"}, "(AADSTS99999)"),
    "an error that is new": ({"error": "made_up", "error_description": "<script>"}, "refuses the sign-in"),
}


@pytest.mark.parametrize(("answer", "says"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_that_is_none_is_refused(signing_in: SigningIn, answer: dict[str, str], says: str) -> None:
    token = good(signing_in)
    whole = answer if "(state)" in says else {"state": state_of(signing_in), **answer}
    with pytest.raises(SignInRefused) as refused:
        signing_in.finish(token, answer=whole)
    assert says in refused.value.sentence
    assert "<" not in refused.value.sentence
    assert signing_in.issuer.fetches("token") == 0


def test_a_provider_that_is_busy_is_not_the_persons_fault(signing_in: SigningIn) -> None:
    token = good(signing_in)
    with pytest.raises(DirectoryUnreachable):
        signing_in.finish(token, answer={"state": state_of(signing_in), "error": "temporarily_unavailable"})


def test_a_provider_that_promises_its_name_must_give_it(issuer: StandInIssuer, clock: FakeClock) -> None:
    issuer.document = {"authorization_response_iss_parameter_supported": True}
    signing_in = SigningIn(issuer, clock)
    token = good(signing_in)
    with pytest.raises(SignInRefused, match="iss"):
        signing_in.finish(token)
    named = {"state": state_of(signing_in), "code": "c", "iss": issuer.issuer}
    assert signing_in.finish(token, answer=named).principal.name == "Mara Lind"


def test_the_answer_of_one_sign_in_finishes_no_other(signing_in: SigningIn) -> None:
    """Neither with the memory of the other, nor with its state beside one's own code."""
    first = good(signing_in)
    answer = {"state": state_of(signing_in), "code": "first"}
    second = good(signing_in)
    with pytest.raises(SignInRefused, match="state"):
        signing_in.finish(second, answer=answer)
    with pytest.raises(SignInRefused, match="nonce"):
        signing_in.finish(first)


def test_it_must_be_finished_within_ten_minutes(signing_in: SigningIn) -> None:
    good(signing_in)
    signing_in.clock.pass_time(minutes=10)
    assert signing_in.finish(signed(signing_in.claims({"nonce": nonce_of(signing_in)}))).principal.name
    good(signing_in)
    signing_in.clock.pass_time(minutes=10, seconds=1)
    with pytest.raises(SignInRefused, match="10 minutes"):
        signing_in.finish(signed(signing_in.claims({"nonce": nonce_of(signing_in)})))


def nonce_of(signing_in: SigningIn) -> str:
    assert signing_in.begun is not None
    return str(json.loads(signing_in.begun.memory)["nonce"])


@pytest.mark.parametrize("memory", ["", "null", "[]", "{}", '{"state": "x"}', '{"max_age": 1, "begun_at": "x"}'])
def test_a_memory_that_is_not_ours_is_refused(signing_in: SigningIn, memory: str) -> None:
    with pytest.raises(SignInRefused, match="not begun here"):
        signing_in.company.sign_in.complete(memory=memory, unverified_answer={}, redirect_uri=BACK)


def test_it_comes_back_to_the_address_that_it_was_begun_for(signing_in: SigningIn) -> None:
    good(signing_in)
    assert signing_in.begun is not None
    with pytest.raises(SignInRefused, match="another address"):
        signing_in.company.sign_in.complete(
            memory=signing_in.begun.memory,
            unverified_answer={"state": state_of(signing_in), "code": "c"},
            redirect_uri="http://127.0.0.1:8465/elsewhere",
        )


def test_an_age_that_was_asked_for_is_demanded(signing_in: SigningIn) -> None:
    asked = signing_in.begin(max_age=timedelta(hours=12))
    assert (asked["max_age"], asked["prompt"]) == ("43200", "login")
    now = int(signing_in.clock.now().timestamp())
    fine = signing_in.finish(signed(signing_in.claims(asked, auth_time=now - 43_200)))
    assert fine.principal.authenticated_at == signing_in.clock.now() - timedelta(hours=12)
    for changes, says in (
        ({"auth_time": now - 43_261}, "without asking again"),
        ({}, "does not say when you signed in"),
        ({"auth_time": "now"}, "cannot be"),
    ):
        asked = signing_in.begin(max_age=timedelta(hours=12))
        with pytest.raises(SignInRefused, match=says):
            signing_in.finish(signed(signing_in.claims(asked, **changes)))


def test_without_auth_time_nobody_counts_as_having_proved_who_they_are(signing_in: SigningIn) -> None:
    """The directory may have let them in by a cookie of last month; its answer is of now all the same."""
    signed_in = signing_in.finish(good(signing_in))
    assert signed_in.authenticated_at == signing_in.clock.now()
    assert signed_in.principal.authenticated_at is None


def test_a_second_factor_that_was_asked_for_is_demanded(issuer: StandInIssuer, clock: FakeClock) -> None:
    signing_in = SigningIn(issuer, clock, mfa_context="c1")
    asked = signing_in.begin(mfa=True)
    assert json.loads(asked["claims"]) == {"id_token": {"acrs": {"essential": True, "value": "c1"}}}
    signed_in = signing_in.finish(signed(signing_in.claims(asked, acrs=["c1", "c3"], amr=["pwd"])))
    assert signed_in.methods == {"c1", "c3", "pwd", MFA} == signed_in.principal.methods
    for claims in ({}, {"acrs": ["c2"]}, {"acrs": "c11"}, {"acrs": {"c1": True}}, {"amr": ["pwd"]}):
        asked = signing_in.begin(mfa=True)
        with pytest.raises(SignInRefused, match="second factor"):
            signing_in.finish(signed(signing_in.claims(asked, **claims)))


def test_a_directory_that_says_mfa_itself_is_believed(signing_in: SigningIn) -> None:
    asked = signing_in.begin(mfa=True)
    assert "claims" not in asked
    assert MFA in signing_in.finish(signed(signing_in.claims(asked, amr=["pwd", "mfa"]))).methods


def test_any_provider_asks_for_a_second_factor_as_the_standard_has_it(
    issuer: StandInIssuer, clock: FakeClock
) -> None:
    sign_in = openid(Registration(issuer=issuer.issuer, client_id=CLIENT, mfa_context="gold"), clock).sign_in
    begun = sign_in.begin(redirect_uri=BACK, mfa=True, max_age=timedelta(minutes=5))
    asked = dict(parse_qsl(urlsplit(begun.address).query))
    assert (asked["acr_values"], asked["max_age"]) == ("gold", "300")
    assert "prompt" not in asked


TOKEN_ANSWERS: dict[str, tuple[Reply, type[KeyleaseError], str]] = {
    "used code": (Reply(400, {"error": "invalid_grant"}), SignInRefused, "was used"),
    "used code, by Entra": (
        Reply(400, {"error": "invalid_grant", "error_description": "AADSTS54005: x"}),
        SignInRefused,
        "used already",
    ),
    "wrong secret": (Reply(401, {"error": "invalid_client"}), SignInRefused, "own credentials"),
    "secret over": (
        Reply(401, {"error": "invalid_client", "error_description": "AADSTS7000222: x"}),
        SignInRefused,
        "has expired",
    ),
    "an error in a good answer": (Reply(200, {"error": "invalid_grant"}), SignInRefused, "was used"),
    "an error that is no text": (Reply(400, {"error": {"a": 1}}), SignInRefused, "refuses"),
    "server error": (Reply(500, {"error": "invalid_grant"}), DirectoryUnreachable, "unexpected"),
    "gateway's page": (Reply(502, b"<html>"), DirectoryUnreachable, "unexpected"),
    "no JSON": (Reply(200, b"<html>"), DirectoryUnreachable, "unexpected"),
    "a list": (Reply(200, [1]), DirectoryUnreachable, "unexpected"),
    "an odd end": (Reply(200, {"id_token": "x", "expires_in": "soon"}), DirectoryUnreachable, "unexpected"),
    "nothing": (Reply(200, {}), SignInRefused, "no id token"),
    "a token that is no text": (Reply(200, {"id_token": 5}), SignInRefused, "no id token"),
}


@pytest.mark.parametrize(("reply", "failure", "says"), TOKEN_ANSWERS.values(), ids=TOKEN_ANSWERS.keys())
def test_what_the_token_endpoint_says_is_told_in_words(
    signing_in: SigningIn, reply: Reply, failure: type[KeyleaseError], says: str
) -> None:
    signing_in.begin()
    assert signing_in.begun is not None
    signing_in.issuer.token_answer = lambda _: reply
    with pytest.raises(failure) as failed:
        signing_in.company.sign_in.complete(
            memory=signing_in.begun.memory,
            unverified_answer={"state": state_of(signing_in), "code": "secret-code"},
            redirect_uri=BACK,
        )
    assert says in failed.value.sentence
    assert "secret-code" not in failed.value.sentence


DOCUMENTS: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://login.example.com/v2.0"},
    "the issuer with a slash": {"issuer": "/"},
    "no issuer": {"issuer": None},
    "no token endpoint": {"token_endpoint": None},
    "a token endpoint that is a list": {"token_endpoint": ["https://x"]},
    "no keys": {"jwks_uri": ""},
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_document_that_is_not_this_issuers_is_none(
    issuer: StandInIssuer, signing_in: SigningIn, document: dict[str, Any]
) -> None:
    issuer.document = {name: issuer.issuer + "/" if value == "/" else value for name, value in document.items()}
    with pytest.raises(DirectoryUnreachable):
        signing_in.begin()


def test_the_document_is_read_once_an_hour(signing_in: SigningIn) -> None:
    for _ in range(3):
        signing_in.begin()
        signing_in.clock.pass_time(minutes=25)
    assert signing_in.issuer.fetches("openid-configuration") == 1
    signing_in.begin()
    assert signing_in.issuer.fetches("openid-configuration") == 2


def test_a_document_may_not_send_us_where_nothing_is_encrypted(
    issuer: StandInIssuer, signing_in: SigningIn
) -> None:
    issuer.document = {"token_endpoint": "http://login.example.com/token"}
    token = good(signing_in)
    with pytest.raises(DirectoryUnreachable, match="without encryption"):
        signing_in.finish(token)
