"""`keylease doctor` as people run it: on a terminal, in a pipe, as JSON; it never ends in a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from administered import ISSUER, Administered, administered
from aws.live import GROUP
from cli.command_line import CommandLine, Ended
from doctor_facts import without
from keylease.domain import iam
from keylease.domain.broker_policy import issuer_policy
from keylease.sandbox.ministack import SECRET, Ministack
from keylease.store import open_ledger


@pytest.fixture
def doctor(tmp_path: Path) -> CommandLine:
    return CommandLine("http://127.0.0.1:9", tmp_path)


def configure(doctor: CommandLine, text: str) -> None:
    (doctor.home / "keylease.toml").write_text(text)


def run(doctor: CommandLine, *words: str, **environment: str) -> Ended:
    return doctor("doctor", *words, person=None, AWS_EC2_METADATA_DISABLED="true", **environment)


def test_a_configuration_that_is_not_there_is_one_row(doctor: CommandLine) -> None:
    ended = run(doctor)
    assert ended.status == 1
    [row] = ended.rows
    assert row[1:3] == ["configuration", "fix"]
    assert "keylease.toml cannot be read" in row[3]
    assert row[4] == "`keylease init` writes a commented example."


def test_a_wrong_configuration_is_told_with_all_its_mistakes(doctor: CommandLine) -> None:
    configure(doctor, "[server]\nlisten = 1\nlsiten = 2\n")
    ended = run(doctor, "--json")
    assert ended.status == 1
    [row] = json.loads(ended.out)["rows"]
    assert "keylease.toml:2: server.listen" in row["sentence"]
    assert "keylease.toml:3: server.lsiten" in row["sentence"]


def test_an_empty_configuration_allows_nobody_anything(doctor: CommandLine) -> None:
    configure(doctor, "")
    ended = run(doctor)
    assert ended.status == 1
    assert [row[1:3] for row in ended.rows] == [
        ["configuration", "fix"],
        ["sign-in", "ok"],
        ["directory", "fix"],
        ["ledger", "ok"],
    ]


def test_a_configuration_elsewhere_is_read_and_its_ledger_beside_it(doctor: CommandLine) -> None:
    etc = doctor.home / "etc"
    etc.mkdir()
    (etc / "prod.toml").write_text("")
    open_ledger(f"sqlite:///{etc}/keylease.db").close()
    ended = run(doctor, "--config", "etc/prod.toml")
    ledger, chain = ended.rows[3:]
    assert str(etc / "keylease.db") in ledger[3]
    assert chain[3] == "The audit chain holds over 0 records."


def test_a_ledger_that_is_no_ledger_is_told(doctor: CommandLine) -> None:
    configure(doctor, "")
    (doctor.home / "keylease.db").write_text("this is no database, and was never one; it only has the name of one")
    ended = run(doctor)
    [ledger] = [row for row in ended.rows if row[1] == "ledger"]
    assert ledger[2] == "fix"
    assert ended.status == 1


def test_a_password_in_the_ledger_s_address_is_not_shown(doctor: CommandLine) -> None:
    configure(doctor, '[store]\nurl = "postgresql+psycopg://keylease:correct-horse@127.0.0.1:9/keylease"\n')
    for words in ((), ("--json",), ("--verbose",)):
        ended = run(doctor, *words)
        assert ended.status == 1
        assert "correct-horse" not in ended.out + ended.err


def test_without_any_credentials_it_says_so_and_goes_on(doctor: CommandLine) -> None:
    away = '[accounts.media]\nid = "123456789012"\nendpoint_url = "http://127.0.0.1:9"\n'
    configure(doctor, away)
    ended = run(doctor)
    assert "Traceback" not in ended.err
    told = [row[1:3] for row in ended.rows if row[0] == "media"]
    assert told == [["credentials", "fix"]] * 2 + [["clock", "not checked"], ["contents", "not checked"]]


def test_an_account_that_is_away_is_told(doctor: CommandLine) -> None:
    away = '[accounts.media]\nid = "123456789012"\nendpoint_url = "http://127.0.0.1:9"\n'
    configure(doctor, away)
    ended = run(doctor, AWS_ACCESS_KEY_ID="123456789012", AWS_SECRET_ACCESS_KEY=SECRET)
    assert (ended.status, [row[1:3] for row in ended.rows if row[0] == "media"]) == (1, [["account", "fix"]])


@pytest.fixture
def account(ministack_server: Ministack, tmp_path: Path) -> Administered:
    return administered(ministack_server, tmp_path)


@pytest.mark.live
def test_on_a_terminal_what_is_to_be_fixed_comes_first_with_its_remedy(account: Administered) -> None:
    at = account.live.account
    account.put_role_policy(ISSUER, without(issuer_policy(horizon=account.horizon), "iam:CreateAccessKey"))
    secrets = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    document = json.dumps(iam.policy([secrets]))
    account.admin.put_group_policy(GroupName=GROUP, PolicyName="secrets", PolicyDocument=document)
    terminal = CommandLine("http://127.0.0.1:9", account.home)
    credentials = {"AWS_ACCESS_KEY_ID": at.id, "AWS_SECRET_ACCESS_KEY": SECRET}
    ended = terminal.on_terminal("doctor", person=None, **credentials)
    lines = [line.rstrip() for line in ended.out.partition("keylease\n")[2].splitlines()]
    first = lines.index("account media") + 1
    assert lines[first : first + 3] == [
        "✗ The issuer may not iam:CreateAccessKey.",
        "  → Add this statement to its policy:",
        '  {"Effect": "Allow", "Action": ["iam:CreateAccessKey"], "Resource": "arn:aws:iam::*:user/keylease/*"}',
    ]
    assert "! archive: It can read stored secrets and passwords; what was read stays known after the end." in lines
    assert max(map(len, lines)) <= 120
    assert lines[-1] == "4 to fix."
    assert ended.status == 1
