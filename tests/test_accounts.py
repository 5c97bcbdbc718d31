"""Many accounts: a file of their own, discovered from an organization, and grants for all of them."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from cli.command_line import CommandLine
from keylease import settings
from keylease.aws.account import Account, Identity
from keylease.aws.clients import Clients
from keylease.aws.discovery import Member, members
from keylease.cli.accounts import TABLE, names
from keylease.domain.secret import Secret
from keylease.errors import BadConfiguration
from keylease.ports import AccessKey

CONFIGURATION = """
accounts_file = "accounts.toml"
[accounts.own]
id = "999999999999"
[permission_sets.archive]
title = "The archive"
group = "archive"
[grants.media]
groups = ["media"]
permission_sets = ["archive"]
accounts = ["*"]
max_ttl = "4w"
"""


def table(number: int) -> str:
    return TABLE.format(
        name=f"team-{number}", id=f"{number:012d}", region="eu-central-1", partition="aws",
        issuer="keylease-issuer", remover="ops/keylease-remover", external_id="agreed",
    )  # fmt: skip


def test_hundreds_of_accounts_are_read_from_a_file_and_a_grant_may_mean_all(tmp_path: Path) -> None:
    (tmp_path / "accounts.toml").write_text("\n".join(map(table, range(300))))
    read = settings.parse(CONFIGURATION, origin=tmp_path / "keylease.toml")
    assert len(read.accounts) == 301
    one = read.accounts["team-7"]
    assert one.remover.role_arn == "arn:aws:iam::000000000007:role/ops/keylease-remover"
    assert (one.issuer.external_id, one.region) == ("agreed", "eu-central-1")
    assert len(read.catalogue().grants[0].accounts) == 301
    assert read.grants["media"].max_ttl == timedelta(weeks=4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("[", "cannot be read"),
        ('[accounts.own]\nid = "111111111111"', "is in keylease.toml and in accounts.toml"),
        ("[grants.x]", "something else"),
        ('[accounts.new]\nid = "no"', "accounts.new.id"),
    ],
)
def test_a_file_of_accounts_that_is_wrong_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "accounts.toml").write_text(content)
    with pytest.raises(BadConfiguration, match=said):
        settings.parse(CONFIGURATION, origin=tmp_path / "keylease.toml")


def test_accounts_keep_their_names_and_no_two_have_the_same() -> None:
    found = [
        Member(id="000000000001", name="Team Media (prod)"),
        Member(id="000000000002", name="Renamed since"),
        Member(id="000000000003", name="team media, prod"),
        Member(id="000000000004", name="例"),
    ]
    assert names(found, {"000000000002": "video"}) == {
        "000000000001": "team-media-prod",
        "000000000002": "video",
        "000000000003": "team-media-prod-000000000003",
        "000000000004": "account",
    }


def test_an_organization_is_read_page_by_page_and_closed_accounts_are_left_out() -> None:
    key = AccessKey(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key=Secret("x"))
    clients = Clients(Account(id="000000000000"), Identity(access_key=key))
    client: Any = clients.service("organizations", attempts=5)
    with Stubber(client) as stub:
        first = {"Accounts": [_account("2", "Two"), _account("3", "Gone", "SUSPENDED")], "NextToken": "more"}
        stub.add_response("list_accounts", first, {})
        stub.add_response("list_accounts", {"Accounts": [_account("1", "One")]}, {"NextToken": "more"})
        assert [one.name for one in members(clients)] == ["One", "Two"]


def _account(number: str, name: str, status: str = "ACTIVE") -> dict[str, str]:
    return {"Id": number.zfill(12), "Name": name, "Status": status}


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_without_credentials_the_command_says_so_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "keylease.toml").touch()
    keylease = CommandLine("http://127.0.0.1:9", tmp_path)
    refused = keylease("accounts", "discover", "--external-id", "agreed", AWS_EC2_METADATA_DISABLED="true")
    assert (refused.status, refused.out) == (53, "")
