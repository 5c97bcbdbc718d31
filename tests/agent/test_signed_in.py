"""Staying signed in: what a lost answer, a killed process and a second one do to a terminal's tokens."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from keylease.agent import keeping
from keylease.agent.keeping import InFile, InKeyring
from keylease.agent.signed_in import EARLY, Place, SignedIn
from keylease.domain.secret import Secret, digest, random
from keylease.domain.terminal import Wish, challenge_of
from keylease.errors import ServerUnreachable, SignInNeeded, SignInNotKept, SignInUnderWay
from keylease.ports import SignedIn as Verified
from keylease.terminals import ACCESS, ACCESS_LASTS, TerminalSignIns
from keylease.testing import Crash, FakeClock, MemoryStore
from keylease.testing_sign_ins import memory_kept
from world import MARA

SERVER = "http://127.0.0.1:8465"


class Server:
    """The server's own use cases, as `client.Client` reaches them; `after` happens once it has acted."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.store = MemoryStore()
        self.kept = memory_kept()
        lasts = ACCESS_LASTS * 100
        self.terminals = TerminalSignIns(kept=self.kept, store=self.store, clock=clock, lasts=lasts)
        self.after: Callable[[], None] = lambda: None
        self.asked: list[Mapping[str, str]] = []

    def tokens(self, asked: Mapping[str, str]) -> dict[str, Any]:
        self.asked.append(asked)
        following = Secret(asked["next_refresh_token"])
        if asked["grant_type"] == "refresh_token":
            admitted = self.terminals.refresh(Secret(asked["refresh_token"]), following=following)
        else:
            admitted = self.terminals.exchange_code(
                Secret(asked["code"]), verifier=Secret(asked["code_verifier"]), redirect="", refresh=following
            )
        self.after()
        left = (admitted.access_until - self.clock.now()).total_seconds()
        return {"access_token": admitted.access.reveal(), "expires_in": int(left), "signed_in_until": "2026-12-24"}

    def sign_out(self, token: Secret) -> None:
        self.terminals.leave(token)

    def accepts(self, token: Secret | None) -> bool:
        found = token and self.kept.terminals.find(digest(ACCESS, token.reveal()), self.clock.now())
        return found is not None

    def code(self) -> dict[str, str]:
        verifier = random()
        signed_in = Verified(principal=MARA, authenticated_at=self.clock.now())
        code = self.terminals.allow(signed_in, Wish(challenge=challenge_of(verifier)))
        return {
            "grant_type": "authorization_code",
            "code": code.reveal(),
            "code_verifier": verifier.reveal(),
        }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> Any:
    return Server(clock)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(state=tmp_path / "state", keys=tmp_path / "keys")


@pytest.fixture
def signed_in(server: Any, place: Place, clock: FakeClock) -> SignedIn:
    made = SignedIn(SERVER, place, clock)
    assert made.begin(server, server.code())
    return made


def again(place: Place, clock: FakeClock) -> SignedIn:
    """Another process."""
    return SignedIn(SERVER, place, clock)


def ended(server: Any) -> bool:
    return any(link.event.action == "terminal-ended" for link in server.store.events())


def test_who_never_signed_in_has_no_token_and_nothing_is_asked(server: Any, place: Place, clock: FakeClock) -> None:
    assert again(place, clock).access_token(server) is None
    assert again(place, clock).known() is None
    assert not place.state.exists()


def test_another_process_has_the_same_token_and_asks_nobody(
    signed_in: SignedIn, server: Any, place: Place, clock: FakeClock
) -> None:
    token = again(place, clock).access_token(server)
    assert token == signed_in.access_token(server)
    assert server.accepts(token)
    assert len(server.asked) == 1


def test_a_token_is_renewed_a_little_before_its_end(signed_in: SignedIn, server: Any, clock: FakeClock) -> None:
    first = signed_in.access_token(server)
    clock.pass_time(seconds=(ACCESS_LASTS - EARLY).total_seconds() - 1)
    assert signed_in.access_token(server) == first
    clock.pass_time(seconds=1)
    second = signed_in.access_token(server)
    assert second != first
    assert server.accepts(second)


def test_a_token_that_the_server_refused_is_replaced_and_one_that_somebody_replaced_is_not(
    signed_in: SignedIn, server: Any, place: Place, clock: FakeClock
) -> None:
    other = again(place, clock)
    refused = other.access_token(server)
    assert refused is not None
    second = signed_in.renewed(server, refused)
    assert other.renewed(server, refused) == second
    assert len(server.asked) == 2


@pytest.mark.parametrize("how", ["lost", "killed"])
@pytest.mark.parametrize("times", [1, 3])
def test_an_answer_that_does_not_arrive_costs_nothing(
    signed_in: SignedIn, server: Any, place: Place, clock: FakeClock, how: str, times: int
) -> None:
    failure: BaseException = ServerUnreachable("lost") if how == "lost" else Crash("killed")

    def gone() -> None:
        raise failure

    clock.pass_time(seconds=ACCESS_LASTS.total_seconds())
    server.after = gone
    for _ in range(times):
        with pytest.raises(type(failure)):
            again(place, clock).access_token(server)
    server.after = lambda: None
    assert server.accepts(signed_in.access_token(server))
    assert not ended(server)
    assert server.asked[-1] == server.asked[1], "the very same was said again"


def test_many_processes_that_renew_at_once_ask_once(
    signed_in: SignedIn, server: Any, place: Place, clock: FakeClock
) -> None:
    assert signed_in.known() is not None
    clock.pass_time(seconds=ACCESS_LASTS.total_seconds())
    got: list[Secret | None] = []
    threads = [
        threading.Thread(target=lambda: got.append(again(place, clock).access_token(server))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({token.reveal() for token in got if token}) == 1
    assert len(server.asked) == 2


def test_a_sign_in_that_is_over_is_let_go(signed_in: SignedIn, server: Any, place: Place, clock: FakeClock) -> None:
    [terminal] = server.terminals.of(MARA)
    server.terminals.end(MARA, terminal.id)
    clock.pass_time(seconds=ACCESS_LASTS.total_seconds())
    with pytest.raises(SignInNeeded, match="over") as refused:
        signed_in.access_token(server)
    assert "keylease login" in refused.value.hint
    assert again(place, clock).known() is None
    assert not list(place.state.glob("*.sealed"))


def test_a_server_that_is_away_ends_nothing(signed_in: SignedIn, server: Any, clock: FakeClock) -> None:
    def away(_: Mapping[str, str]) -> dict[str, Any]:
        raise ServerUnreachable("It does not answer.")

    clock.pass_time(seconds=ACCESS_LASTS.total_seconds())
    answers, server.tokens = server.tokens, away
    with pytest.raises(ServerUnreachable):
        signed_in.access_token(server)
    server.tokens = answers
    assert server.accepts(signed_in.access_token(server))


def test_servers_do_not_share_a_sign_in(signed_in: SignedIn, server: Any, place: Place, clock: FakeClock) -> None:
    other = SignedIn("https://keys.example", place, clock)
    assert other.access_token(server) is None
    assert other.begin(server, server.code())
    other.end(server)
    assert other.known() is None
    assert server.accepts(signed_in.access_token(server))


def test_signing_out_ends_it_at_the_server(signed_in: SignedIn, server: Any) -> None:
    token = signed_in.access_token(server)
    signed_in.end(server)
    assert not server.accepts(token)
    assert signed_in.access_token(server) is None
    signed_in.end(server)


def test_who_holds_the_sign_in_for_long_is_not_waited_for_for_ever(signed_in: SignedIn) -> None:
    with signed_in.alone("tokens"), pytest.raises(SignInUnderWay), signed_in.alone("tokens", patience=0.05):
        pass  # pragma: no cover - nobody gets here


def test_a_sealed_file_opens_for_its_owner_alone(tmp_path: Path) -> None:
    path, key = tmp_path / "state" / "a.sealed", tmp_path / "keys" / "key"
    InFile(path, key).save("a secret that shows")
    assert InFile(path, key).load() == "a secret that shows"
    for file in (path, key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"shows" not in file.read_bytes()
    InFile(path, key).forget()
    InFile(path, key).forget()
    assert InFile(path, key).load() is None


@pytest.mark.parametrize("lost", ["the key", "the machine", "the passphrase", "another passphrase"])
def test_a_copy_without_all_that_opens_it_is_worth_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    path, key, machine = tmp_path / "a.sealed", tmp_path / "key", tmp_path / "machine-id"
    machine.write_text("one")
    monkeypatch.setattr(keeping, "MACHINE_IDS", (str(machine),))
    phrase = Secret("correct horse") if "passphrase" in lost else None
    InFile(path, key, passphrase=phrase).save("content")
    assert InFile(path, key, passphrase=phrase).load() == "content"
    if lost == "the key":
        key.unlink()
    elif lost == "the machine":
        machine.write_text("another")
    else:
        phrase = Secret("battery staple") if lost == "another passphrase" else None
    with pytest.raises(SignInNeeded):
        InFile(path, key, passphrase=phrase).load()


@pytest.mark.parametrize("content", [b"{}", b"[]", b"nonsense", b'{"salt": "zz", "by_passphrase": false}', b"\xff"])
def test_a_file_that_is_none_of_ours_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.sealed"
    path.write_bytes(content)
    with pytest.raises(SignInNeeded, match="cannot be opened"):
        InFile(path, tmp_path / "key").load()


class Locked:
    """A keyring that waits for a person for ever."""

    def get_password(self, *_: str) -> str:
        threading.Event().wait()
        raise AssertionError


def test_a_keyring_that_waits_for_a_person_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.05)
    with pytest.raises(SignInNotKept, match="is it locked"):
        InKeyring(Locked(), SERVER).load()  # type: ignore[arg-type] # as much of a keyring as is asked


def test_what_is_known_holds_no_secret(signed_in: SignedIn, place: Place) -> None:
    signed_in.named("Mara Lind")
    written = json.loads((place.state / "sign-ins.json").read_text())
    assert written[SERVER].keys() == {"kept_in", "name", "until", "at"}
    known = signed_in.known()
    assert known is not None
    assert (known.name, known.kept_in) == ("Mara Lind", "file")
