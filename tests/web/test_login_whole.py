"""`keylease login` with nothing left out: a terminal, `keylease serve`, Chromium, and a real OpenID provider."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import person_with_chromium
import pytest
from chromium import found

from cli.command_line import COMMAND, CommandLine
from identity.real_provider import CLIENT, PEOPLE, SECRET, TENANT, RealProvider, client, real_provider

MARA = PEOPLE["mara"]["oid"]
ENTRA = """
[sign_in]
provider = "entra"
tenant = "{tenant}"
client_id = "{client}"
client_secret_file = "client-secret"
authority = "{authority}"

[administrators]
people = ["{mara}"]
"""
OPENID = """
[sign_in]
provider = "openid"
issuer = "{authority}/{tenant}/v2.0"
client_id = "{client}"
client_secret_file = "client-secret"
device_code = true

[administrators]
people = ["mara"]
"""


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def provider(port: int) -> Iterator[RealProvider]:
    found()
    known = client()
    known["redirect_uris"] = [f"http://{host}:{port}/sign-in/callback" for host in ("127.0.0.1", "localhost")]
    with real_provider((known,)) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder in which an administrator starts the server."""
    (tmp_path / "server").mkdir()
    (tmp_path / "server/client-secret").write_text(f"{SECRET}\n")
    return tmp_path / "server"


@contextmanager
def served(home: Path, port: int, sign_in: str, authority: str, *, host: str = "127.0.0.1") -> Iterator[str]:
    """`keylease serve` as an administrator starts it, with the configuration that a guide shows."""
    filled = sign_in.format(tenant=TENANT, client=CLIENT, authority=authority, mara=MARA)
    server = f'[server]\nlisten = "127.0.0.1:{port}"\naddress = "http://{host}:{port}"\n'
    (home / "keylease.toml").write_text(server + filled)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    own = {"cwd": home, "env": environment, "stdin": subprocess.DEVNULL}
    with (
        (home / "log").open("w") as log,
        subprocess.Popen([*COMMAND, "serve"], stdout=log, stderr=log, **own) as run,
    ):
        try:
            _wait_for(f"http://127.0.0.1:{port}", run, home / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            run.terminate()
            run.wait(timeout=30)
    log_text = (home / "log").read_text()
    assert SECRET not in log_text
    assert "Traceback" not in log_text


def _wait_for(address: str, run: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not _answers(address):
        assert run.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)  # noqa: TID251 - a real server starts


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=2).status_code in {200, 503}
    except httpx.TransportError:
        return False


def somebody(server: str, home: Path) -> CommandLine:
    """Somebody at a terminal, with a browser."""
    home.mkdir()
    made = CommandLine(server, home)
    made.environment["BROWSER"] = f"{sys.executable} {person_with_chromium.__file__} mara %s"
    return made


def test_a_person_signs_in_with_chromium_at_a_real_provider_and_stays(
    home: Path, port: int, provider: RealProvider, tmp_path: Path
) -> None:
    """On one machine, as the guide has it for a trial: the directory knows it as localhost alone."""
    with served(home, port, ENTRA, provider.authority, host="localhost") as server:
        person = somebody(server, tmp_path / "person")
        ended = person.on_terminal("login", person=None)
        assert ended.status == 0, ended.out
        assert "Signed in as Mara Lind until" in ended.out
        me = dict(person("whoami", person=None).rows)
        assert me["id"].endswith(f"/{TENANT}/v2.0#{MARA}")
        assert person("events", person=None).status == 0, "the administrator whom the configuration names"
        assert person("logout", person=None).status == 0
        assert person("whoami", person=None).status == 4


def test_a_code_is_typed_on_another_device_at_the_providers_own_page(
    home: Path, port: int, provider: RealProvider, tmp_path: Path
) -> None:
    """The terminal polls while somebody signs in elsewhere; nothing opens here."""
    there: list[threading.Thread] = []

    def elsewhere(screen: str) -> str:
        told = re.search(r"Open (\S+) on any device\s+and\s+type\s+([A-Z-]+)\.", screen)
        assert told is not None, screen
        walk = partial(person_with_chromium.walk, "priya", told[1], told[2])
        there.append(threading.Thread(target=walk))
        there[0].start()
        return ""

    with served(home, port, OPENID, provider.authority) as server:
        person = somebody(server, tmp_path / "person")
        del person.environment["BROWSER"]
        ended = person.on_terminal(
            "login", "--device-code", person=None, answers=(("Waiting for you", elsewhere),), COLUMNS="300"
        )
        there[0].join(timeout=60)
        assert ended.status == 0, ended.out
        assert "Signed in as Priya Raman until" in ended.out
        assert dict(person("whoami", person=None).rows)["name"] == "Priya Raman"
