"""What an administrator asks first: would it work, and is it safe?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

from keylease.cli.administer import configuration_file, configured
from keylease.cli.cell import Cell, harmless
from keylease.cli.context import OPERATORS, Invocation, command, operator
from keylease.errors import BadConfiguration

if TYPE_CHECKING:
    from keylease.doctor.row import Row

commands = typer.Typer()

SIGNS = {"fix": ("✗", "bold red"), "not checked": ("?", "yellow"), "ok": ("✓", "green")}
NOTE = ("!", "yellow")
"""For what is well as it is, and still must be known."""
MOST_SHOWN = 600
"""Characters of a statement that a terminal shows."""


@command(
    commands,
    "doctor",
    panel=OPERATORS,
    examples=("keylease doctor", "keylease doctor --json", "keylease doctor --config prod.toml"),
    common=operator,
)
def doctor(call: Invocation) -> None:
    """Look whether keylease would work and is safe: directory, ledger, accounts. Changes nothing in AWS.

    Ends with 0 if there is nothing to fix, and with 1 if there is.
    """
    from keylease.doctor import needs_mending

    with call.terminal.working("Looking at the directory, the ledger and the accounts"):
        rows = _rows(call)
    if call.options.as_json:
        call.terminal.json({"ok": not needs_mending(rows), "rows": [_as_json(row) for row in rows]})
    elif call.terminal.draws:
        _draw(rows)
    else:
        call.terminal.table((), [_cells(row) for row in rows])
    call.terminal.say(_summary(rows))
    if needs_mending(rows):
        raise typer.Exit(1)


def _rows(call: Invocation) -> list[Row]:
    from keylease import app
    from keylease.doctor import examine
    from keylease.doctor.gather import gather
    from keylease.doctor.row import failed

    try:
        settings = configured(call)
    except BadConfiguration as bad:
        return [failed("configuration", bad)]
    return examine(gather(settings, app.accounts(settings), str(configuration_file(call)), call.clock))


def _summary(rows: list[Row]) -> str:
    counted = Counter(str(row.verdict) for row in rows)
    fix, unknown = counted["fix"], counted["not checked"]
    words = f"{fix} to fix" if fix else "Nothing to fix"
    return f"{words}, {unknown} not checked." if unknown else f"{words}."


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "account": row.account,
        "check": row.check,
        "verdict": str(row.verdict),
        "sentence": row.sentence,
        "remedy": row.remedy,
        "statement": row.statement,
    }


def _cells(row: Row) -> list[Cell]:
    from keylease.domain.iam import canonical

    remedy = f"{row.remedy} {canonical(row.statement)}" if row.statement else row.remedy
    return [Cell(text) for text in (row.account or "", row.check, str(row.verdict), row.sentence, remedy)]


def _draw(rows: list[Row]) -> None:
    """Section by section; what is to be fixed comes first, with what to do under it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, order = Console(highlight=False), list(SIGNS)
    for account in dict.fromkeys(row.account for row in rows):
        drawn = Table.grid(padding=(0, 1, 0, 0))
        drawn.add_column(no_wrap=True)
        drawn.add_column(overflow="fold")
        of_account = [row for row in rows if row.account == account]
        of_account.sort(key=lambda one: order.index(str(one.verdict)))
        for row, following in zip(of_account, [*of_account[1:], None], strict=True):
            sign, style = NOTE if row.check == "no-fence" else SIGNS[str(row.verdict)]
            drawn.add_row(Text(sign, style=style), Text(harmless(row.sentence)))
            if row.remedy and not (following and _same_remedy(row, following)):
                drawn.add_row("", _remedy(row))
        console.print(Text(harmless(f"account {account}" if account else "keylease"), style="bold"))
        console.print(drawn)
        console.print()


def _same_remedy(row: Row, other: Row) -> bool:
    return (row.remedy, row.statement) == (other.remedy, other.statement)


def _remedy(row: Row) -> Any:
    import json

    from rich.console import Group
    from rich.text import Text

    remedy = Text(harmless(f"→ {row.remedy}"), style="cyan")
    if row.statement is None:
        return remedy
    text = json.dumps(row.statement)
    shown = text if len(text) <= MOST_SHOWN else "(`keylease doctor --json` writes it whole, under statement)"
    return Group(remedy, Text(harmless(shown), style="dim"))
