"""What auditors read: who did what, and whether the record still holds."""

from __future__ import annotations

from typing import Annotated

import typer

from keylease.cli import describe
from keylease.cli.context import AUDITORS, Invocation, command
from keylease.cli.find import lease_id

commands = typer.Typer()

VERIFY = "verify"


@command(
    commands,
    "events",
    panel=AUDITORS,
    examples=("keylease events", "keylease events L-4k7m9q2x", "keylease events verify"),
)
def events(
    call: Invocation,
    lease: Annotated[
        str | None,
        typer.Argument(metavar="[LEASE|verify]", help="One lease's events, or `verify` the whole chain."),
    ] = None,
) -> None:
    """Read the audit trail. Your own leases' events are yours to read; all of them are the auditors'."""
    if lease == VERIFY:
        _verify(call)
        return
    found = call.client.events(lease_id(call, lease) if lease else None)
    if call.options.as_json:
        call.terminal.json(found)
        return
    now = call.clock.now()
    call.terminal.table(describe.EVENTS, [describe.event_row(one, now) for one in found])


def _verify(call: Invocation) -> None:
    verified = call.client.verify()
    if call.options.as_json:
        call.terminal.json(verified)
        return
    call.terminal.say(
        f"The chain holds: {verified['records']} records. Compare the last hash with one kept elsewhere."
    )
    call.terminal.write(verified["last_hash"])
