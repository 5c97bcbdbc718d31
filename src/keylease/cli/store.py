"""The ledger as a whole: into another database, and back from what AWS holds."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import configured
from keylease.cli.cell import Cell
from keylease.cli.context import OPERATORS, Invocation, command, operator

if TYPE_CHECKING:
    from keylease.rebuilding import Rebuilt
    from keylease.store import Copied

GONE = (
    "What AWS does not hold is gone: the audit trail before, requests, approvals that nobody collected, leases "
    "that give sessions, warnings and renewals, sign-ins."
)

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich")
commands.add_typer(nouns, name="store", rich_help_panel=OPERATORS)


@nouns.callback()
def store() -> None:
    """The ledger as a whole: copy it into another database, or make it anew from what AWS holds."""


@command(
    nouns,
    "copy",
    panel=OPERATORS,
    examples=(
        "keylease store copy --to postgresql://keylease@db.example.com/keylease --to-password-file db-password",
        "keylease store copy --to sqlite:////var/lib/keylease/keylease.db --json",
    ),
    common=operator,
)
def copy(
    call: Invocation,
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="The database to copy to; it must hold no ledger.")
    ],
    to_password_file: Annotated[
        Path | None, typer.Option("--to-password-file", metavar="PATH", help="A file that holds its password.")
    ] = None,
) -> None:
    """Copy the ledger that the configuration names, all of it or nothing, and read the copy back.

    End the server first: what it writes afterwards stays in the old ledger. Then name the copy as `store.url`.
    """
    from keylease.settings import Ledger as LedgerSettings
    from keylease.store import copy as copy_all
    from keylease.store import open_ledger

    of, there = configured(call).store, LedgerSettings(url=to, password_file=to_password_file)
    with (
        call.terminal.working("Copying the ledger, and reading the copy back"),
        closing(open_ledger(of.url, of.password())) as source,
        closing(open_ledger(there.url, there.password())) as target,
    ):
        copied = copy_all(source, target)
    _tell(call, copied)


@command(
    nouns,
    "rebuild",
    panel=OPERATORS,
    examples=("keylease store rebuild", "keylease store rebuild --json"),
    common=operator,
)
def rebuild(call: Invocation) -> None:
    """Make leases anew from the tags in AWS, after the database was lost. Nothing in AWS is changed.

    What the ledger knows already stays as it is. The server may run meanwhile.
    """
    from keylease import app
    from keylease.rebuilding import rebuild as rebuild_all

    made = app.build(configured(call))
    with call.terminal.working("Asking AWS"):
        rebuilt = rebuild_all(made.store, made.clouds, made.clock)
    if call.options.as_json:
        call.terminal.json([_as_json(one) for one in rebuilt])
    else:
        call.terminal.table(("ACCOUNT", "REBUILT", "KNOWN BEFORE", "NOT RECOVERED"), [_row(one) for one in rebuilt])
        for lost in (lost for one in rebuilt for lost in one.lost):
            call.terminal.say(f"{lost.user_name} did not come back: {lost.why}. The next pass looks at it.")
        call.terminal.say(GONE)
    failures = [one.failure for one in rebuilt if one.failure is not None]
    if failures:
        raise failures[0]


def _row(one: Rebuilt) -> list[Cell]:
    counts = (len(one.leases), one.known, len(one.lost))
    return [Cell(one.account, style="bold"), *(Cell(str(count)) for count in counts)]


def _as_json(one: Rebuilt) -> dict[str, Any]:
    return {
        "account": one.account,
        "rebuilt": list(one.leases),
        "known": one.known,
        "lost": [{"user": lost.user_name, "why": lost.why} for lost in one.lost],
        "failure": one.failure.code if one.failure else None,
    }


def _tell(call: Invocation, copied: Copied) -> None:
    records, last = (copied.last.seq, copied.last.hash) if copied.last else (0, "")
    if call.options.as_json:
        call.terminal.json({"rows": copied.rows, "records": records, "last_hash": last})
        return
    call.terminal.table(("TABLE", "ROWS"), [[Cell(name), Cell(str(rows))] for name, rows in copied.rows.items()])
    call.terminal.say(f"The copy holds: {records} records, and every lease is what its last record says. {last}")
