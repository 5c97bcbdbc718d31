"""AWS's console in the browser, with a lease's session."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from keylease.cli.context import EVERYBODY, Invocation, command
from keylease.cli.exec import LeaseOrProfile, place_of, session_of

commands = typer.Typer()


@command(
    commands,
    "console",
    panel=EVERYBODY,
    examples=("keylease console media-archive", "keylease console L-4k7m9q2x --print"),
)
def console(
    call: Invocation,
    lease: LeaseOrProfile,
    *,
    print_it: Annotated[
        bool, typer.Option("--print", help="Print the address, which anybody can use for 15 minutes.")
    ] = False,
) -> None:
    """Open AWS's console as the lease's role; it ends with the session."""
    from keylease.agent.console import address

    place = place_of(call)
    session = session_of(call, place, lease)
    with call.terminal.working("AWS signs you in"):
        found = address(session, issuer=call.client.server)
    if print_it or not webbrowser.open(found.reveal()):
        call.terminal.write(found.reveal())
        return
    call.terminal.say(f"The console is open in your browser, until {session.expiration:%H:%M} UTC.")
