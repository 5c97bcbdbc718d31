"""`keylease doctor` itself, as an administrator runs it: it tells of the company's directory, beside all else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from serving import Reply
from stand_in_graph import Person, stand_in_graph
from stand_in_issuer import CLIENT, MARA, TENANT, StandInIssuer, listed

from administered import administered
from cli.command_line import CommandLine, Ended
from keylease.sandbox.ministack import Ministack

SECRET = "not-for-the-screen"


class Doctor(CommandLine):
    """The command, with what it is to find in the configuration."""

    def __init__(self, home: Path, issuer: StandInIssuer) -> None:
        super().__init__("http://127.0.0.1:9", home)
        self.configure(
            f'[sign_in]\nprovider = "entra"\ntenant = "{TENANT}"\nclient_id = "{CLIENT}"\n'
            f'authority = "{issuer.address}"\n[administrators]\npeople = ["{MARA}"]\n'
        )

    def configure(self, text: str) -> None:
        (self.home / "keylease.toml").write_text(text)

    def directory(self, **settings: str) -> tuple[Ended, dict[str, dict[str, Any]]]:
        """What it says of keylease itself, by check; `settings` come by the environment."""
        more = {f"KEYLEASE_SET_{name}": value for name, value in settings.items()}
        ended = self("doctor", "--json", person=None, AWS_EC2_METADATA_DISABLED="true", **more)
        assert "Traceback" not in ended.err
        assert SECRET not in ended.out + ended.err
        return ended, {row["check"]: row for row in json.loads(ended.out)["rows"] if row["account"] is None}


@pytest.fixture
def doctor(tmp_path: Path, issuer: StandInIssuer) -> Doctor:
    return Doctor(tmp_path, issuer)


def verdicts(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    of_machine = {"configuration", "sign-in", "ledger"}
    return {check: row["verdict"] for check, row in rows.items() if check not in of_machine}


def test_it_tells_of_the_provider_the_keys_the_clock_and_the_administrators(
    doctor: Doctor, issuer: StandInIssuer
) -> None:
    with stand_in_graph() as graph:
        graph.people = {MARA: Person()}
        issuer.token_answer = lambda _: Reply(200, {"access_token": graph.token, "expires_in": 3600})
        _, rows = doctor.directory(SIGN_IN__GRAPH=graph.address, SIGN_IN__CLIENT_SECRET=SECRET)
    assert verdicts(rows) == {
        "directory": "ok",
        "signing-keys": "ok",
        "directory-clock": "ok",
        "redirect-address": "ok",
        "leaving": "ok",
        "administrators": "ok",
    }
    assert "leases end when their owners leave" in rows["leaving"]["sentence"]


def test_without_graph_it_says_that_leases_outlive_who_leaves(doctor: Doctor) -> None:
    ended, rows = doctor.directory()
    assert (ended.status, rows["leaving"]["verdict"]) == (1, "fix")
    assert "nobody tells keylease" in rows["leaving"]["sentence"]


def test_without_a_directory_it_says_that_nobody_can_sign_in(doctor: Doctor) -> None:
    doctor.configure("")
    ended, rows = doctor.directory()
    assert (ended.status, verdicts(rows)) == (1, {"directory": "fix"})
    assert "nobody can sign in" in rows["directory"]["sentence"]
    assert "docs/how-to/entra.md" in rows["directory"]["remedy"]


@pytest.mark.parametrize(
    ("broken", "check", "says"),
    [
        ({"document": {"issuer": "https://login.example.com"}}, "directory", "another issuer's"),
        ({"jwks": Reply(200, listed())}, "signing-keys", "no token could be verified"),
        ({"dated": "Tue, 24 Nov 2020 12:00:00 GMT"}, "directory-clock", "clock is"),
    ],
)
def test_what_is_wrong_with_the_provider_it_says_in_words(
    doctor: Doctor, issuer: StandInIssuer, broken: dict[str, Any], check: str, says: str
) -> None:
    for name, value in broken.items():
        setattr(issuer, name, value)
    ended, rows = doctor.directory()
    assert (ended.status, rows[check]["verdict"]) == (1, "fix")
    assert says in rows[check]["sentence"]
    assert rows[check]["remedy"]


def test_a_tenant_that_is_not_there_is_told_as_such(doctor: Doctor) -> None:
    _, rows = doctor.directory(SIGN_IN__TENANT="00000000-0000-4000-8000-000000000000")
    assert "There is no provider's document at" in rows["directory"]["sentence"]
    assert "Compare `tenant`" in rows["directory"]["remedy"]


def test_a_secret_that_is_not_taken_is_told_where_graph_is_asked(doctor: Doctor, issuer: StandInIssuer) -> None:
    issuer.token_answer = lambda _: Reply(401, {"error": "invalid_client", "error_description": "AADSTS7000215"})
    _, rows = doctor.directory(SIGN_IN__GRAPH="http://127.0.0.1:9", SIGN_IN__CLIENT_SECRET=SECRET)
    told = rows["leaving"]
    assert told["verdict"] == "fix"
    assert (
        "no access token for Microsoft Graph. The directory does not accept keylease's client" in told["sentence"]
    )
    assert "Look at `client_id`" in told["remedy"]


def test_a_provider_that_is_away_hides_nothing_else(doctor: Doctor) -> None:
    _, rows = doctor.directory(SIGN_IN__AUTHORITY="http://127.0.0.1:9")
    assert (rows["directory"]["verdict"], rows["ledger"]["verdict"]) == ("fix", "ok")
    assert "does not answer" in rows["directory"]["sentence"]


@pytest.mark.live
def test_where_nothing_is_to_fix_in_the_account_and_the_directory_it_ends_with_0(
    ministack_server: Ministack, tmp_path: Path, issuer: StandInIssuer
) -> None:
    account = administered(ministack_server, tmp_path)
    sign_in = {"PROVIDER": "openid", "ISSUER": issuer.issuer, "CLIENT_ID": CLIENT}
    directory = {f"KEYLEASE_SET_SIGN_IN__{name}": value for name, value in sign_in.items()}
    people = {"KEYLEASE_SET_ADMINISTRATORS__PEOPLE": json.dumps([MARA])}
    ended = account.keylease("doctor", "--json", **directory, **people)
    found = json.loads(ended.stdout)
    assert (ended.returncode, found["ok"]) == (0, True)
    assert {row["verdict"] for row in found["rows"]} == {"ok"}
    assert all(
        row.keys() == {"account", "check", "verdict", "sentence", "remedy", "statement"} for row in found["rows"]
    )
