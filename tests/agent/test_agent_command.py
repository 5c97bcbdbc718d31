"""`keylease agent` as a process, and as a service of each system."""

from __future__ import annotations

import json
import plistlib
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET

import psutil
import pytest
from laptop import LEASE, Laptop, agent
from stand_in import StandIn

from keylease.agent.service import Service, service

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def laptop(laptop: Laptop) -> Laptop:
    laptop.keylease("configure")
    return laptop


def credentials(address: str) -> dict[str, Any]:
    with DIRECT.open(address, timeout=10) as answer:
        return dict(json.loads(answer.read()))


def test_it_serves_says_how_it_is_and_ends_when_told_to(laptop: Laptop, server: StandIn) -> None:
    with agent(laptop) as (process, found):
        given = credentials(found.context_url(LEASE))
        seen = json.loads(laptop.keylease("agent", "status", "--json").out)
        assert seen == {"pid": process.pid, "sessions": {LEASE: given["Expiration"]}}
        listening = [
            one.laddr.ip for one in psutil.Process(process.pid).net_connections() if one.status == "LISTEN"
        ]
        assert listening == ["127.0.0.1"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert laptop.keylease("agent", "status").status == 1
    assert server.asked == 1


def test_neither_its_words_nor_its_arguments_nor_its_environment_hold_a_secret(
    laptop: Laptop, server: StandIn
) -> None:
    with agent(laptop, "--write-profile", "fresh") as (process, found):
        credentials(found.context_url(LEASE))
        seen = psutil.Process(process.pid)
        shown = " ".join([*seen.cmdline(), *(f"{name}={value}" for name, value in seen.environ().items())])
        process.terminate()
        said = process.communicate(timeout=30)[1]
    secrets = {found.secret.reveal(), found.path_secret(LEASE), found.token(LEASE)}
    secrets |= {value for made in server.given for name, value in made.items() if name != "AccessKeyId"}
    assert "The agent listens on 127.0.0.1" in said
    assert "Wrote the section fresh" in said
    assert not any(secret in said + shown for secret in secrets)


def test_a_section_is_there_from_the_start(laptop: Laptop, server: StandIn) -> None:
    with agent(laptop, "--write-profile", f"fresh={LEASE}"):
        content = laptop.aws_credentials.read_text()
    assert f"aws_access_key_id = {server.given[0]['AccessKeyId']}\n" in content
    assert laptop.aws_credentials.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("words", ["media-archive", "a]b", "fresh=nope", ""])
def test_a_section_that_would_harm_or_that_nobody_can_fill_is_refused(laptop: Laptop, words: str) -> None:
    done = laptop.keylease("agent", "--write-profile", words)
    assert done.status == 2, done.err
    assert not laptop.aws_credentials.exists()


def test_a_section_of_somebody_elses_is_left_alone(laptop: Laptop) -> None:
    laptop.aws_credentials.write_text("[fresh]\naws_access_key_id = A\n")
    assert laptop.keylease("agent", "--write-profile", "fresh").status == 72


def test_with_two_leases_one_must_be_named(laptop: Laptop, server: StandIn) -> None:
    server.lease("L-00000001", permission_set="logs")
    laptop.keylease("configure")
    assert laptop.keylease("agent", "--write-profile", "fresh").status == 2


def test_a_second_agent_is_told_that_there_is_one(laptop: Laptop) -> None:
    with agent(laptop):
        done = laptop.keylease("agent")
    assert done.status == 75
    assert "agent status" in done.err


def test_without_a_further_word_it_runs_and_help_is_still_help(laptop: Laptop) -> None:
    shown = laptop.keylease("agent", "--help")
    assert shown.status == 0
    assert all(word in shown.out for word in ("install", "uninstall", "status", "run"))


def test_a_service_that_cannot_be_started_here_is_written_and_the_commands_are_said(laptop: Laptop) -> None:
    if sys.platform != "linux":
        pytest.skip("the service's file is systemd's here")
    done = laptop.keylease("agent", "install", PATH="/nowhere")
    unit = laptop.home / ".config" / "systemd" / "user" / "keylease-agent.service"
    assert (done.status, unit.exists()) == (0, True)
    assert "systemctl --user enable --now keylease-agent" in done.err
    assert laptop.keylease("agent", "uninstall", PATH="/nowhere").status == 0
    assert not unit.exists()
    assert "There was no service" in laptop.keylease("agent", "uninstall", PATH="/nowhere").err


AWKWARD = ["/opt/key lease/py%thon", "-E", "-P", "-m", "keylease", "agent", "run", "--write-profile", 'a"$b\\c']
PLAIN = [sys.executable, "-E", "-P", "-m", "keylease", "agent", "run"]


def made(platform: str, command: list[str], home: Path) -> Service:
    return service(command, platform=platform, home=home, state=home / "state", uid=1000, user=r"ACME\mara & co")


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze here")
    one = made("linux", PLAIN, tmp_path)
    one.path.parent.mkdir(parents=True)
    one.path.write_bytes(one.content)
    done = subprocess.run(
        [analyze, "verify", "--user", "--man=no", str(one.path)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_gets_words_that_it_would_expand_in_quotes(tmp_path: Path) -> None:
    [line] = [
        one for one in made("linux", AWKWARD, tmp_path).content.decode().splitlines() if one[:10] == "ExecStart="
    ]
    assert line == r'ExecStart="/opt/key lease/py%%thon" -E -P -m keylease agent run --write-profile "a\"$$b\\c"'


def test_launchd_gets_the_words_as_they_are(tmp_path: Path) -> None:
    one = made("darwin", AWKWARD, tmp_path)
    assert PurePosixPath(one.path).name == "keylease.agent.plist"
    written = plistlib.loads(one.content)
    assert written["ProgramArguments"] == AWKWARD
    assert written["Label"] == "keylease.agent"
    assert one.start == [("launchctl", "bootstrap", "gui/1000", str(one.path))]


def test_windows_gets_a_task_that_begins_when_the_person_signs_in(tmp_path: Path) -> None:
    one = made("win32", AWKWARD, tmp_path)
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ET.fromstring(one.content)  # noqa: S314 - our own text
    assert task.findtext(".//t:Command", namespaces=space) == r"\opt\key lease\py%thon"
    assert task.findtext(".//t:Arguments", namespaces=space) == subprocess.list2cmdline(AWKWARD[1:])
    assert task.findtext(".//t:RunLevel", namespaces=space) == "LeastPrivilege"
    assert task.findtext(".//t:ExecutionTimeLimit", namespaces=space) == "PT0S"
    assert task.findtext(".//t:LogonTrigger/t:UserId", namespaces=space) == r"ACME\mara & co", (
        "whoever else signs in"
    )
    assert task.findtext(".//t:Principal/t:UserId", namespaces=space) == r"ACME\mara & co"
