"""What approvers do: see what waits, approve, deny."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli import describe
from keylease.cli.context import APPROVERS, Invocation, Yes, command
from keylease.cli.find import LeaseArgument, lease_id

if TYPE_CHECKING:
    from keylease.client import LeaseView

commands = typer.Typer()


@command(commands, "pending", panel=APPROVERS, examples=("keylease pending", "keylease pending --json"))
def pending(call: Invocation) -> None:
    """List the requests that wait for your decision, the oldest first."""
    waiting = call.client.leases("waiting")
    if call.options.as_json:
        call.terminal.json(waiting)
        return
    now = call.clock.now()
    call.terminal.table(describe.WAITING, [describe.waiting_row(one, now) for one in waiting])
    if waiting:
        call.terminal.say(f"Next: keylease show {waiting[0]['id']}, then approve or deny it.")
    else:
        call.terminal.say("Nothing waits for you.")


@command(
    commands,
    "approve",
    panel=APPROVERS,
    examples=("keylease approve L-4k7m9q2x", "keylease approve L-4k7m9q2x --until 1w --yes"),
)
def approve(
    call: Invocation,
    lease: LeaseArgument,
    *,
    until: Annotated[
        str | None, typer.Option("--until", metavar="UNTIL", help="Less than was asked: 1w, 36h, or an instant.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Approve a request, perhaps for less than was asked. On a terminal it is shown first."""
    wanted = lease_id(call, lease)
    if call.terminal.asks and not yes:
        answer = _answer(call, call.client.lease(wanted), until)
        if answer == "no":
            call.terminal.say("Nothing was changed.")
            return
        if answer == "shorter":
            until = call.terminal.ask("Until when, at most? (3d, 36h, 2026-12-08T17:00+01:00)")
    approved = call.client.approve(wanted, until=until)
    now = call.clock.now()
    end = describe.end_in_words(approved, now)
    call.terminal.say(f"Approved: {approved['title']} for {approved['owner']['name']} until {end}.")
    if call.terminal.is_attended:
        call.terminal.say(f"Until it is collected it can be taken back: keylease undo {approved['id']}")
    call.terminal.result(approved, describe.lease_row(approved, now))


@command(commands, "undo", panel=APPROVERS, examples=("keylease undo L-4k7m9q2x",))
def undo(call: Invocation, lease: LeaseArgument) -> None:
    """Take an approval back, as long as nobody has collected anything; the request waits again."""
    undone = call.client.undo(lease_id(call, lease))
    call.terminal.say(f"Taken back: {undone['title']} for {undone['owner']['name']} waits for a decision again.")
    call.terminal.result(undone, describe.lease_row(undone, call.clock.now()))


@command(
    commands,
    "deny",
    panel=APPROVERS,
    examples=('keylease deny L-4k7m9q2x --reason "Ask for read-logs instead, it is enough for this."',),
)
def deny(
    call: Invocation,
    lease: LeaseArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="A sentence for the one who asked.")],
) -> None:
    """Deny a request, with a sentence for the one who asked."""
    denied = call.client.deny(lease_id(call, lease), reason=reason)
    call.terminal.say(f"Denied: {denied['title']} for {denied['owner']['name']}.")
    call.terminal.result(denied, describe.lease_row(denied, call.clock.now()))


def _answer(call: Invocation, lease: LeaseView, until: str | None) -> str:
    """Show the request with all that the approver must know, and ask: `yes`, `no` or `shorter`."""
    call.terminal.show(describe.lease_facts(lease, call.clock.now()))
    length = until or describe.asked(lease, call.clock.now())
    return call.terminal.choose(f"Approve, {length}?", ("yes", "no", "shorter"))
