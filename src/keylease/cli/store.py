"""The ledger as a whole: into another database, and back from what AWS holds."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli.administer import configured
from keylease.cli.cell import Cell
from keylease.cli.context import OPERATORS, Invocation, command, operator

if TYPE_CHECKING:
    from keylease.store import Copied

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich")
commands.add_typer(nouns, name="store", rich_help_panel=OPERATORS)


@nouns.callback()
def store() -> None:
    """The ledger as a whole: copy it into another database."""


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


def _tell(call: Invocation, copied: Copied) -> None:
    records, last = (copied.last.seq, copied.last.hash) if copied.last else (0, "")
    if call.options.as_json:
        call.terminal.json({"rows": copied.rows, "records": records, "last_hash": last})
        return
    call.terminal.table(("TABLE", "ROWS"), [[Cell(name), Cell(str(rows))] for name, rows in copied.rows.items()])
    call.terminal.say(f"The copy holds: {records} records, and every lease is what its last record says. {last}")
