"""The program around its commands: how it fails, what it loads, what its help says."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import CommandLine, view

import keylease as package
from keylease import errors
from keylease.cli import program
from keylease.errors import KeyleaseError
from world import World

HEAVY = ("pydantic", "fastapi", "starlette", "sqlalchemy", "boto3", "botocore", "uvicorn", "keylease.domain.iam")
OTHER = ("rich", "click", "pygments", "keylease.web", "keylease.app", "keylease.settings", "keylease.store")
LOADED = """
import json, sys
from keylease.cli import main
try:
    main()
except SystemExit as end:
    status = end.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def commands(group: Any = None, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that name it."""
    for name, one in (group or typer.main.get_command(program.app_of())).commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*before, name))
        else:
            yield (*before, name), one


def loaded(keylease: CommandLine, *words: str) -> set[str]:
    """The modules that a command has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        env=keylease.environment | {"KEYLEASE_UNSAFE_PERSON": "mara"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("show", "L-00000000"), ("lsit",)])
def test_a_command_loads_nothing_that_it_does_not_need(
    words: tuple[str, ...], keylease: CommandLine, world: World
) -> None:
    world.active()
    modules = loaded(keylease, *words)
    assert "typer" in modules
    assert not modules & {*HEAVY, *OTHER}


def test_the_version_loads_nothing_at_all(keylease: CommandLine) -> None:
    modules = loaded(keylease, "--version")
    assert not modules & {"typer", "httpx", "keylease.errors", *HEAVY, *OTHER}
    assert keylease("--version").out == f"keylease {package.__version__}\n"
    assert keylease("--json", "--version").out == f"keylease {package.__version__}\n"


@pytest.mark.parametrize("failure", [KeyleaseError, *errors.tree()], ids=lambda failure: failure.code)
def test_each_failure_ends_with_its_own_exit_status(
    failure: type[KeyleaseError], stand_in: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"code": failure.code, "sentence": "So it is.", "hint": "Do this."}
    server = stand_in(lambda *_: (500, json.dumps(body)))
    assert program.run(["show", "L-00000000", "--server", server, "--as", "mara"]) == failure.exit_status
    plain = capsys.readouterr()
    assert (plain.out, plain.err) == ("", f"error[{failure.code}]: So it is.\nhint: Do this.\n")
    assert program.run(["show", "L-00000000", "--server", server, "--as", "mara", "--json"]) == failure.exit_status
    as_json = capsys.readouterr()
    assert (as_json.out, json.loads(as_json.err)) == ("", body)


def test_a_sentence_of_several_lines_keeps_them(
    stand_in: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"code": "KL-101", "sentence": "a.toml:1: x\na.toml:2: y", "hint": "Look."})
    program.run(["whoami", "--server", stand_in(lambda *_: (500, body))])
    assert capsys.readouterr().err == "error[KL-101]: a.toml:1: x\n  a.toml:2: y\nhint: Look.\n"


def test_nobody_is_told_how_to_sign_in(keylease: CommandLine) -> None:
    refused = keylease("list", person=None)
    assert refused.status == 4
    assert "hint: `keylease login` signs you in. On a development server --as PERSON does too." in refused.err
    assert keylease("list", person="nobody").status == 4
    assert keylease("list", "--as", "Zoë").status == 2
    assert keylease("list", "--as", "mara\nX: y").status == 2


def test_no_server_is_said_with_its_address(keylease: CommandLine) -> None:
    away = keylease("list", KEYLEASE_SERVER="http://127.0.0.1:9")
    assert (away.status, away.out) == (70, "")
    assert away.err.startswith("error[KL-701]: http://127.0.0.1:9 does not answer.\nhint: ")
    assert keylease("list", "--server", "http://keylease.example").status == 11
    assert json.loads(keylease("list", "--json", "--server", "nonsense").err)["code"] == "KL-701"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lsit",), "No such command 'lsit'. Did you mean 'list'?"),
        (("list", "--al"), "No such option: --al"),
        (("show",), "Missing argument 'LEASE'."),
        (("show", "a", "b"), "unexpected extra argument"),
        (("list", "--server"), "requires an argument"),
        (("collect", "L-00000000", "--print", "--to", "x"), "not several"),
    ],
)
def test_wrong_words_end_with_2_and_a_way_on(words: tuple[str, ...], said: str, keylease: CommandLine) -> None:
    wrong = keylease(*words)
    assert (wrong.status, wrong.out) == (2, "")
    assert wrong.err.startswith("error[usage]: ")
    assert said in wrong.err
    assert re.search(r"\nhint: `keylease.* --help` shows how it is meant\.\n$", wrong.err)
    as_json = keylease(*words, "--json")
    if words[-1] != "--server":
        assert json.loads(as_json.err).keys() == {"code", "sentence", "hint"}


def test_what_nobody_foresaw_is_no_traceback(keylease: CommandLine, stand_in: Callable[..., str]) -> None:
    server = stand_in(lambda *_: (200, '{"id": "L-00000000"}'))
    failed = keylease("show", "L-00000000", "--server", server)
    assert failed.status == 1
    assert failed.err.startswith("error[KL-100]: keylease failed, and does not know why (KeyError).\nhint: ")
    assert "Traceback" in keylease("show", "L-00000000", "--server", server, "--verbose").err


def test_a_reader_that_goes_away_ends_it_quietly(keylease: CommandLine, world: World) -> None:
    for _ in range(5):
        world.active()
    listing = keylease.start("list", "--json")
    assert listing.stdout is not None
    assert listing.stderr is not None
    listing.stdout.close()
    err = listing.stderr.read()
    listing.stderr.close()
    assert (listing.wait(timeout=30), err) == (141, "")


def test_ctrl_c_while_the_server_thinks_ends_with_130(keylease: CommandLine, stand_in: Callable[..., str]) -> None:
    import threading

    asked, go_on = threading.Event(), threading.Event()

    def answer(*_: str) -> tuple[int, str]:
        asked.set()
        go_on.wait(20)
        return 200, view()

    started = keylease.start("collect", "L-00000000", "--to", "key.json", "--server", stand_in(answer))
    assert asked.wait(20)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=20)
    go_on.set()
    assert (started.returncode, out) == (130, "")
    assert err == "Interrupted. The access key that was made is taken away within minutes; collect again then.\n"


def test_words_move_on_a_terminal_while_it_takes_its_time(
    keylease: CommandLine, stand_in: Callable[..., str]
) -> None:
    import time

    def slow(_: str, path: str) -> tuple[int, str]:
        if path.endswith("collect"):
            time.sleep(1)  # noqa: TID251 - a server that takes its time
        return 403, json.dumps({"code": "KL-305", "sentence": "No.", "hint": "No."})

    server = stand_in(slow)
    words = ("collect", "L-00000000", "--to", "key.json", "--server", server)
    assert "AWS makes the access key" in keylease.on_terminal(*words, raw=True).out
    assert "AWS makes the access key" not in keylease(*words).err
    quick = keylease.on_terminal("revoke", "L-00000000", "--yes", "--server", server, raw=True)
    assert "AWS takes the access key away" not in quick.out


def test_verbose_words_name_calls_and_no_credentials(keylease: CommandLine, world: World) -> None:
    world.active()
    told = keylease("list", "--verbose")
    assert re.search(r"keylease\.client: GET /api/leases: 200 after \d+ ms", told.err)
    assert "Unsafe-Person" not in told.err


@pytest.mark.parametrize("words", [words for words, _ in commands()], ids=" ".join)
def test_the_help_of_each_command_has_examples_that_parse(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert "--json" in shown
    command = dict(commands())[words]
    examples = re.findall(rf"keylease ({' '.join(words)}\b[^|>\n]*)", re.sub(r"\[/?\w+\]", "", command.epilog))
    assert examples
    for example in examples:
        given = shlex.split(example.replace(')"', ""))[len(words) :]
        assert command.make_context(words[-1], given).params


def test_the_help_of_all_is_sorted_by_whom_it_is_for(keylease: CommandLine) -> None:
    shown = keylease("--help")
    for panel in ("For everybody", "For approvers", "For auditors", "For operators", "Options of every command"):
        assert panel in shown.out
    assert "Unsafe, for development servers" in shown.out
    assert keylease().out == shown.out
    assert keylease("-h").out == shown.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str, keylease: CommandLine) -> None:
    script = keylease(_KEYLEASE_COMPLETE=f"source_{shell}")
    assert (script.status, script.err) == (0, "")
    assert "_KEYLEASE_COMPLETE" in script.out


def test_a_completion_names_what_begins_so(keylease: CommandLine) -> None:
    completed = keylease(_KEYLEASE_COMPLETE="complete_bash", COMP_WORDS="keylease re", COMP_CWORD="1")
    assert {"request", "renew", "revoke", "reconcile"} == set(completed.out.split())


def test_output_that_cannot_be_encoded_does_not_fail(keylease: CommandLine, world: World) -> None:
    from world import TOMAS

    world.requested(by=TOMAS)
    listed = keylease("pending", person="priya", PYTHONIOENCODING="ascii")
    assert (listed.status, listed.rows[0][1]) == (0, "Tom?s Ortega")
    as_json = keylease("pending", "--json", person="priya", PYTHONIOENCODING="ascii")
    assert json.loads(as_json.out)[0]["owner"]["name"] == "Tomás Ortega"


def test_a_command_that_is_loaded_alone_is_in_the_module_that_is_named() -> None:
    for name, part in program.ALONE.items():
        assert name in typer.main.get_command(program.app_of([part])).commands, name  # type: ignore[attr-defined] # a group


def test_every_module_that_holds_commands_is_a_part() -> None:
    folder = Path(program.__file__).parent
    holding = {
        one.stem for one in folder.glob("*.py") if "commands = typer.Typer()" in one.read_text(encoding="utf-8")
    }
    more = {"root_acts": "root"}  # a noun in two files: the second adds to the first
    assert holding == {more.get(part, part) for part in program.PARTS}
