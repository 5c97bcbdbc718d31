"""Ending a lease before its time."""

from __future__ import annotations

import typer

from keylease.cli import describe
from keylease.cli.context import EVERYBODY, Invocation, Yes, command
from keylease.cli.find import LeaseArgument, lease_id

commands = typer.Typer()


@command(commands, "revoke", panel=EVERYBODY, examples=("keylease revoke L-4k7m9q2x",))
def revoke(call: Invocation, lease: LeaseArgument, *, yes: Yes = False) -> None:
    """End a lease now: give your own back, or take somebody else's away where that is your duty."""
    wanted = lease_id(call, lease)
    if call.terminal.asks and not yes:
        one = call.client.lease(wanted)
        if not one["may"]["revoke"]:
            call.client.revoke(wanted)  # the server says why not
            return
        call.terminal.say(f"{one['title']} in {one['account']}, of {one['owner']['name']}: {one['reason']}")
        if call.terminal.choose("Programs that use it will fail. End it now?", ("yes", "no")) == "no":
            call.terminal.say("Nothing was changed.")
            return
    with call.terminal.working("AWS is told"):
        ended = call.client.revoke(wanted)
    if ended["ended_at"] is None and ended["kind"] == "session":
        call.terminal.say(f"{ended['id']} gives no more sessions.")
        call.terminal.say("AWS refuses those that run within seconds, at most some minutes.")
    elif ended["ended_at"] is None:
        call.terminal.say(f"{ended['id']} is ending; keylease goes on until AWS has taken it away.")
    else:
        call.terminal.say(f"{ended['id']} has ended.")
    call.terminal.result(ended, describe.lease_row(ended, call.clock.now()))
