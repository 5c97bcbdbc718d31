"""Taking delivery: where the access key goes, and where it never does."""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from command_line import COMMAND, SECRET, CommandLine, Ended, view

from keylease.cli.collect import _acknowledged
from keylease.cli.context import Invocation, Options
from keylease.domain.lease import State
from keylease.errors import StoreBusy
from keylease.testing import FakeClock
from world import World

FLAGS = "--profile NAME, --to FILE or --print"


def holds_secret(home: Path) -> list[str]:
    """The files below `home` that hold a secret access key."""
    return [one.name for one in home.rglob("*") if one.is_file() and SECRET.encode() in one.read_bytes()]


def credentials(keylease: CommandLine) -> Path:
    return keylease.home / ".aws" / "credentials"


def said_no_secret(ended: Ended) -> bool:
    return SECRET not in ended.out + ended.err


def test_without_a_place_for_it_no_access_key_is_made(keylease: CommandLine, world: World) -> None:
    lease = world.approved()
    for words in ((), ("--json",)):
        refused = keylease("collect", lease.id, *words)
        assert (refused.status, refused.out) == (2, "")
        assert FLAGS in refused.err
    assert keylease("collect", lease.id, "--print", "--to", "x").status == 2
    assert keylease("collect", lease.id, "--profile", "a]b").status == 2
    assert not world.cloud.calls
    assert world.store.get(lease.id).state is State.APPROVED


def test_into_a_profile(keylease: CommandLine, world: World) -> None:
    lease = world.approved()
    credentials(keylease).parent.mkdir()
    before = b"\xef\xbb\xbf[default]\r\n# mine\r\naws_access_key_id=AKIAMINE\r\n"
    credentials(keylease).write_bytes(before)
    collected = keylease("collect", lease.id, "--profile", "media")
    assert collected.status == 0
    assert collected.rows == [[lease.id, "archive", "main", "active", "1209600", "2026-12-08T12:00:00Z"]]
    assert "Stored in profile media of " in collected.err
    assert "AWS refuses it from Tue 8 Dec 13:00 CET (2 weeks) on." in collected.err
    written = credentials(keylease).read_bytes()
    assert written.startswith(before)
    assert b"[media]\r\n# keylease " in written
    assert SECRET.encode() in written
    assert stat.S_IMODE(credentials(keylease).stat().st_mode) == 0o600
    assert world.store.get(lease.id).state is State.ACTIVE
    assert said_no_secret(collected)
    assert holds_secret(keylease.home) == ["credentials"]


def test_a_renewal_replaces_the_profile_that_keylease_wrote(keylease: CommandLine, world: World) -> None:
    keylease("collect", world.approved().id, "--profile", "media")
    again = world.approved()
    assert keylease("collect", again.id, "--profile", "media").status == 0
    text = credentials(keylease).read_text()
    assert text.count("[media]") == 1
    assert world.store.get(again.id).access_key_id in text


def test_the_credentials_file_may_be_elsewhere(keylease: CommandLine, world: World) -> None:
    path = keylease.home / "elsewhere"
    done = keylease(
        "collect", world.approved().id, "--profile", "m", "--json", AWS_SHARED_CREDENTIALS_FILE=str(path)
    )
    assert json.loads(done.out)["stored"] == {"profile": "m", "file": str(path)}
    assert holds_secret(keylease.home) == ["elsewhere"]


def test_a_profile_of_somebody_elses_is_refused_before_an_access_key_is_made(
    keylease: CommandLine, world: World
) -> None:
    lease = world.approved()
    credentials(keylease).parent.mkdir()
    credentials(keylease).write_bytes(b"[media]\naws_access_key_id = AKIAMINE\n")
    refused = keylease("collect", lease.id, "--profile", "media")
    assert (refused.status, refused.out) == (72, "")
    assert "The profile media exists, and keylease did not write it." in refused.err
    assert not world.cloud.calls
    assert credentials(keylease).read_bytes() == b"[media]\naws_access_key_id = AKIAMINE\n"


def test_into_a_file(keylease: CommandLine, world: World) -> None:
    lease = world.approved()
    collected = keylease("collect", lease.id, "--to", "key.json", "--json")
    path = keylease.home / "key.json"
    assert json.loads(collected.out)["stored"] == {"file": str(path)}
    assert json.loads(collected.out)["lease"]["status"] == "active"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = json.loads(path.read_text())
    assert written == {
        "written_by": "keylease",
        "lease_id": lease.id,
        "account_id": "123456789012",
        "permission_set": "archive",
        "expires_at": "2026-12-08T12:00:00Z",
        "access_key_id": world.store.get(lease.id).access_key_id,
        "secret_access_key": written["secret_access_key"],
    }
    assert world.cloud.accepts(written["access_key_id"])
    assert said_no_secret(collected)
    assert (collected.err, holds_secret(keylease.home)) == ("", ["key.json"])
    assert keylease("collect", world.approved().id, "--to", "key.json").status == 0


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("notes.txt", b"mine", 72),
        ("other.json", b"{}", 72),
        ("folder/", None, 71),
        ("/dev/full", None, 71),
        (".", None, 71),
    ],
)
def test_a_file_that_is_not_keyleases_is_refused_before_an_access_key_is_made(
    path: str, content: bytes | None, status: int, keylease: CommandLine, world: World
) -> None:
    (keylease.home / "folder").mkdir()
    if content is not None:
        (keylease.home / path).write_bytes(content)
    refused = keylease("collect", world.approved().id, "--to", path)
    assert (refused.status, refused.out) == (status, "")
    assert not world.cloud.calls
    if content is not None:
        assert (keylease.home / path).read_bytes() == content


def test_a_disk_that_is_full_leaves_an_access_key_that_nobody_acknowledged(
    keylease: CommandLine, world: World
) -> None:
    lease = world.approved()
    command = f"ulimit -f 0; exec {shlex.join([*COMMAND, 'collect', lease.id, '--to', 'key.json'])}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=keylease.environment | {"KEYLEASE_UNSAFE_PERSON": "mara"},
        cwd=keylease.home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 71
    assert "error[KL-702]: key.json cannot be written" in done.stderr
    assert "is taken away within minutes" in done.stderr
    assert world.store.get(lease.id).state is State.ISSUING
    assert (holds_secret(keylease.home), SECRET in done.stdout + done.stderr) == ([], False)
    assert not list(keylease.home.iterdir())


def test_printed_only_when_that_is_said(keylease: CommandLine, world: World) -> None:
    lease = world.approved()
    printed = keylease("collect", lease.id, "--print")
    access_key_id = world.store.get(lease.id).access_key_id
    assert printed.status == 0
    id_line, secret_line = printed.out.splitlines()
    assert id_line == f"export AWS_ACCESS_KEY_ID={access_key_id}"
    assert secret_line.startswith(f"export AWS_SECRET_ACCESS_KEY={SECRET}")
    assert SECRET not in printed.err
    assert world.store.get(lease.id).state is State.ACTIVE
    as_json = json.loads(keylease("collect", world.approved().id, "--print", "--json").out)
    assert as_json["secret_access_key"].startswith(SECRET)
    assert as_json["ready"] is True


def test_a_reader_that_went_away_has_not_taken_delivery(keylease: CommandLine, world: World) -> None:
    lease = world.approved()
    printing = keylease.start("collect", lease.id, "--print")
    assert printing.stdout is not None
    assert printing.stderr is not None
    printing.stdout.close()
    err = printing.stderr.read()
    printing.stderr.close()
    assert (printing.wait(timeout=30), err) == (141, "")
    assert world.store.get(lease.id).state is State.ISSUING


@pytest.mark.parametrize(
    ("answers", "file"),
    [
        ((("Where to?", "profile"), ("Name of the profile:", "media")), "credentials"),
        ((("Where to?", "f"), ("Path of the file:", "key.json")), "key.json"),
        ((("Where to?", "print"),), None),
    ],
)
def test_on_a_terminal_it_asks_where_to(
    answers: tuple[tuple[str, str], ...], file: str | None, keylease: CommandLine, world: World
) -> None:
    lease = world.approved()
    collected = keylease.on_terminal("collect", lease.id, answers=answers)
    assert collected.status == 0
    assert "files in media-archive in main, until Tue 8 Dec 13:00 CET (2 weeks)." in collected.out
    assert world.store.get(lease.id).state is State.ACTIVE
    assert holds_secret(keylease.home) == ([file] if file else [])
    assert (SECRET in collected.out) is (file is None)


def test_no_answer_on_a_terminal_makes_no_access_key(keylease: CommandLine, world: World) -> None:
    assert keylease.on_terminal("collect", world.approved().id, answers=(("Where to?", "\x04"),)).status == 130
    assert keylease.on_terminal("collect", world.approved().id, answers=(("Where to?", "\x03"),)).status == 130
    assert not world.cloud.calls


def test_what_cannot_be_collected_is_said(keylease: CommandLine, world: World) -> None:
    cases = {world.requested().id: (41, "KL-402"), world.active().id: (42, "KL-403")}
    for lease_id, (status, code) in cases.items():
        refused = keylease("collect", lease_id, "--profile", "media")
        assert (refused.status, refused.out) == (status, "")
        assert f"error[{code}]" in refused.err
    assert keylease("collect", world.approved().id, "--print", person="priya").status == 33
    assert not credentials(keylease).exists()


def test_even_verbose_words_hold_no_secret(keylease: CommandLine, world: World) -> None:
    told = keylease("collect", world.approved().id, "--to", "key.json", "--verbose")
    assert "POST /api/leases/" in told.err
    assert said_no_secret(told)


def collecting(*, lost: int, ready: bool = True) -> Callable[[str, str], tuple[int, str]]:
    """A server that makes an access key and misses the first acknowledgements."""
    acknowledged = 0

    def answer(_: str, path: str) -> tuple[int, str]:
        nonlocal acknowledged
        if path.endswith("/collect"):
            lease = json.loads(view(status="collecting"))
            made = {
                "lease": lease,
                "access_key_id": "AKIAFAKE00000000",
                "secret_access_key": SECRET + "1",
                "ready": ready,
            }
            return 200, json.dumps(made)
        acknowledged += 1
        if acknowledged <= lost:
            return 503, json.dumps({"code": "KL-601", "sentence": "The ledger is busy.", "hint": "Again."})
        return 200, view(status="active")

    return answer


@pytest.mark.parametrize("words", [("--profile", "media"), ("--to", "key.json"), ("--print",)])
@pytest.mark.parametrize(
    "forged",
    [
        {"access_key_id": "AKIAX;touch pwned"},
        {"secret_access_key": "$(touch pwned)"},
        {"lease": json.loads(view(expires_at="2026-12-08T17:00:00Z\n[default]\ncredential_process = touch pwned"))},
    ],
    ids=["access_key_id", "secret_access_key", "expires_at"],
)
def test_a_server_that_was_taken_over_runs_nothing_here(
    words: tuple[str, ...], forged: dict[str, object], keylease: CommandLine, stand_in: Callable[..., str]
) -> None:
    asked: list[str] = []
    good = collecting(lost=0)

    def answer(method: str, path: str) -> tuple[int, str]:
        asked.append(path)
        status, body = good(method, path)
        return status, json.dumps(json.loads(body) | forged)

    done = keylease("collect", "L-00000000", *words, "--server", stand_in(answer))
    assert (done.status, done.out) == (70, "")
    assert "answered with what is no access key." in done.err
    assert "is taken away within minutes" in done.err
    assert asked == ["/api/leases/L-00000000/collect"], "nothing was acknowledged"
    assert not [one for one in keylease.home.rglob("*") if one.is_file()]


def test_an_acknowledgement_that_was_lost_is_said_again(
    keylease: CommandLine, stand_in: Callable[..., str]
) -> None:
    server = stand_in(collecting(lost=1, ready=False))
    done = keylease("collect", "L-00000000", "--to", "key.json", "--server", server)
    assert done.status == 0
    assert "AWS does not accept it everywhere yet" in done.err


def test_an_acknowledgement_that_never_arrives_is_a_failure(
    stand_in: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    call = Invocation(Options(server=stand_in(collecting(lost=99))))
    call.clock = clock = FakeClock()
    began = clock.now()
    with pytest.raises(StoreBusy) as raised:
        _acknowledged(call, call.client.collect("L-00000000"))
    call.close()
    assert "keylease does not know. The access key that was made is taken away within minutes" in raised.value.hint
    assert clock.now() - began == timedelta(seconds=15)
    assert SECRET not in str(capsys.readouterr())
