"""What somebody has on this machine, how long still, and when it was last used; and a word of it for the prompt."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from keylease.agent.session import Session, clock_warning
from keylease.cli import describe, prompt
from keylease.cli.cell import Cell
from keylease.cli.context import EVERYBODY, Invocation, command
from keylease.cli.exec import place_of
from keylease.domain import spoken
from keylease.domain.clock import from_text, to_text
from keylease.errors import ServerUnreachable, SignInNeeded

if TYPE_CHECKING:
    from keylease.cli.here import Here
    from keylease.client import LeaseView

commands = typer.Typer()
HEADINGS = ("PROFILE", "ID", "WHAT", "ACCOUNT", "LEFT", "CREDENTIALS", "LAST USED")
OVER = frozenset({"expired", "revoked", "denied", "withdrawn", "requested"})


@command(commands, "status", panel=EVERYBODY, examples=("keylease status", "keylease status --json"))
def status(call: Invocation) -> None:
    """Show what you have: its profile here, the time left, and when it was last used."""
    place, now = place_of(call), call.clock.now()
    rows = _rows(call, place)
    if call.options.as_json:
        call.terminal.json(rows)
        return
    call.terminal.table(HEADINGS, [_cells(row, now) for row in rows])
    if not rows:
        call.terminal.say("You have nothing. `keylease sets` shows what you may ask for.")
    for words in {clock_warning(one.behind) for row in rows if (one := place.cache.read(row["id"]))} - {""}:
        call.terminal.say(words)


@command(commands, "prompt", panel=EVERYBODY, examples=("keylease prompt",))
def prompt_word(call: Invocation) -> None:
    """Print a word for the shell's prompt: this shell's AWS_PROFILE and the time left. Asks no server."""
    del call
    raise typer.Exit(prompt.quick())


def _rows(call: Invocation, place: Here) -> list[dict[str, Any]]:
    """A row for each lease; from memory where the server cannot be asked."""
    known = place.machine.leases()
    try:
        leases = [one for one in call.client.leases("mine") if one["status"] not in OVER]
    except (ServerUnreachable, SignInNeeded) as failure:
        call.terminal.say(f"{failure.sentence} This is what this machine remembers.")
        remembered = [_facts(one.lease_id, one.title, one.account, one.expires_at) for one in known.values()]
    else:
        remembered = [_of(one) for one in describe.in_order(leases)]
    return [
        row
        | {
            "profile": known[row["id"]].profile if row["id"] in known else "",
            "credentials_until": _good_until(place.cache.read(row["id"]), call.clock.now()),
        }
        for row in remembered
    ]


def _of(lease: LeaseView) -> dict[str, Any]:
    facts = _facts(lease["id"], lease["title"], lease["account"], describe.ends_at(lease))
    return facts | {"kind": lease["kind"], "status": lease["status"], "last_used": lease.get("last_session_at")}


def _facts(lease_id: str, title: str, account: str, expires_at: str) -> dict[str, Any]:
    return {
        "id": lease_id,
        "kind": "session",
        "status": "",
        "title": title,
        "account": account,
        "expires_at": expires_at,
        "last_used": None,
    }


def _good_until(session: Session | None, now: datetime) -> str | None:
    return to_text(session.expiration) if session is not None and now < session.valid_until else None


def _cells(row: dict[str, Any], now: datetime) -> list[Cell]:
    until, used = row["credentials_until"], row["last_used"]
    return [
        Cell(row["profile"] or "", style="bold"),
        Cell(row["id"]),
        Cell(row["title"]),
        Cell(row["account"]),
        Cell(spoken.left(describe.local(row["expires_at"]), now.astimezone()), row["expires_at"]),
        Cell(f"until {describe.local(until):%H:%M}" if until else "none yet", until or ""),
        Cell(spoken.relative(from_text(used), now) if used else "", used or ""),
    ]
