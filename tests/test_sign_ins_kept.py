"""Where sign-ins are kept: one contract for the fakes and the database, and what is the database's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from keylease.domain.access import Principal
from keylease.domain.lease import Lease
from keylease.errors import SignInRefused, StoreFailed
from keylease.ports import Exchange, Kept, Outcome, SignedIn, TerminalSignIn, Tokens, WebSession
from keylease.store import kept as kept_in
from keylease.store import migrate, open_ledger
from keylease.store.database import Database
from keylease.store.schema import metadata, to_row
from keylease.testing_sign_ins import memory_kept
from test_store import a_lease

Answer = TypeVar("Answer")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MARA = SignedIn(
    principal=Principal(
        issuer="https://directory.example/t-1/v2.0",
        subject="t-1.o-7",
        name="Mara Lind ü",
        groups=frozenset({"media", "video"}),
        authenticated_at=NOW - timedelta(hours=3),
        methods=frozenset({"pwd", "mfa"}),
    ),
    authenticated_at=NOW - timedelta(hours=3),
    methods=frozenset({"pwd", "mfa"}),
)
NILS = SignedIn(
    principal=Principal(issuer="https://directory.example/t-1/v2.0", subject="t-1.o-8", name="Nils"),
    authenticated_at=NOW,
)
SESSION = WebSession(signed_in=MARA, created_at=NOW, last_seen_at=NOW)
TERMINAL = TerminalSignIn(
    id="T-1",
    signed_in=MARA,
    machine="laptop",
    created_at=NOW,
    expires_at=NOW + timedelta(days=30),
    last_used_at=NOW,
)


def tokens(number: int) -> Tokens:
    return Tokens(refresh=f"r{number}", access=f"a{number}", access_until=NOW + timedelta(minutes=15 * number))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    made: str = f"sqlite:///{tmp_path}/keylease.db"
    return made if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    ledger = open_ledger(url)
    yield ledger.database
    ledger.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "memory":
        yield memory_kept()
        return
    in_file = f"sqlite:///{tmp_path}/keylease.db"
    ledger = open_ledger(in_file if request.param == "sqlite" else request.getfixturevalue("emptied_url"))
    yield kept_in(ledger.database)
    ledger.close()


@pytest.mark.parametrize("signed_in", [MARA, NILS], ids=["all that is known", "the least"])
def test_a_session_comes_back_as_it_was(kept: Kept, signed_in: SignedIn) -> None:
    session = replace(SESSION, signed_in=signed_in)
    kept.sessions.begin("d", session)
    assert kept.sessions.find("d") == session
    assert kept.sessions.find("other") is None


def test_a_session_is_seen_and_ended(kept: Kept) -> None:
    kept.sessions.begin("d", SESSION)
    kept.sessions.seen("d", NOW + timedelta(hours=1))
    assert kept.sessions.find("d") == replace(SESSION, last_seen_at=NOW + timedelta(hours=1))
    for _ in range(2):
        kept.sessions.end("d", NOW)
    kept.sessions.seen("d", NOW)
    assert kept.sessions.find("d") is None


def test_all_of_somebodys_sessions_end_and_nobody_elses(kept: Kept) -> None:
    for name, signed_in in (("a", MARA), ("b", MARA), ("c", NILS)):
        kept.sessions.begin(name, replace(SESSION, signed_in=signed_in))
    assert kept.sessions.end_all(MARA.principal.id, NOW) == 2
    assert [kept.sessions.find(name) is None for name in "abc"] == [True, True, False]
    assert kept.sessions.end_all(MARA.principal.id, NOW) == 0


def test_old_sessions_are_forgotten(kept: Kept) -> None:
    kept.sessions.begin("old", SESSION)
    kept.sessions.begin("new", replace(SESSION, created_at=NOW + timedelta(seconds=1)))
    kept.sessions.forget(NOW + timedelta(seconds=1))
    assert (kept.sessions.find("old"), kept.sessions.find("new") is None) == (None, False)


def test_a_terminal_is_found_by_its_access_token_until_that_is_over(kept: Kept) -> None:
    kept.terminals.begin(TERMINAL, tokens(1))
    assert kept.terminals.find("a1", NOW) == TERMINAL
    assert kept.terminals.find("a1", NOW + timedelta(minutes=15)) is None
    assert kept.terminals.find("r1", NOW) is None, "a refresh token opens nothing by itself"
    assert kept.terminals.find("other", NOW) is None


def test_an_access_token_ends_with_its_terminal(kept: Kept) -> None:
    kept.terminals.begin(replace(TERMINAL, expires_at=NOW + timedelta(minutes=1)), tokens(1))
    assert kept.terminals.find("a1", NOW + timedelta(seconds=59)) is not None
    assert kept.terminals.find("a1", NOW + timedelta(minutes=1)) is None


Step = tuple[str, int, Outcome]


@pytest.mark.parametrize(
    ("steps", "lives"),
    [
        ([("r1", 2, Outcome.DONE), ("r2", 3, Outcome.DONE), ("r3", 4, Outcome.DONE)], True),
        ([("r1", 2, Outcome.DONE), ("r1", 2, Outcome.DONE)], True),
        ([("r1", 2, Outcome.DONE), ("r1", 3, Outcome.REUSED)], False),
        ([("r1", 2, Outcome.DONE), ("r1", 3, Outcome.REUSED), ("r2", 4, Outcome.OVER)], False),
        ([("r1", 2, Outcome.DONE), ("r2", 3, Outcome.DONE), ("r1", 2, Outcome.REUSED)], False),
        ([("r1", 2, Outcome.DONE), ("r2", 3, Outcome.DONE), ("r1", 9, Outcome.REUSED)], False),
        ([("r1", 1, Outcome.REUSED)], False),
        ([("r1", 2, Outcome.DONE), ("r2", 1, Outcome.REUSED)], False),
        ([("stranger", 2, Outcome.UNKNOWN)], True),
        ([("a1", 2, Outcome.UNKNOWN)], True),
    ],
    ids=[
        *("one after the other", "the very same again", "again for another", "and the thief's is dead too"),
        *("again once the next was used", "an old one", "for itself", "back to an old one", "a stranger's"),
        "an access token",
    ],
)
def test_a_refresh_token_is_good_once(kept: Kept, steps: list[Step], *, lives: bool) -> None:
    kept.terminals.begin(TERMINAL, tokens(1))
    for number, (shown, following, outcome) in enumerate(steps):
        named = replace(tokens(following), access=f"x{number}")
        assert kept.terminals.exchange(shown, named, NOW).outcome is outcome
    assert (kept.terminals.find("a1", NOW) is not None) is lives
    assert bool(kept.terminals.of(MARA.principal.id, NOW)) is lives
    assert (kept.terminals.holder("r1") is not None) is lives


def test_each_exchange_gives_an_access_token_and_the_one_before_goes_on(kept: Kept) -> None:
    kept.terminals.begin(TERMINAL, tokens(1))
    later = NOW + timedelta(minutes=5)
    exchanged = kept.terminals.exchange("r1", tokens(2), later)
    assert exchanged == Exchange(outcome=Outcome.DONE, terminal=exchanged.terminal)
    assert exchanged.terminal is not None
    assert kept.terminals.find("a1", later) == kept.terminals.find("a2", later)
    [one] = kept.terminals.of(MARA.principal.id, later)
    assert (one.id, one.last_used_at) == ("T-1", later)


def test_a_terminal_that_is_over_is_exchanged_no_more(kept: Kept) -> None:
    kept.terminals.begin(TERMINAL, tokens(1))
    assert kept.terminals.exchange("r1", tokens(2), TERMINAL.expires_at).outcome is Outcome.OVER
    assert kept.terminals.of(MARA.principal.id, TERMINAL.expires_at) == []


def test_a_refresh_token_that_is_known_begins_nothing(kept: Kept) -> None:
    kept.terminals.begin(TERMINAL, tokens(1))
    with pytest.raises(SignInRefused):
        kept.terminals.begin(replace(TERMINAL, id="T-2", signed_in=NILS), replace(tokens(1), access="a2"))
    assert kept.terminals.of(NILS.principal.id, NOW) == []


def test_a_terminal_is_ended_once_with_all_its_tokens(kept: Kept) -> None:
    kept.terminals.begin(TERMINAL, tokens(1))
    assert [kept.terminals.end(name, NOW) for name in ("T-0", "T-1", "T-1")] == [False, True, False]
    assert kept.terminals.find("a1", NOW) is None
    assert kept.terminals.exchange("r1", tokens(2), NOW).outcome is Outcome.OVER


def test_terminals_are_listed_newest_first_and_by_person(kept: Kept) -> None:
    newer = replace(TERMINAL, id="T-2", created_at=NOW + timedelta(hours=1))
    kept.terminals.begin(TERMINAL, tokens(1))
    kept.terminals.begin(newer, tokens(2))
    kept.terminals.begin(replace(TERMINAL, id="T-3", signed_in=NILS), tokens(3))
    assert kept.terminals.of(MARA.principal.id, NOW) == [newer, TERMINAL]


def test_what_is_over_is_forgotten_and_used_refresh_tokens_are_not(kept: Kept) -> None:
    kept.terminals.begin(TERMINAL, tokens(1))
    kept.terminals.exchange("r1", tokens(2), NOW)
    kept.terminals.begin(replace(TERMINAL, id="T-2", expires_at=NOW + timedelta(hours=1)), tokens(3))
    kept.terminals.forget(NOW + timedelta(hours=2))
    assert kept.terminals.holder("a1") is None
    assert kept.terminals.holder("r3") is None
    assert kept.terminals.exchange("r1", tokens(4), NOW).outcome is Outcome.REUSED


def test_everybody_who_is_signed_in_is_known_with_all_their_groups(kept: Kept) -> None:
    assert (kept.sessions.people(), kept.terminals.people(NOW)) == ({}, {})
    also = replace(MARA, principal=replace(MARA.principal, groups=frozenset({"leads"})))
    for name, signed_in in (("a", MARA), ("b", also), ("c", NILS)):
        kept.sessions.begin(name, replace(SESSION, signed_in=signed_in))
    kept.sessions.end("c", NOW)
    assert kept.sessions.people() == {MARA.principal.id: {"media", "video", "leads"}}
    kept.terminals.begin(TERMINAL, tokens(1))
    kept.terminals.begin(replace(TERMINAL, id="T-2", signed_in=also), tokens(2))
    kept.terminals.begin(replace(TERMINAL, id="T-3", signed_in=NILS, expires_at=NOW), tokens(3))
    assert kept.terminals.people(NOW) == {MARA.principal.id: {"media", "video", "leads"}}
    kept.terminals.end("T-1", NOW)
    assert kept.terminals.people(NOW) == {MARA.principal.id: {"leads"}}


def test_what_is_remembered_is_given_once(kept: Kept) -> None:
    content = {"memory": "m", "number": 1, "list": ["ü"], "none": None}
    kept.one_time.keep("d", content, NOW + timedelta(minutes=1))
    assert kept.one_time.take("other", NOW) is None
    assert kept.one_time.take("d", NOW) == content
    assert kept.one_time.take("d", NOW) is None


def test_what_is_remembered_ends(kept: Kept) -> None:
    for name, seconds in (("a", 60), ("b", 61)):
        kept.one_time.keep(name, {}, NOW + timedelta(seconds=seconds))
    assert kept.one_time.take("a", NOW + timedelta(seconds=60)) is None
    kept.one_time.forget(NOW + timedelta(seconds=60))
    assert kept.one_time.take("b", NOW + timedelta(seconds=60)) == {}


def at_once(act: Callable[[int], Answer], many: int = 2) -> list[Answer]:
    """Do it in so many threads that start together."""
    answers: list[Answer] = []
    start = threading.Barrier(many)

    def run(number: int) -> None:
        start.wait()
        answers.append(act(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("turn", range(5))
def test_of_two_refreshes_at_once_one_is_first_and_the_other_ends_the_sign_in(url: str, turn: int) -> None:
    ledgers = [open_ledger(url) for _ in range(2)]  # as two processes have them: they share no lock
    both = [kept_in(ledger.database) for ledger in ledgers]
    both[0].terminals.begin(TERMINAL, tokens(1))
    outcomes = at_once(lambda number: both[number].terminals.exchange("r1", tokens(2 + number), NOW).outcome)
    assert sorted(outcomes) == [Outcome.DONE, Outcome.REUSED], turn
    assert both[0].terminals.holder("r2") is both[0].terminals.holder("r3") is None
    for ledger in ledgers:
        ledger.close()


def test_of_many_who_take_at_once_one_gets_it(database: Database) -> None:
    one_time = kept_in(database).one_time
    one_time.keep("d", {"code": 1}, NOW + timedelta(minutes=1))
    taken = at_once(lambda _: one_time.take("d", NOW), many=8)
    assert [one for one in taken if one is not None] == [{"code": 1}]


def test_a_digest_that_is_there_twice_is_a_failure_of_ours(database: Database) -> None:
    kept_in(database).sessions.begin("d", SESSION)
    with pytest.raises(StoreFailed):
        kept_in(database).sessions.begin("d", SESSION)


NEW = ("web_sessions", "terminals", "terminal_tokens", "one_time")


def test_a_ledger_of_the_release_before_is_upgraded_and_keeps_its_leases(url: str) -> None:
    lease = a_lease()
    _made_at_0001(url, lease)

    upgraded = open_ledger(url)
    assert upgraded.get(lease.id) == lease
    kept_in(upgraded.database).sessions.begin("d", SESSION)
    assert kept_in(upgraded.database).sessions.find("d") == SESSION
    found = sa.inspect(upgraded.database.engine)
    columns = {table: {column["name"] for column in found.get_columns(table)} for table in NEW}
    upgraded.close()
    assert columns == {table: set(metadata.tables[table].columns.keys()) for table in NEW}


def _made_at_0001(url: str, lease: Lease) -> None:
    """A ledger as the first program left it, with one lease in it."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    database = Database(url)
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.commit()
    columns = {column["name"] for column in sa.inspect(database.engine).get_columns("leases")}
    row = {name: value for name, value in to_row(lease).items() if name in columns}
    with database.writing() as connection:
        connection.execute(metadata.tables["leases"].insert().values(row))
    assert not set(NEW) & set(sa.inspect(database.engine).get_table_names())
    database.close()
