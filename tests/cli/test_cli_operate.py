"""What operators run: the example configuration, the server, a pass."""

from __future__ import annotations

import json
import re
import signal
import socket
import tomllib
from pathlib import Path

import httpx
import pytest
from command_line import CommandLine
from pydantic import BaseModel

from keylease import settings
from keylease.client import Client
from keylease.domain.clock import SystemClock
from keylease.errors import ServerUnreachable

UNSAFE = """
[server]
listen = "127.0.0.1:{port}"
address = "http://127.0.0.1:{port}"
[sign_in]
allow_unsafe_people = true
[unsafe_people.mara]
name = "Mara Lind"
"""


@pytest.fixture
def operator(tmp_path: Path) -> CommandLine:
    """A command line without a server."""
    return CommandLine("http://127.0.0.1:9", tmp_path)


def test_init_writes_a_configuration_that_allows_nothing_and_never_over_another(operator: CommandLine) -> None:
    path = operator.home / "keylease.toml"
    written = operator("init")
    assert (written.status, written.out) == (0, "keylease.toml\n")
    assert settings.read(path) == settings.parse("", origin=path)
    path.write_text("mine")
    refused = operator("init")
    assert (refused.status, refused.out) == (72, "")
    assert path.read_text() == "mine"
    assert json.loads(operator("init", "--config", "b.toml", "--json").out) == {
        "file": str(operator.home / "b.toml")
    }
    assert "Wrote c.toml" in operator.on_terminal("--config", "c.toml", "init").out
    assert operator("init", KEYLEASE_CONFIG="d.toml").out == "d.toml\n"
    assert operator("init", "--config", "none/e.toml").status == 71


def test_the_example_is_right_and_complete_once_it_is_uncommented(operator: CommandLine) -> None:
    operator("init")
    example = (operator.home / "keylease.toml").read_text()
    assert all(line.startswith("#") or not line for line in example.splitlines())
    text = re.sub(r"(?m)^#(?=\S)", "", example)
    (operator.home / "accounts.toml").touch()
    read = settings.parse(text, origin=operator.home / "keylease.toml")
    assert read.grants["media"].approvers.people == {"priya"}
    told = set(_paths(tomllib.loads(text)))
    assert {
        name for name in _names(settings.Settings) - told if f"`{name.rpartition('.')[2]}" not in example
    } == set()


def _names(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Every setting, a name of one's own choice as `*`."""
    names = set()
    for name, field in model.model_fields.items():
        inner = [one for one in (field.annotation, *getattr(field.annotation, "__args__", ())) if _is_section(one)]
        star = ".*" if getattr(field.annotation, "__origin__", None) is dict else ""
        names |= _names(inner[0], f"{prefix}{name}{star}.") if inner else {f"{prefix}{name}"}
    return names


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


CHOSEN = {
    *("accounts.", "permission_sets.", "grants.", "unsafe_people.", "baseline.sets.", "baseline.launch_roles."),
    *("baseline.federation.", "baseline.federation.*.roles."),
}
"""Tables whose entries people name as they like."""


def _paths(table: dict[str, object], prefix: str = "", depth: int = 0) -> list[str]:
    found = []
    for name, value in table.items():
        path = f"{prefix}{'*' if prefix in CHOSEN else name}"
        found.append(path)
        if isinstance(value, dict):
            found += _paths(value, f"{path}.", depth + 1)
    return found


def test_a_configuration_that_is_not_there_or_wrong_is_said(operator: CommandLine) -> None:
    for command in (("serve",), ("reconcile", "--once")):
        missing = operator(*command)
        assert (missing.status, missing.out) == (10, "")
        assert "keylease.toml cannot be read" in missing.err
    (operator.home / "keylease.toml").write_text("[server]\nlisten = 1\nlsiten = 2\n")
    wrong = operator("serve")
    assert wrong.status == 10
    assert "keylease.toml:2: server.listen" in wrong.err
    assert "keylease.toml:3: server.lsiten" in wrong.err


def test_serve_answers_until_it_is_told_to_end(operator: CommandLine) -> None:
    port = _configure(operator)
    serving = operator.start("serve")
    with Client(f"http://127.0.0.1:{port}", person="mara") as client:
        assert _once_it_answers(client)["name"] == "Mara Lind"
    assert operator("whoami", KEYLEASE_SERVER=f"http://127.0.0.1:{port}").rows[0] == ["name", "Mara Lind"]
    serving.send_signal(signal.SIGTERM)
    out, err = serving.communicate(timeout=30)
    assert (serving.returncode, out) == (0, "")
    assert f"keylease answers at http://127.0.0.1:{port}." in err
    assert "Unsafe: whoever reaches it may be any of mara." in err
    assert "Traceback" not in err


def test_an_address_that_is_taken_is_said(operator: CommandLine) -> None:
    port = _configure(operator)
    with socket.create_server(("127.0.0.1", port)):
        taken = operator("serve")
    assert taken.status == 10
    assert f"error[KL-101]: 127.0.0.1:{port} cannot be listened on" in taken.err


def test_ctrl_c_ends_serve_in_order(operator: CommandLine) -> None:
    port = _configure(operator)
    serving = operator.start("serve", "--verbose")
    with Client(f"http://127.0.0.1:{port}", person="mara") as client:
        _once_it_answers(client)
    httpx.get(f"http://127.0.0.1:{port}/sign-in/callback?code=a-code&state=a-state")
    serving.send_signal(signal.SIGINT)
    out, err = serving.communicate(timeout=30)
    assert (serving.returncode, out) == (130, "")
    assert "GET /api/me" in err
    assert "GET /sign-in/callback HTTP" in err
    assert not {"a-code", "a-state"} & set(re.findall(r"[\w-]+", err)), "a query may hold what signs somebody in"
    assert "Traceback" not in err


def test_a_pass_over_no_accounts_does_nothing(operator: CommandLine) -> None:
    _configure(operator)
    assert (operator("reconcile", "--once").status, operator("reconcile", "--once").out) == (0, "")
    assert json.loads(operator("reconcile", "--once", "--json").out) == []
    assert operator("reconcile", "--unsafe-empty-ledger").status == 2
    assert operator("reconcile", "--once", "--unsafe-empty-ledger").status == 0


def test_a_pass_that_aws_does_not_let_happen_ends_with_that_failure(operator: CommandLine) -> None:
    port = _configure(operator)
    with (operator.home / "keylease.toml").open("a") as file:
        file.write(f'[accounts.main]\nid = "123456789012"\nendpoint_url = "http://127.0.0.1:{port}"\n')
    failed = operator(
        "reconcile", "--once", "--json", AWS_CONFIG_FILE="/dev/null", AWS_EC2_METADATA_DISABLED="true"
    )
    assert failed.status == 53
    [report] = json.loads(failed.out)
    assert (report["account"], report["failures"][0]["code"]) == ("main", "KL-504")
    assert json.loads(failed.err)["code"] == "KL-504"


def test_passes_go_on_until_they_are_told_to_end(operator: CommandLine) -> None:
    _configure(operator)
    running = operator.start("reconcile")
    assert running.stderr is not None
    assert running.stderr.readline() == "Pass after pass; Ctrl-C ends it.\n"
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (0, "", "")


def _configure(operator: CommandLine) -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    (operator.home / "keylease.toml").write_text(UNSAFE.format(port=port))
    return port


def _once_it_answers(client: Client) -> dict[str, object]:
    for _ in range(300):
        try:
            return dict(client.me())
        except ServerUnreachable:
            SystemClock().sleep(0.1)
    raise AssertionError("it never answered")
