"""AWS's console in the browser, with a lease's session.

The address that signs somebody in is good for a quarter of an hour and for whoever has it, so the browser is given
another one, that opens once (agent/onward.py): what a program is started with, everybody on the machine can read.
"""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from keylease.cli.context import EVERYBODY, Invocation, WrongUsage, command
from keylease.cli.exec import LeaseOrProfile, place_of, session_of

if TYPE_CHECKING:
    from keylease.domain.secret import Secret

commands = typer.Typer()
ENDPOINT = "AWS_ENDPOINT_URL_SIGNIN"
"""Where AWS's own tools look for another sign-in endpoint, such as one inside a company's network."""
COMES_WITHIN = 60.0
"""Seconds that a browser has to start."""


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

    federation = _federation()
    session = session_of(call, place_of(call), lease)
    with call.terminal.working("AWS signs you in"):
        found = address(session, issuer=call.client.server, federation=federation)
    if print_it or not _opened(call, found):
        call.terminal.write(found.reveal())
        return
    call.terminal.say(f"The console is open in your browser, until {session.expiration:%H:%M} UTC.")


def _opened(call: Invocation, found: Secret) -> bool:
    """Have a browser go there. False where there is none, or it does not come."""
    from keylease.agent.onward import Onward

    with Onward(found) as onward:
        if not webbrowser.open(onward.address):
            call.terminal.say("There is no browser here. Anybody can use this address for 15 minutes:")
            return False
        with call.terminal.working("Waiting for your browser"):
            came = onward.wait(COMES_WITHIN)
    if not came:
        call.terminal.say("No browser came. Anybody can use this address for 15 minutes:")
    return came


def _federation() -> str | None:
    """The federation endpoint that the environment names. Raises `WrongUsage` for plain http to another machine."""
    endpoint = os.environ.get(ENDPOINT)
    if not endpoint:
        return None
    parts = urlsplit(endpoint)
    if parts.scheme != "https" and parts.hostname != "127.0.0.1":
        raise WrongUsage(f"{ENDPOINT} must begin with https: credentials go there.")
    return f"{endpoint.rstrip('/')}/federation"
