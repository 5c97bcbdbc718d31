"""Fences made ahead of need, by an administrator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import AccountName, Profile, chosen, configured
from keylease.cli.cell import Cell
from keylease.cli.context import OPERATORS, Invocation, command, operator
from keylease.domain import clock, spoken
from keylease.errors import FencesNotAhead

if TYPE_CHECKING:
    from datetime import datetime

    from keylease.fences import Ahead
    from keylease.settings import Settings

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich")
commands.add_typer(nouns, name="fences", rich_help_panel=OPERATORS)

FarTo = Annotated[
    str, typer.Option("--until", metavar="UNTIL", help="The last day: how far from today (26w), or an instant.")
]


@nouns.callback()
def fences() -> None:
    """The policies that end leases, where an administrator makes them ahead of need (fences_ahead)."""


@command(
    nouns,
    "make",
    panel=OPERATORS,
    examples=(
        "keylease fences make --until 26w --profile admin",
        "keylease fences make --until 2027-06-01T00:00Z --account media",
    ),
    common=operator,
)
def make(call: Invocation, *, until: FarTo, profile: Profile = None, account: AccountName = None) -> None:
    """Make a fence for each day up to then, where there is none yet, with an administrator's credentials."""
    from keylease import fences as made_ahead
    from keylease.aws.administration import administrators
    from keylease.domain import ahead
    from keylease.domain.until import parse

    settings, now = configured(call), call.clock.now()
    if not settings.fences_ahead:
        raise FencesNotAhead("The setting fences_ahead is off, so leases make their own fences.")
    end = ahead.last_midnight(parse(until), now)
    with call.terminal.working("Asking AWS"):
        clients = administrators(chosen(settings, account), profile=profile)
        looked = {
            name: made_ahead.look(one, now, end, share=_shares(settings, name)) for name, one in clients.items()
        }
    made = {}
    for name, found in looked.items():
        done = made_ahead.make(clients[name], found.missing)
        made[name] = sum(_watched(call, done, f"Making fences in {name}", len(found.missing)))
    _tell(call, looked, made, now)


def _shares(settings: Settings, account: str) -> bool:
    return any(one.share for one in settings.catalogue().granted(account))


def _watched(call: Invocation, done: Iterable[bool], words: str, total: int) -> Iterator[bool]:
    """The same, with a bar on stderr where somebody looks at it."""
    if not total or not call.terminal.talks_to_somebody:
        yield from done
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(done, description=words, total=total, console=Console(stderr=True), transient=True)


def _tell(call: Invocation, looked: dict[str, Ahead], made: dict[str, int], now: datetime) -> None:
    if call.options.as_json:
        call.terminal.json([_as_json(name, found, made[name]) for name, found in looked.items()])
    else:
        rows = [_row(name, found, made[name], now) for name, found in looked.items()]
        call.terminal.table(("ACCOUNT", "MADE", "THERE BEFORE", "UNTIL"), rows)


def _row(name: str, found: Ahead, made: int, now: datetime) -> list[Cell]:
    return [
        Cell(name, style="bold"),
        Cell(str(made)),
        Cell(str(_before(found, made))),
        Cell(spoken.both(found.until, now), clock.to_text(found.until)),
    ]


def _as_json(name: str, found: Ahead, made: int) -> dict[str, Any]:
    return {
        "account": name,
        "made": made,
        "there_before": _before(found, made),
        "until": clock.to_text(found.until),
    }


def _before(found: Ahead, made: int) -> int:
    return found.there + len(found.missing) - made
