"""A ledger is copied whole, or not at all, and read back."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from cli.command_line import CommandLine
from keylease.errors import ChainBroken, StoreNotEmpty
from keylease.ports import LeaseQuery
from keylease.store import Ledger, copy, kept, open_ledger
from test_sign_ins_kept import NOW, SESSION, TERMINAL, tokens
from world import ANNA, MARA, World


@pytest.fixture
def filled(tmp_path: Path) -> Ledger:
    """A ledger in SQLite with leases in several states, and sign-ins."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/keylease.db")
    world = World(store=ledger)
    world.requested()
    world.approved()
    world.active()
    world.broker.revoke(MARA, world.active().id)
    kept(ledger.database).sessions.begin("d", SESSION)
    kept(ledger.database).terminals.begin(TERMINAL, tokens(1))
    kept(ledger.database).one_time.keep("o", {"n": 1}, NOW + timedelta(minutes=1))
    return ledger


def test_everything_is_there_afterwards_and_the_chain_goes_on(filled: Ledger, emptied_url: str) -> None:
    target = open_ledger(emptied_url)
    copied = copy(filled, target)
    assert target.find(LeaseQuery()) == filled.find(LeaseQuery())
    assert list(target.events()) == list(filled.events())
    assert copied.rows["leases"] == 4
    assert copied.last == list(filled.events())[-1]
    assert kept(target.database).sessions.find("d") == SESSION
    assert kept(target.database).terminals.find("a1", NOW) == TERMINAL
    assert kept(target.database).one_time.take("o", NOW) == {"n": 1}
    world = World(store=target)
    world.active()
    world.visibility.verified(ANNA)
    target.close()
    filled.close()


def test_and_back_again(filled: Ledger, emptied_url: str, tmp_path: Path) -> None:
    through, back = open_ledger(emptied_url), open_ledger(f"sqlite:///{tmp_path}/back.db")
    copy(filled, through)
    copy(through, back)
    assert list(back.events()) == list(filled.events())
    assert back.find(LeaseQuery()) == filled.find(LeaseQuery())
    for ledger in (through, back, filled):
        ledger.close()


def test_what_is_there_already_is_not_mixed_with(filled: Ledger, emptied_url: str) -> None:
    target = open_ledger(emptied_url)
    copy(filled, target)
    with pytest.raises(StoreNotEmpty):
        copy(filled, target)
    assert len(target.find(LeaseQuery())) == 4
    target.close()
    filled.close()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE events SET actor = 'dir#thief' WHERE seq = 2",
        "DELETE FROM events WHERE seq = 2",
        "UPDATE leases SET expires_at = '2030-01-01T00:00:00Z'",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
    ],
)
def test_a_ledger_that_does_not_hold_is_not_copied(
    filled: Ledger, emptied_url: str, tmp_path: Path, tampering: str
) -> None:
    connection = sqlite3.connect(tmp_path / "keylease.db")
    connection.execute(tampering)
    connection.commit()
    connection.close()
    target = open_ledger(emptied_url)
    with pytest.raises(ChainBroken):
        copy(filled, target)
    assert target.find(LeaseQuery()) == []
    target.close()
    filled.close()


def test_an_empty_ledger_can_be_copied(tmp_path: Path) -> None:
    one, other = (open_ledger(f"sqlite:///{tmp_path}/{name}.db") for name in ("one", "other"))
    assert copy(one, other).last is None
    with other.database.reading() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar() == 0
    one.close()
    other.close()


def test_the_command_copies_and_says_where_the_chain_ends(filled: Ledger, emptied_url: str, tmp_path: Path) -> None:
    filled.close()
    (tmp_path / "keylease.toml").touch()
    keylease = CommandLine("http://127.0.0.1:9", tmp_path)
    done = keylease("store", "copy", "--to", emptied_url, "--json")
    target = open_ledger(emptied_url)
    last = list(target.events())[-1]
    target.close()
    said = json.loads(done.out)
    assert (done.status, said["records"], said["last_hash"]) == (0, last.seq, last.hash)
    assert said["rows"]["leases"] == 4
    again = keylease("store", "copy", "--to", emptied_url)
    assert (again.status, again.out) == (101, "")
