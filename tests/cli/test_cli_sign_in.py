"""`keylease login` from a person's terminal to the tokens, and what then stays signed in."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import walker
from command_line import CommandLine, Ended

from keylease.app import App
from keylease.terminals import ACCESS_LASTS
from world import MARA, World

TOKEN = re.compile(r"kl[ar]_[\w-]{10}")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/cli/authorize\?\S+")


class Person(CommandLine):
    """Somebody with a home, a terminal and a browser."""

    def __init__(self, server: str, home: Path) -> None:
        super().__init__(server, home)
        home.mkdir(exist_ok=True)
        self.wish()
        script = Path(walker.__file__)
        self.environment["BROWSER"] = f"{sys.executable} {script} {home} %s"

    def wish(self, **changes: Any) -> None:
        """What the browser is to do from now on."""
        (self.home / "walk.json").write_text(json.dumps(changes))

    @property
    def walked(self) -> list[dict[str, Any]]:
        """What the browser saw, each time it was opened."""
        path = self.home / "walked.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def login(self, *words: str, **more: Any) -> Ended:
        return self.on_terminal("login", *words, person=None, **more)

    def signed_in(self, **more: Any) -> Person:
        ended = self.login(**more)
        assert ended.status == 0, ended.out
        return self

    def background(self, *words: str, **environment: str) -> Ended:
        """Where nobody looks."""
        return self(*words, person=None, **environment)

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for folder in (".local", ".config", ".cache")
            for path in (self.home / folder).rglob("*")
            if path.is_file()
        }


@pytest.fixture
def person(server: str, tmp_path: Path) -> Person:
    return Person(server, tmp_path)


def terminals(world: World) -> list[str]:
    return [link.event.action for link in world.store.events() if link.event.action.startswith("terminal")]


def test_a_person_signs_in_and_every_command_acts_as_them(person: Person, world: World) -> None:
    ended = person.login()
    assert ended.status == 0, ended.out
    assert "Signed in as Mara Lind until Thu 24 Dec" in ended.out
    [walked] = person.walked
    assert f"The page must show the number {walked['number']}." in ended.out
    assert walked["end"] == f"{person.environment['KEYLEASE_SERVER']}/cli/done"
    me = dict(person.background("whoami").rows)
    assert (me["name"], me["id"], me["signed in until"]) == ("Mara Lind", MARA.id, "2026-12-24T12:00:00Z")
    lease = world.approved()
    assert lease.id in person.background("list").out


def test_nothing_secret_is_in_a_command_line_on_the_screen_or_in_a_file_in_the_clear(person: Person) -> None:
    ended = person.login("--verbose")
    [walked] = person.walked
    written = "".join([ended.out, *walked["argv"], *(repr(one) for one in person.files().values())])
    assert "sealed" in written
    assert not TOKEN.search(written)
    assert "code=" not in written.replace("code_challenge=", "")
    names = [name for name in person.files() if name.endswith((".sealed", ".key"))]
    assert len(names) == 2
    for name in names:
        path = person.home / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


def test_who_is_signed_in_already_is_told_so_and_no_browser_opens(person: Person) -> None:
    person.signed_in()
    again = person.login()
    assert (again.status, len(person.walked)) == (0, 1)
    assert "Signed in as Mara Lind" in again.out


def test_fresh_signs_in_anew_whoever_is_there(person: Person) -> None:
    person.signed_in()
    person.wish(person="tomas")
    ended = person.login("--fresh", "--mfa")
    assert "Signed in as Tomás Ortega" in ended.out
    assert "fresh=true&mfa=true" in person.walked[-1]["argv"][-1]
    assert json.loads(person.background("whoami", "--json").out)["methods"] == ["mfa"]


def test_a_no_in_the_browser_is_a_no(person: Person) -> None:
    person.wish(may="no")
    ended = person.login()
    assert (ended.status, "error[KL-308]: The browser brought a no." in ended.out) == (36, True)
    assert person.background("whoami").status == 4


def test_as_json_the_answer_is_who_signed_in(person: Person) -> None:
    ended = person.login("--json")
    assert "The page must show the number" in ended.out, "who sits there is told all the same"
    assert json.loads(ended.out[ended.out.index("{") :])["subject"] == "mara"


def test_a_code_can_be_pasted_where_no_browser_is(person: Person) -> None:
    def paste(screen: str) -> str:
        found = ADDRESS.search(re.sub(r"\s*\r\n", "", screen))
        assert found is not None
        walker.walk(person.home, found[0].removesuffix("The"))
        return str(person.walked[-1]["code"])

    del person.environment["BROWSER"]
    ended = person.login("--no-browser", answers=(("then shows:", paste),), COLUMNS="400")
    assert ended.status == 0, ended.out
    assert f"The page must show the number {person.walked[0]['number']}." in ended.out
    assert dict(person.background("whoami").rows)["name"] == "Mara Lind"


def test_where_no_browser_is_to_be_had_the_address_is_printed(person: Person) -> None:
    del person.environment["BROWSER"]
    ended = person.login(answers=(("then shows:", "nonsense"),))
    assert ended.status == 36
    assert "Open this address in a browser" in ended.out
    assert "error[KL-308]: The code is unknown" in ended.out


def test_a_server_without_device_codes_says_so(person: Person) -> None:
    ended = person.login("--device-code")
    assert (ended.status, "no sign-in with a device code here" in ended.out) == (36, True)


@pytest.mark.parametrize(
    "words", [("login",), ("login", "--no-browser"), ("login", "--device-code"), ("login", "--json")]
)
def test_without_a_terminal_nobody_is_asked_and_nothing_opens(person: Person, words: tuple[str, ...]) -> None:
    began = time.monotonic()
    ended = person.background(*words)
    assert (ended.status, ended.out) == (4, "")
    assert "KL-301" in ended.err
    assert time.monotonic() - began < 10
    assert person.walked == []


@pytest.mark.parametrize("words", [("list",), ("whoami",), ("sets", "--json"), ("show", "L-00000000")])
def test_a_background_call_of_somebody_who_is_not_signed_in_ends_with_4(
    person: Person, words: tuple[str, ...]
) -> None:
    ended = person.background(*words)
    assert (ended.status, ended.out) == (4, "")
    assert "`keylease login` signs you in" in ended.err
    assert person.walked == []


@pytest.mark.parametrize("words", [("--no-browser", "--device-code"), ("--device-code", "--mfa"), ("--as", "mara")])
def test_words_that_do_not_go_together_are_wrong_usage(person: Person, words: tuple[str, ...]) -> None:
    assert person.login(*words).status == 2


def test_the_access_token_is_renewed_without_a_word(person: Person, world: World) -> None:
    person.signed_in()
    for _ in range(3):
        world.clock.pass_time(seconds=ACCESS_LASTS.total_seconds())
        assert person.background("whoami").status == 0
    assert terminals(world) == ["terminal-signed-in"]


def test_commands_that_renew_at_once_do_not_end_the_sign_in(person: Person, world: World) -> None:
    person.signed_in()
    world.clock.pass_time(seconds=ACCESS_LASTS.total_seconds())
    running = [person.start("whoami", person=None) for _ in range(4)]
    for one in running:
        _, err = one.communicate(timeout=60)
        assert (one.returncode, err) == (0, "")
    assert terminals(world) == ["terminal-signed-in"]


def test_logins_at_once_are_one_sign_in(person: Person, world: World) -> None:
    person.wish(pause=2)
    ended: list[Ended] = []
    threads = [threading.Thread(target=lambda: ended.append(person.login())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status for one in ended] == [0, 0, 0]
    assert len(person.walked) == 1
    assert sum("Another keylease is signing in" in one.out for one in ended) == 2
    assert all("Signed in as Mara Lind" in one.out for one in ended)
    assert terminals(world) == ["terminal-signed-in"]


def test_signing_out_ends_it_here_and_at_the_server(person: Person, world: World) -> None:
    person.signed_in()
    ended = person.background("logout")
    assert (ended.status, ended.err) == (0, "Signed out Mara Lind. Your leases go on.\n")
    assert terminals(world) == ["terminal-signed-in", "terminal-ended"]
    assert not any(name.endswith(".sealed") for name in person.files())
    assert person.background("whoami").status == 4
    assert person.background("logout").err == "This terminal was not signed in.\n"
    assert json.loads(person.background("logout", "--json").out) == {"signed_out": False}


def test_signing_out_works_without_the_server_and_says_what_is_left(person: Person) -> None:
    person.signed_in()
    state = person.home / ".local/state/keylease/sign-ins.json"
    away = "http://127.0.0.1:9"
    state.write_text(state.read_text().replace(person.environment["KEYLEASE_SERVER"], away))
    [sealed] = state.parent.glob("*.sealed")
    sealed.rename(sealed.with_name(f"sign-in-{_digest(away)}.sealed"))
    ended = person.background("logout", KEYLEASE_SERVER=away)
    assert (ended.status, f"End it at the server too: {away}/sign-ins" in ended.err) == (70, True)
    assert person.background("whoami", KEYLEASE_SERVER=away).status == 70
    assert not list(state.parent.glob("*.sealed"))


def test_a_sign_in_that_was_ended_elsewhere_is_over_here(person: Person, app: App) -> None:
    person.signed_in()
    [terminal] = app.terminals.of(MARA)
    app.terminals.end(MARA, terminal.id)
    ended = person.background("list")
    assert (ended.status, "hint: Sign in: `keylease login`." in ended.err) == (4, True)
    assert not any(name.endswith(".sealed") for name in person.files())
    assert person.login().status == 0


def test_a_copied_token_ends_the_sign_in_once_it_was_used_on_both_sides(
    person: Person, world: World, tmp_path: Path
) -> None:
    person.signed_in()
    thief = Person(person.environment["KEYLEASE_SERVER"], tmp_path / "thief")
    for name, content in person.files().items():
        path = thief.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    for _ in range(2):
        world.clock.pass_time(seconds=ACCESS_LASTS.total_seconds())
        assert thief.background("whoami").status == 0
    assert person.background("whoami").status == 4
    assert thief.background("whoami").status == 4
    assert terminals(world) == ["terminal-signed-in", "terminal-ended"]


def test_a_passphrase_seals_the_file(person: Person) -> None:
    person.signed_in(KEYLEASE_PASSPHRASE="correct horse")
    assert not any(name.endswith(".key") for name in person.files())
    without = person.background("whoami")
    assert (without.status, "Set KEYLEASE_PASSPHRASE" in without.err) == (4, True)
    assert person.background("whoami", KEYLEASE_PASSPHRASE="correct horse").status == 0
    assert person.background("whoami", KEYLEASE_PASSPHRASE="battery staple").status == 4
    assert person.background("whoami", KEYLEASE_PASSPHRASE="correct horse").status == 0


@pytest.mark.parametrize("spoil", ["key", "sealed", "gone", "index"])
def test_a_sign_in_that_cannot_be_opened_is_over_and_another_replaces_it(person: Person, spoil: str) -> None:
    person.signed_in()
    [sealed], [key] = ([*(person.home / ".local").rglob("*.sealed")], [*(person.home / ".config").rglob("*.key")])
    if spoil == "key":
        key.write_text("0" * 64)
    elif spoil == "sealed":
        sealed.write_bytes(sealed.read_bytes()[:-9])
    elif spoil == "index":
        sealed.with_name("sign-ins.json").write_text("{")
    else:
        sealed.unlink()
    ended = person.background("whoami")
    assert (ended.status, "keylease login" in ended.err) == (4, True)
    assert person.login().status == 0
    assert person.background("whoami").status == 0


KEYRING = """
import json, os
from pathlib import Path
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

class Keyring(KeyringBackend):
    priority = {priority}
    place = Path({place!r})

    def _all(self):
        if {broken}:
            raise OSError("locked")
        return json.loads(self.place.read_text()) if self.place.exists() else {{}}

    def get_password(self, service, username):
        return self._all().get(f"{{service}} {{username}}")

    def set_password(self, service, username, password):
        self.place.write_text(json.dumps(self._all() | {{f"{{service}} {{username}}": password}}))

    def delete_password(self, service, username):
        kept = self._all()
        if kept.pop(f"{{service}} {{username}}", None) is None:
            raise PasswordDeleteError("none")
        self.place.write_text(json.dumps(kept))
"""


def with_keyring(person: Person, *, priority: float = 5, broken: bool = False) -> Path:
    """Give the person's system a keyring; where it keeps what it is given."""
    place, code = person.home / "keyring.json", person.home / "code"
    code.mkdir(exist_ok=True)
    text = KEYRING.format(priority=priority, place=str(place), broken=broken)
    (code / "keyring_of_the_tests.py").write_text(text)
    person.environment |= {
        "PYTHON_KEYRING_BACKEND": "keyring_of_the_tests.Keyring",
        "PYTHONPATH": str(code),
    }
    return place


def test_a_keyring_holds_the_sign_in_where_there_is_one(person: Person) -> None:
    place = with_keyring(person)
    person.signed_in()
    [(name, kept)] = json.loads(place.read_text()).items()
    assert name == f"keylease {person.environment['KEYLEASE_SERVER']}"
    assert set(json.loads(kept)) == {"refresh", "following", "access", "access_until"}
    assert not any(name.endswith((".sealed", ".key")) for name in person.files())
    assert person.background("whoami").status == 0
    assert person.background("logout").status == 0
    assert json.loads(place.read_text()) == {}


@pytest.mark.parametrize(("priority", "broken"), [(0.5, False), (0, False), (-1, False), (5, True)])
def test_a_keyring_that_hides_nothing_or_does_not_work_is_passed_over(
    person: Person, priority: float, *, broken: bool
) -> None:
    place = with_keyring(person, priority=priority, broken=broken)
    person.signed_in()
    assert not place.exists()
    assert any(name.endswith(".sealed") for name in person.files())


def test_a_keyring_that_is_gone_is_said_so(person: Person) -> None:
    with_keyring(person)
    person.signed_in()
    with_keyring(person, broken=True)
    ended = person.background("whoami")
    assert (ended.status, "KL-705" in ended.err) == (74, True)


def _digest(server: str) -> str:
    return hashlib.sha256(server.encode()).hexdigest()[:16]
