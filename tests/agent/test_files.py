"""The files that connect tools, parsed back by what reads such files."""

from __future__ import annotations

import configparser
import json
import plistlib
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from cli.command_line import view
from keylease.agent import shells
from keylease.agent.connection import Connection, s3_host
from keylease.agent.files import FILES, ONLY_ACCESS_KEYS, file_for, section_for
from keylease.errors import BadRequest, TakesNoSession

CONTEXT = "http://127.0.0.1:48213/9c1f0e0e9c1f0e0e9c1f0e0e9c1f0e0e/L-4k7m9q2x/creds"
TO = Connection(
    lease_id="L-4k7m9q2x",
    kind="session",
    profile="media-archive",
    title="Read, add & delete <files>\nin media-archive",
    account="media",
    account_id="123456789012",
    expires_at="2026-12-08T17:00:00Z",
    region="eu-central-1",
    path="media-archive/2026",
    context_url=CONTEXT,
)
KEY = replace(TO, kind="access-key", access_key_id="AKIAFAKE", context_url=None)


def plist(tool: str, to: Connection = TO) -> dict[str, Any]:
    return dict(plistlib.loads(file_for(tool, to).content))


def test_cyberducks_profile_asks_the_agent_and_the_person_nothing() -> None:
    profile = plist("cyberduck-profile")
    assert profile["Context"] == CONTEXT
    assert (profile["Protocol"], profile["Vendor"]) == ("s3", "keylease-4k7m9q2x")
    assert profile["Default Hostname"] == "s3.amazonaws.com"
    assert profile["Region"] == "eu-central-1"
    for what in ("Hostname", "Port", "Username", "Password", "Token", "Anonymous"):
        assert profile[f"{what} Configurable"] is False


def test_cyberducks_bookmark_names_the_profile_and_all_its_values_are_texts() -> None:
    bookmark = plist("cyberduck-bookmark")
    assert bookmark["Provider"] == plist("cyberduck-profile")["Vendor"]
    assert (bookmark["Hostname"], bookmark["Port"], bookmark["Path"]) == (
        "s3.amazonaws.com",
        "443",
        "/media-archive/2026",
    )
    assert all(isinstance(value, str) for value in bookmark.values())
    assert "2026-12-08" in bookmark["Nickname"]
    assert re.fullmatch(r"[0-9a-f-]{36}", bookmark["UUID"])
    assert bookmark["UUID"] == plist("cyberduck-bookmark", replace(TO, path=""))["UUID"]
    assert bookmark["UUID"] != plist("cyberduck-bookmark", replace(TO, lease_id="L-00000001"))["UUID"]
    assert CONTEXT not in bookmark.values()


def test_without_an_agent_the_bookmark_goes_through_the_config_file() -> None:
    bookmark = plist("cyberduck-bookmark", replace(TO, context_url=None))
    assert (bookmark["Provider"], bookmark["Username"]) == ("s3-cli", "media-archive")
    with pytest.raises(BadRequest):
        file_for("cyberduck-profile", replace(TO, context_url=None))


def test_for_an_access_key_the_bookmark_is_a_plain_one() -> None:
    bookmark = plist("cyberduck-bookmark", KEY)
    assert "Provider" not in bookmark
    assert bookmark["Username"] == "AKIAFAKE"


HOSTS = [
    ("eu-central-1", "s3.amazonaws.com", "s3.eu-central-1.amazonaws.com"),
    ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn", "s3.cn-north-1.amazonaws.com.cn"),
    ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com", "s3.us-gov-west-1.amazonaws.com"),
    ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu", "s3.eusc-de-east-1.amazonaws.eu"),
]


@pytest.mark.parametrize(("region", "host", "regional"), HOSTS)
def test_each_partition_has_its_own_host(region: str, host: str, regional: str) -> None:
    assert s3_host(region) == host
    assert s3_host(region, regional=True) == regional
    assert plist("cyberduck-bookmark", replace(TO, region=region))["Hostname"] == host


def ini(tool: str, to: Connection = TO) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign] # as the parser's own text describes
    parser.read_string(file_for(tool, to).content.decode())
    return parser


def test_rclone_takes_the_profile() -> None:
    section = ini("rclone")["media-archive"]
    assert dict(section) == {
        "type": "s3",
        "provider": "AWS",
        "env_auth": "true",
        "profile": "media-archive",
        "region": "eu-central-1",
    }


def test_winscp_takes_a_section_of_the_credentials_file() -> None:
    file = file_for("winscp", TO)
    assert b"\r\n" in file.content
    section = ini("winscp")["Sessions\\media-archive"]
    assert section["S3Profile"] == section_for("media-archive") == "media-archive-file"
    assert (section["FSProtocol"], section["S3CredentialsEnv"], section["RemoteDirectory"]) == (
        "7",
        "1",
        "/media-archive/2026",
    )
    assert ini("winscp", KEY)["Sessions\\media-archive"]["S3Profile"] == "media-archive"


def test_s3cmd_gets_where_to_ask_and_how_to_be_run() -> None:
    section = ini("s3cmd")["default"]
    assert section["host_base"] == "s3.eu-central-1.amazonaws.com"
    assert section["bucket_location"] == "eu-central-1"
    assert not {"access_key", "secret_key"} & set(section)
    assert b"keylease exec media-archive -- s3cmd" in file_for("s3cmd", TO).content


def test_terraform_dbeaver_and_vscode_take_the_profile() -> None:
    assert b'profile = "media-archive"' in file_for("terraform", TO).content
    assert b"\nProfileName=media-archive\n" in file_for("dbeaver", TO).content
    assert json.loads(file_for("vscode", TO).content) == {"aws.profile": "profile:media-archive"}


@pytest.mark.parametrize("tool", sorted(FILES))
def test_what_people_wrote_stays_on_its_line_and_no_file_holds_credentials(tool: str) -> None:
    file = file_for(tool, replace(TO, title="x\n[profile evil]\r\ncredential_process = evil\x1b[2J"))
    assert not re.search(rb"^\s*(\[profile evil\]|credential_process)", file.content, re.MULTILINE)
    assert b"\x1b" not in file.content
    assert not re.search(rb"secret|ASIA", file.content, re.IGNORECASE)
    assert "/" not in file.name
    assert "/" in file.media_type


@pytest.mark.parametrize("tool", sorted(ONLY_ACCESS_KEYS))
def test_a_tool_that_takes_only_access_keys_gets_no_session(tool: str) -> None:
    with pytest.raises(TakesNoSession) as refused:
        file_for(tool, TO)
    assert "access-key" in refused.value.hint


@pytest.mark.parametrize(
    "path", ["/media", "Media", "a", "media/../x", "media/a?b", "media/%2f", 'media/"', "media/a\nb", "media//x"]
)
def test_a_path_that_a_tool_could_read_differently_is_refused(path: str) -> None:
    with pytest.raises(BadRequest):
        replace(TO, path=path)


@pytest.mark.parametrize(
    "differing",
    [
        {"profile": "a]b"},
        {"profile": "a\nb"},
        {"region": "x\ny"},
        {"lease_id": "L-1\n"},
        {"expires_at": "2026-12-08T17:00:00Z\nx"},
    ],
    ids=str,
)
def test_what_could_break_out_of_its_line_is_in_no_file(differing: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        replace(TO, **differing)


def test_the_connection_to_a_lease_as_the_server_shows_it() -> None:
    lease = json.loads(view(kind="session", id="L-4k7m9q2x"))
    to = Connection.to_lease(lease, profile="archive", region="eu-central-1")
    assert (to.lease_id, to.is_session, to.title) == ("L-4k7m9q2x", True, "Read the archive")
    with pytest.raises(BadRequest):
        file_for("nope", to)


AWKWARD = {"AWS_SESSION_TOKEN": 'a+/=\'b\\c $HOME `id` "d"', "AWS_REGION": "eu-central-1"}


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_a_shell_reads_back_what_was_set_and_nothing_else_is_left(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    script = "\n".join(
        [*shells.lines("sh", AWKWARD), 'printf "%s|%s|%s" "$AWS_SESSION_TOKEN" "$AWS_REGION" "${AWS_PROFILE-none}"']
    )
    done = subprocess.run(
        [str(shutil.which(shell)), "-c", script],
        env={"AWS_PROFILE": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{AWKWARD['AWS_SESSION_TOKEN']}|eu-central-1|none"


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("fish", r"""set -gx AWS_SESSION_TOKEN 'a+/=\'b\\c $HOME `id` "d"'"""),
        ("powershell", """$Env:AWS_SESSION_TOKEN = 'a+/=''b\\c $HOME `id` "d"'"""),
    ],
)
def test_other_shells_get_their_own_quotes(shell: str, line: str) -> None:
    assert line in shells.lines(shell, AWKWARD)


def test_cmd_gets_no_value_that_it_would_take_apart() -> None:
    assert 'set "AWS_SESSION_TOKEN=a+/="' in shells.lines("cmd", {"AWS_SESSION_TOKEN": "a+/="})
    assert 'set "AWS_PROFILE="' in shells.lines("cmd", {"AWS_SESSION_TOKEN": "a+/="})
    with pytest.raises(BadRequest):
        shells.lines("cmd", AWKWARD)
    with pytest.raises(BadRequest):
        shells.lines("csh", AWKWARD)
