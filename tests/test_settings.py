"""The configuration: what is read, and that every mistake is told at once with its line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keylease import settings
from keylease.app import Beside, accounts, assemble
from keylease.domain.access import Who
from keylease.domain.launch_policy import launch_statements
from keylease.errors import BadConfiguration, UnsafeNotAllowed
from keylease.testing import FakeClock, MemoryStore
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling

WHOLE = """
[accounts.main]
id = "123456789012"
region = "eu-central-1"
issuer = { role_arn = "arn:aws:iam::123456789012:role/keylease-broker/keylease-issuer" }

[permission_sets.archive]
title = "Read, add and delete files in media-archive"
group = "archive"
probe = { service = "s3", operation = "list_objects_v2", parameters = { Bucket = "media-archive" } }

[grants.media]
groups = ["media"]
permission_sets = ["archive"]
accounts = ["main"]
max_ttl = "4w"
approvers = { groups = ["leads"] }

[administrators]
people = ["anna"]
"""


def test_a_whole_file_becomes_a_catalogue() -> None:
    catalogue = settings.parse(WHOLE).catalogue()
    assert catalogue.accounts == {"main": "123456789012"}
    [grant] = catalogue.grants
    assert grant.max_ttl == timedelta(weeks=4)
    assert grant.approvers == Who(groups=frozenset({"leads"}))
    assert catalogue.administrators == Who(subjects=frozenset({"anna"}))
    probe = catalogue.permission_sets["archive"].probe
    assert probe is not None
    assert probe.parameters == {"Bucket": "media-archive"}


def test_an_empty_file_allows_nobody_anything() -> None:
    catalogue = settings.parse("").catalogue()
    assert (dict(catalogue.permission_sets), catalogue.grants, catalogue.administrators) == ({}, (), Who())


MISTAKES = """\
renewal_grace = "soon"

[server]
listen = "everywhere"
adress = "http://keylease.example"

[accounts.main]
id = "1234"

[permission_sets.archive]
titel = "Archive"
group = "a group"

[grants.media]
groups = "media"
permission_sets = ["archive", "nope"]
accounts = ["other"]
max_ttl = "4 fortnights"
automatic = 2

[grants.empty]
permission_sets = []
accounts = ["main"]
max_ttl = "2026-12-08T17:00Z"
"""


def test_all_mistakes_are_told_at_once_each_with_its_line() -> None:
    with pytest.raises(BadConfiguration) as raised:
        settings.parse(MISTAKES, origin=Path("etc/keylease.toml"))
    told = [line.split(": ", 2)[:2] for line in raised.value.sentence.splitlines()]
    assert told == [
        ["keylease.toml:1", "renewal_grace"],
        ["keylease.toml:4", "server.listen"],
        ["keylease.toml:5", "server.adress"],
        ["keylease.toml:8", "accounts.main.id"],
        ["keylease.toml:10", "permission_sets.archive.title"],
        ["keylease.toml:11", "permission_sets.archive.titel"],
        ["keylease.toml:12", "permission_sets.archive.group"],
        ["keylease.toml:15", "grants.media.groups"],
        ["keylease.toml:16", "grants.media.permission_sets"],
        ["keylease.toml:17", "grants.media.accounts"],
        ["keylease.toml:18", "grants.media.max_ttl"],
        ["keylease.toml:19", "grants.media.automatic"],
        ["keylease.toml:22", "grants.empty.permission_sets"],
        ["keylease.toml:24", "grants.empty.max_ttl"],
    ]


def test_what_is_no_toml_is_told_with_its_line() -> None:
    with pytest.raises(BadConfiguration, match="line 2"):
        settings.parse("[server]\nlisten = = x")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be read"):
        settings.read(tmp_path / "keylease.toml")


def test_a_relative_ledger_lies_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "keylease.toml").write_text('[store]\nurl = "sqlite:///ledger/keylease.db"\n')
    assert settings.read(tmp_path / "keylease.toml").store.url == f"sqlite:///{tmp_path}/ledger/keylease.db"
    (tmp_path / "keylease.toml").write_text('[store]\nurl = "sqlite:////var/lib/keylease.db"\n')
    assert settings.read(tmp_path / "keylease.toml").store.url == "sqlite:////var/lib/keylease.db"


def test_the_environment_overrides_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYLEASE_SET_STORE__URL", "postgresql+psycopg://db/keylease")
    read = settings.parse(WHOLE)
    assert read.store.url == "postgresql+psycopg://db/keylease"
    assert read.catalogue().accounts == {"main": "123456789012"}


def test_the_development_sign_in_is_refused_without_the_setting_that_allows_it() -> None:
    people = '[unsafe_people.mara]\nname = "Mara Lind"\ngroups = ["media"]\n'
    with pytest.raises(UnsafeNotAllowed):
        assemble(
            settings.parse(people),
            MemoryStore(),
            {},
            FakeClock(),
            beside=Beside(kept=memory_kept(), telling=memory_telling()),
        )
    allowing = people + "[sign_in]\nallow_unsafe_people = true\n"
    with pytest.raises(UnsafeNotAllowed):
        assemble(
            settings.parse(allowing + '[server]\nlisten = "0.0.0.0:8465"\n'),
            MemoryStore(),
            {},
            FakeClock(),
            beside=Beside(kept=memory_kept(), telling=memory_telling()),
        )
    allowed = settings.parse(people + "[sign_in]\nallow_unsafe_people = true\n")
    assert (
        assemble(
            allowed, MemoryStore(), {}, FakeClock(), beside=Beside(kept=memory_kept(), telling=memory_telling())
        )
        .unsafe.principal("mara")
        .name
        == "Mara Lind"
    )


def test_a_variable_that_names_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYLEASE_SET_STOR__URL", "sqlite:///other.db")
    with pytest.raises(BadConfiguration, match="KEYLEASE_SET_STOR__URL"):
        settings.parse(WHOLE)
    monkeypatch.delenv("KEYLEASE_SET_STOR__URL")
    monkeypatch.setenv("KEYLEASE_SET_STORE__URLL", "sqlite:///other.db")
    with pytest.raises(BadConfiguration):
        settings.parse(WHOLE)


def test_the_server_is_found_where_it_listens() -> None:
    assert settings.parse('[server]\nlisten = "127.0.0.1:8477"\n').server.address == "http://127.0.0.1:8477"
    assert (
        settings.parse('[server]\naddress = "https://keylease.example"\n').server.address
        == "https://keylease.example"
    )


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_an_account_is_in_the_partition_of_its_region(region: str, partition: str) -> None:
    read = settings.parse(WHOLE.replace("eu-central-1", region))
    assert read.accounts["main"].partition == partition
    [account] = accounts(read).values()
    assert account.session_role_arn("media") == f"arn:{partition}:iam::123456789012:role/keylease/session/media"
    assert account.fences == f"arn:{partition}:iam::123456789012:policy/keylease/fence/"
    launches = json.dumps(
        launch_statements(replace(read.launched(read.accounts["main"]), regions=("x",), types=("y",)))
    )
    assert f"arn:{partition}:iam::123456789012:role/keylease/launch/*" in launches
    assert f"arn:{partition}:ec2:*:123456789012:instance/*" in launches
    assert ("arn:aws:" in launches) is (partition == "aws")


def test_a_partition_that_its_region_is_not_in_is_refused_and_one_that_nobody_knows_is_taken() -> None:
    wrong = WHOLE.replace('region = "eu-central-1"', 'region = "cn-north-1"\npartition = "aws"')
    with pytest.raises(BadConfiguration, match="is in the partition aws-cn"):
        settings.parse(wrong)
    secret = WHOLE.replace('region = "eu-central-1"', 'region = "us-iso-east-1"\npartition = "aws-iso"')
    assert settings.parse(secret).accounts["main"].partition == "aws-iso"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[launch]\nvolume_gib = "many"\n', "launch.volume_gib: write a whole number"),
        ("[launch]\nvolume_gib = 0\n", "launch.volume_gib: must not be below 1"),
        ('[launch]\nregions = "eu"\n', "launch.regions: write a list"),
        ('[sign_in]\nprovider = "okta"\n', 'sign_in.provider: write one of "entra" or "openid"'),
        ('[sign_in]\nidle = "1s"\n', "sign_in.idle: must not be below 1m"),
        ('[notify.people]\nmara = "mara"\n', "notify.people.mara: does not have the form that is needed here"),
        ('[notify]\nchat = "slack://x"\n', "notify.chat: write a list"),
        ('[permission_sets.a]\ntitle = ""\ngroup = "a"\n', "permission_sets.a.title: must not be empty"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_file(text: str, said: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        settings.parse(text)
    assert said in refused.value.sentence
    assert "Input should" not in refused.value.sentence
