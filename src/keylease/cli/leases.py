"""Looking: at one's leases, at one of them, at what one may ask for, at oneself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli import describe
from keylease.cli.cell import Cell
from keylease.cli.context import EVERYBODY, Invocation, WrongUsage, command
from keylease.cli.find import LeaseArgument, lease_id

if TYPE_CHECKING:
    from keylease.client import LeaseView

commands = typer.Typer()

NO_LEASE = "There is no lease. `keylease sets` shows what you may ask for."


@command(commands, "list", panel=EVERYBODY, examples=("keylease list", "keylease list --json | jq -r '.[].id'"))
def list_leases(
    call: Invocation,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's; for auditors and administrators.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those that wait for your decision.")] = False,
) -> None:
    """List your leases, those first that wait for you."""
    if everybody and waiting:
        raise WrongUsage("--all and --waiting exclude each other.")
    leases = call.client.leases("all" if everybody else "waiting" if waiting else "mine")
    if not everybody and not waiting:
        call.remember(leases)
        call.tells_ends = False
    if call.options.as_json:
        call.terminal.json(leases)
        return
    headings, row = (
        (describe.OWNED, describe.owned_row) if everybody or waiting else (describe.LEASES, describe.lease_row)
    )
    now, in_order = call.clock.now(), describe.in_order(leases)
    rows = [_linked(row(lease, now), f"{call.client.server}/leases/{lease['id']}") for lease in in_order]
    call.terminal.table(headings, rows)
    if not leases:
        call.terminal.say("Nothing waits for you." if waiting else NO_LEASE)
    if not everybody:
        _say_what_is_next(call, leases)


@command(commands, "show", panel=EVERYBODY, examples=("keylease show L-4k7m9q2x", "keylease show 4k7 --json"))
def show(call: Invocation, lease: LeaseArgument) -> None:
    """Show one lease: what it gives, who may decide, when it ends."""
    one = call.client.lease(lease_id(call, lease))
    call.tells_ends = False
    if call.options.as_json:
        call.terminal.json(one)
        return
    call.terminal.facts(describe.lease_facts(one, call.clock.now()))
    _say_what_is_next(call, [one])


@command(commands, "sets", panel=EVERYBODY, examples=("keylease sets",))
def sets(call: Invocation) -> None:
    """List what you may ask for."""
    offered = call.client.sets()
    if call.options.as_json:
        call.terminal.json(offered)
        return
    call.terminal.table(describe.SETS, [describe.set_row(one) for one in offered])
    if not offered:
        call.terminal.say("No grant lets you ask for anything. An administrator can add one.")


@command(commands, "whoami", panel=EVERYBODY, examples=("keylease whoami",))
def whoami(call: Invocation) -> None:
    """Say who you are to keylease."""
    me = call.client.me()
    if call.options.as_json:
        call.terminal.json(me)
        return
    call.terminal.facts(describe.me_facts(me, call.clock.now()))


def _linked(row: list[Cell], address: str) -> list[Cell]:
    """The row, whose id leads to the lease's page."""
    return [replace(row[0], link=address), *row[1:]]


def _say_what_is_next(call: Invocation, leases: list[LeaseView]) -> None:
    """Tell what waits for this person and what ends soon."""
    for one in leases:
        if one["may"]["collect"]:
            call.terminal.say(f"{one['title']} waits for you: keylease collect {one['id']}")
        elif one["may"]["approve"]:
            call.terminal.say(f"{one['owner']['name']} waits for your answer: keylease approve {one['id']}")
        elif one["status"] == "ending_soon" and one["may"]["renew"]:
            left = describe.time_left(one, call.clock.now())
            call.terminal.say(f"{one['title']} ends in {left}: keylease renew {one['id']}")
