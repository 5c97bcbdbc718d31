"""How often a page asks the ledger, however many rows it has; what the style sheet and the first page weigh."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from web_world import SETTINGS, World

from keylease.domain.lease import new_id
from keylease.ending import act
from keylease.store import kept, open_ledger
from keylease.web import create
from keylease.web.render import HERE


def asked(ledger: Any, path: str, who: str, rows: int) -> int:
    """How many statements one page takes, with so many leases of each in the ledger."""
    world = World("http://localhost", store=ledger, settings=SETTINGS, kept=kept(ledger.database))
    lease = world.ask("tomas")
    for _ in range(rows - 1):
        other = replace(lease, id=new_id())
        ledger.add(other, act("requested", other, "tomas", world.clock.now()))
    signed_in = {"Authorization": f"Unsafe-Person {who}"}
    client = TestClient(create(world.app), base_url="http://localhost", headers=signed_in)
    first = client.get(path)
    assert first.status_code == 200, first.text
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    sa.event.listen(ledger.database.engine, "before_cursor_execute", note)
    text = client.get(path).text
    sa.event.remove(ledger.database.engine, "before_cursor_execute", note)
    assert "L-" in text or path == "/administration"
    return len([one for one in statements if one.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE"))])


@pytest.mark.parametrize(
    ("path", "who", "most"),
    [
        ("/leases", "tomas", 2),
        ("/history", "tomas", 3),
        ("/leases/all", "anna", 3),
        ("/approvals", "priya", 3),
        ("/administration", "anna", 6),
    ],
)
def test_no_page_asks_once_for_each_row(tmp_path: Path, path: str, who: str, most: int) -> None:
    counted = []
    for rows in (2, 40):
        ledger = open_ledger(f"sqlite:///{tmp_path}/{rows}.db")
        counted.append(asked(ledger, path, who, rows))
        ledger.close()
    assert counted[0] == counted[1] <= most


def test_the_style_sheet_stays_small() -> None:
    content = (HERE / "static" / "keylease.css").read_bytes()
    assert len(content) < 25_000
    assert len(gzip.compress(content)) < 7_000
    assert b"@import" not in content
    assert b"url(" not in content
