"""`exec`, `console`, `status`, `prompt` and `connect`, as people use them."""

from __future__ import annotations

import json
import plistlib
import signal
from datetime import timedelta

import pytest
from laptop import LEASE, Laptop
from stand_in import StandIn

from cli.command_line import COMMAND


@pytest.fixture
def laptop(laptop: Laptop) -> Laptop:
    laptop.keylease("configure")
    return laptop


def test_a_command_gets_the_credentials_their_end_and_the_region(laptop: Laptop, server: StandIn) -> None:
    done = laptop.keylease(
        "exec", "media-archive", "--", "env", AWS_PROFILE="x", AWS_CONTAINER_CREDENTIALS_FULL_URI="x"
    )
    got = dict(line.split("=", 1) for line in done.out.splitlines() if line.startswith("AWS_"))
    assert got == {
        "AWS_ACCESS_KEY_ID": server.given[0]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": server.given[0]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": server.given[0]["SessionToken"],
        "AWS_CREDENTIAL_EXPIRATION": laptop.session().as_process()["Expiration"],
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_a_region_that_the_person_chose_stays(laptop: Laptop) -> None:
    done = laptop.keylease("exec", LEASE, "--", "sh", "-c", "echo $AWS_REGION", AWS_REGION="eu-west-1")
    assert done.out == "eu-west-1\n"


@pytest.mark.parametrize("status", [0, 1, 7, 44])
def test_the_commands_exit_status_is_ours(laptop: Laptop, status: int) -> None:
    assert laptop.keylease("exec", LEASE, "--", "sh", "-c", f"exit {status}").status == status


def test_a_command_that_is_not_there_is_said(laptop: Laptop) -> None:
    done = laptop.keylease("exec", LEASE, "--", "no-such-command")
    assert (done.status, done.err) == (127, "There is no command no-such-command.\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command(laptop: Laptop, number: signal.Signals) -> None:
    script = (
        f"trap 'echo caught; exit 9' {number.name.removeprefix('SIG')}; echo ready; while :; do sleep 0.1; done"
    )
    process = laptop.start(*COMMAND, "exec", LEASE, "--", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.read() == "caught\n"
    assert process.wait(timeout=30) == 9
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()


def test_a_lease_that_is_over_runs_nothing(laptop: Laptop, server: StandIn) -> None:
    laptop.age()
    server.refuse = (409, "KL-405")
    done = laptop.keylease("exec", LEASE, "--", "echo", "ran")
    assert (done.status, done.out) == (44, "")


def test_status_says_what_one_has_here_and_when_it_was_used(laptop: Laptop, server: StandIn) -> None:
    server.lease("L-00000001", kind="access-key", title="Keys")
    server.lease("L-00000002", status="expired")
    [session, keys] = json.loads(laptop.keylease("status", "--json").out)
    assert (session["id"], session["profile"], session["kind"]) == (LEASE, "media-archive", "session")
    assert session["last_used"] == server.leases[LEASE]["last_session_at"]
    assert session["credentials_until"] == laptop.session().as_process()["Expiration"]
    assert (keys["id"], keys["profile"], keys["credentials_until"]) == ("L-00000001", "", None)
    screen = laptop.keylease.on_terminal("status").out
    assert "13 days" in screen or "2 weeks" in screen


def test_status_remembers_when_the_server_is_away_and_speaks_of_the_clock(laptop: Laptop, server: StandIn) -> None:
    laptop.age()
    server.clock_ahead = timedelta(minutes=10)
    laptop.process()
    server.silent = True
    done = laptop.keylease("status")
    assert done.status == 0
    assert done.rows[0][:2] == ["media-archive", LEASE]
    assert "This is what this machine remembers." in done.err
    assert "clock is 10 minutes behind" in done.err


def test_the_prompt_has_the_profile_and_the_time_left_and_asks_nobody(laptop: Laptop, server: StandIn) -> None:
    calls = len(server.calls)
    assert laptop.keylease("prompt", AWS_PROFILE="media-archive").out in {
        "media-archive 2 weeks\n",
        "media-archive 13 days\n",
    }
    for other in ({}, {"AWS_PROFILE": "default"}):
        assert laptop.keylease("prompt", **other).out == ""
    (laptop.state / "leases.json").write_text("not json")
    done = laptop.keylease("prompt", AWS_PROFILE="media-archive")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert len(server.calls) == calls


def test_cyberducks_files_are_written_for_their_owner_alone_and_named(laptop: Laptop) -> None:
    done = laptop.keylease("connect", "cyberduck", "media-archive", "--path", "media/2026", "--no-open")
    profile, bookmark = (laptop.home / path for path in done.out.splitlines())
    context = plistlib.loads(profile.read_bytes())["Context"]
    assert context.startswith("http://127.0.0.1:")
    assert plistlib.loads(bookmark.read_bytes())["Provider"] == plistlib.loads(profile.read_bytes())["Vendor"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (profile, bookmark))
    assert context not in done.out + done.err


def test_they_are_opened_with_what_the_system_has_the_profile_first(laptop: Laptop) -> None:
    opener = laptop.home / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text('#!/bin/sh\necho "$1" >> "$HOME/opened"\n')
    opener.chmod(0o755)
    laptop.keylease("connect", "cyberduck", LEASE, PATH=f"{opener.parent}:/usr/bin:/bin")
    opened = (laptop.home / "opened").read_text().splitlines()
    assert [one.rsplit(".", 1)[1] for one in opened] == ["cyberduckprofile", "duck"]


def test_a_file_goes_to_stdout_or_where_it_is_told_to(laptop: Laptop) -> None:
    shown = laptop.keylease("connect", "rclone", "media-archive")
    assert "profile = media-archive" in shown.out
    laptop.keylease("connect", "rclone", "media-archive", "--to", "rclone.conf")
    assert (laptop.home / "rclone.conf").read_text() == shown.out


def test_a_tool_that_reads_the_credentials_file_alone_is_told_how(laptop: Laptop) -> None:
    assert f"--write-profile media-archive-file={LEASE}" in laptop.keylease("connect", "winscp", LEASE).err


def test_a_tool_that_takes_no_session_is_refused_with_another_offer(laptop: Laptop) -> None:
    done = laptop.keylease("connect", "transmit", LEASE)
    assert done.status == 27
    assert "access-key" in done.err


def test_an_access_key_of_ones_own_is_connected_by_its_profile(laptop: Laptop, server: StandIn) -> None:
    server.lease("L-00000001", kind="access-key", access_key_id="AKIAFAKE")
    done = laptop.keylease("connect", "rclone", "L-00000001", "--profile", "mine")
    assert "profile = mine" in done.out


@pytest.mark.parametrize(
    "words", [("nope", LEASE), ("env", LEASE, "--through", "x"), ("env", LEASE, "--shell", "csh")]
)
def test_what_cannot_be_is_refused(laptop: Laptop, words: tuple[str, ...]) -> None:
    assert laptop.keylease("connect", *words).status in {2, 25}


@pytest.mark.parametrize(
    ("through", "names"),
    [
        ("profile", {"AWS_PROFILE", "AWS_REGION"}),
        ("endpoint", {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_REGION"}),
        (
            "credentials",
            {
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
                "AWS_CREDENTIAL_EXPIRATION",
                "AWS_REGION",
            },
        ),
    ],
)
def test_a_shell_is_connected_in_the_way_that_was_asked_for(laptop: Laptop, through: str, names: set[str]) -> None:
    done = laptop.keylease("connect", "env", LEASE, "--through", through)
    script = f"AWS_PROFILE=x AWS_ACCESS_KEY_ID=x; {done.out}\nenv"
    seen = laptop.run("/bin/sh", "-c", script, AWS_PROFILE="x", AWS_SESSION_TOKEN="x").out
    assert {line.split("=")[0] for line in seen.splitlines() if line.startswith("AWS_")} == names
