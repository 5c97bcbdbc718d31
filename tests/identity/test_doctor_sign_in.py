"""What doctor says of the company's directory, over providers that are well, ill and away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from serving import Reply
from stand_in_graph import Person, StandInGraph, stand_in_graph
from stand_in_issuer import CLIENT, MARA, TENANT, StandInIssuer, listed

from keylease import settings
from keylease.doctor.gather import gather
from keylease.doctor.row import Row, Verdict
from keylease.doctor.sign_in import directory
from keylease.settings import Settings
from keylease.testing import FakeClock

MEDIA = "11111111-0000-4000-8000-000000000001"
REST = f"""
[accounts.main]
id = "123456789012"
[permission_sets.logs]
title = "Logs"
group = "logs"
[grants.logs]
groups = ["{MEDIA}"]
permission_sets = ["logs"]
accounts = ["main"]
max_ttl = "2d"
"""
ADMINISTRATORS = f'[administrators]\npeople = ["{MARA}"]\n'


@pytest.fixture
def graph(issuer: StandInIssuer) -> Iterator[StandInGraph]:
    with stand_in_graph() as made:
        made.people = {MARA: Person(groups={MEDIA})}
        issuer.token_answer = lambda _: Reply(200, {"access_token": made.token, "expires_in": 3600})
        yield made


def configured(issuer: StandInIssuer, more: str = "", *, rest: str = REST + ADMINISTRATORS) -> Settings:
    own = f'provider = "entra"\ntenant = "{TENANT}"\nclient_id = "{CLIENT}"\nauthority = "{issuer.address}"\n'
    return settings.parse(f'[sign_in]\n{own}client_secret = "hush"\n{more}\n{rest}')


def told(of: Settings, clock: Any) -> dict[str, Row]:
    found = {row.check: row for row in directory(gather(of, {}, "keylease.toml", clock))}
    for row in found.values():
        assert row.remedy or row.verdict is Verdict.OK
        assert "hush" not in row.sentence + row.remedy
    return found


def verdicts(found: dict[str, Row]) -> dict[str, str]:
    return {check: str(row.verdict) for check, row in found.items()}


def test_where_all_is_well_nothing_is_to_fix(issuer: StandInIssuer, graph: StandInGraph) -> None:
    from keylease.domain.clock import SystemClock

    assert verdicts(told(configured(issuer, f'graph = "{graph.address}"'), SystemClock())) == {
        "directory": "ok",
        "signing-keys": "ok",
        "directory-clock": "ok",
        "redirect-address": "ok",
        "leaving": "ok",
        "administrators": "ok",
    }


def test_without_a_directory_nobody_can_sign_in(clock: FakeClock) -> None:
    assert verdicts(told(settings.parse(""), clock)) == {"directory": "fix"}
    assert told(settings.parse("[sign_in]\nallow_unsafe_people = true\n"), clock) == {}


def test_a_secret_that_cannot_be_read_is_told(issuer: StandInIssuer, clock: FakeClock) -> None:
    of = configured(issuer).sign_in.model_dump() | {"client_secret": None, "client_secret_file": "/nowhere"}
    [row] = told(Settings(sign_in=of), clock).values()
    assert (row.verdict, "client_secret_file" in row.sentence) == (Verdict.FIX, True)


def test_a_provider_that_is_away_is_told_and_hides_nothing_else(issuer: StandInIssuer, clock: FakeClock) -> None:
    issuer.document = {"issuer": "https://another.example"}
    found = told(configured(issuer), clock)
    assert "another issuer's" in found["directory"].sentence
    assert verdicts(found) | {"directory-clock": "any"} == {
        "directory": "fix",
        "signing-keys": "not checked",
        "directory-clock": "any",
        "redirect-address": "ok",
        "leaving": "fix",
        "administrators": "ok",
    }


def test_keys_that_verify_nothing_here_are_told(issuer: StandInIssuer, clock: FakeClock) -> None:
    issuer.document = {"id_token_signing_alg_values_supported": ["EdDSA", "ES256"]}
    issuer.jwks = Reply(200, {"keys": []})
    found = told(configured(issuer), clock)
    assert (found["algorithms"].verdict, found["signing-keys"].verdict) == (Verdict.FIX, Verdict.FIX)
    assert "ES256 and EdDSA" in found["algorithms"].sentence
    issuer.jwks = Reply(200, listed("first", "second"))
    assert "2 keys" in told(configured(issuer), clock)["signing-keys"].sentence


@pytest.mark.parametrize(
    ("ahead", "verdict", "way"),
    [
        (timedelta(seconds=60), Verdict.OK, "differ by 60 seconds"),
        (timedelta(minutes=5), Verdict.FIX, "behind"),
        (timedelta(minutes=-5), Verdict.FIX, "ahead of"),
    ],
)
def test_a_clock_that_is_wrong_is_told(
    issuer: StandInIssuer, clock: FakeClock, ahead: timedelta, verdict: Verdict, way: str
) -> None:
    issuer.dated = format_datetime(clock.now() + ahead, usegmt=True)
    row = told(configured(issuer), clock)["directory-clock"]
    assert (row.verdict, way in row.sentence) == (verdict, True)


def test_a_provider_that_does_not_date_its_answers_says_nothing_of_the_clock(
    issuer: StandInIssuer, clock: FakeClock
) -> None:
    issuer.dated = "today"
    assert told(configured(issuer), clock)["directory-clock"].verdict is Verdict.NOT_CHECKED


@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        ("https://keylease.example.com/", Verdict.OK),
        ("http://127.0.0.1:8465", Verdict.OK),
        ("http://keylease.example.com", Verdict.FIX),
        ("http://localhost.example.com", Verdict.FIX),
    ],
)
def test_people_come_back_encrypted_or_to_this_machine(
    issuer: StandInIssuer, clock: FakeClock, address: str, verdict: Verdict
) -> None:
    row = told(configured(issuer, rest=f'[server]\naddress = "{address}"\n{REST}'), clock)["redirect-address"]
    assert row.verdict is verdict
    assert f"{address.rstrip('/')}/sign-in/callback" in row.sentence


def test_that_leases_outlive_who_leaves_is_told(issuer: StandInIssuer, clock: FakeClock) -> None:
    row = told(configured(issuer), clock)["leaving"]
    assert (row.verdict, "Leases do not end when somebody leaves" in row.sentence) == (Verdict.FIX, True)
    other = settings.parse(f'[sign_in]\nprovider = "openid"\nissuer = "{issuer.issuer}"\nclient_id = "x"\n{REST}')
    row = told(other, clock)["leaving"]
    assert (row.verdict, "by hand" in row.sentence) == (Verdict.OK, True)


def test_graph_that_may_not_be_asked_is_told_with_the_permissions(
    issuer: StandInIssuer, graph: StandInGraph, clock: FakeClock
) -> None:
    graph.busy_questions = [{"status": 200, "headers": {}, "body": {"accountEnabled": None}}] * 2
    row = told(configured(issuer, f'graph = "{graph.address}"'), clock)["leaving"]
    assert (row.verdict, "GroupMember.Read.All" in row.remedy) == (Verdict.FIX, True)


def test_an_administrator_who_is_not_there_is_told(
    issuer: StandInIssuer, graph: StandInGraph, clock: FakeClock
) -> None:
    graph.people = {}
    row = told(configured(issuer, f'graph = "{graph.address}"'), clock)["administrators"]
    assert (row.verdict, "not in the directory" in row.sentence) == (Verdict.FIX, True)


def test_groups_of_which_the_administrator_is_none_are_no_matter(
    issuer: StandInIssuer, graph: StandInGraph, clock: FakeClock
) -> None:
    graph.people[MARA].groups = set()
    found = told(configured(issuer, f'graph = "{graph.address}"'), clock)
    assert (found["administrators"].verdict, found["leaving"].verdict) == (Verdict.OK, Verdict.OK)


def test_nobody_being_administrator_is_told(issuer: StandInIssuer, clock: FakeClock) -> None:
    assert told(configured(issuer, rest=REST), clock)["administrators"].verdict is Verdict.FIX


def test_people_who_are_named_by_what_changes_hands_are_told(issuer: StandInIssuer, clock: FakeClock) -> None:
    rest = REST + 'people = ["mara@example.com", "Mara"]\n' + ADMINISTRATORS
    row = told(configured(issuer, rest=rest), clock)["people"]
    assert (row.verdict, "Mara, mara@example.com" in row.sentence) == (Verdict.FIX, True)


def test_demands_that_no_token_can_meet_are_told(issuer: StandInIssuer, clock: FakeClock) -> None:
    rest = REST + 'require_mfa = true\nmax_sign_in_age = "12h"\n' + ADMINISTRATORS
    found = told(configured(issuer, rest=rest), clock)
    assert (found["second-factor"].verdict, found["sign-in-age"].verdict) == (Verdict.FIX, Verdict.NOT_CHECKED)
    assert "second-factor" not in told(configured(issuer, 'mfa_context = "c1"', rest=rest), clock)


def test_what_rests_on_app_roles_is_told(issuer: StandInIssuer, graph: StandInGraph, clock: FakeClock) -> None:
    rest = REST.replace(MEDIA, "keylease.media") + ADMINISTRATORS
    row = told(configured(issuer, f'graph = "{graph.address}"', rest=rest), clock)["leaving-a-role"]
    assert "The grant logs rests on app roles" in row.sentence


def test_sign_in_on_another_device_is_told(issuer: StandInIssuer, clock: FakeClock) -> None:
    assert "device-code" in told(configured(issuer, "device_code = true"), clock)
