"""Taking delivery of an access key, once.

Where it goes is settled, and checked, before the key is made; without an answer to that nothing is made. keylease
is told that the key has arrived only after it was written: what did not arrive is taken away again, and can be
collected anew. The secret is written to the place that was named and to no other, and never said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli import describe
from keylease.cli.context import EVERYBODY, Invocation, WrongUsage, Yes, command
from keylease.cli.destination import Destination, Print, ToFile, ToProfile
from keylease.cli.find import LeaseArgument, lease_id
from keylease.errors import KeyleaseError, Unavailable

if TYPE_CHECKING:
    from keylease.client import Collected, LeaseView

commands = typer.Typer()

FLAGS = "--profile NAME, --to FILE or --print"
PAUSES = (1, 2, 4, 8)
"""Seconds between the tries to tell keylease that the access key has arrived."""
TAKEN_AWAY = "The access key that was made is taken away within minutes; collect again then."


@command(
    commands,
    "collect",
    panel=EVERYBODY,
    examples=(
        "keylease collect L-4k7m9q2x --profile media",
        "keylease collect L-4k7m9q2x --to access-key.json",
        'eval "$(keylease collect L-4k7m9q2x --print)"',
    ),
)
def collect(
    call: Invocation,
    lease: LeaseArgument,
    *,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Into this profile of the AWS credentials file.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FILE", help="Into a JSON file that only you can read.")
    ] = None,
    print_it: Annotated[bool, typer.Option("--print", help="Onto stdout, in the clear.")] = False,
) -> None:
    """Make the access key and take delivery of it, once. It is shown nowhere unless you say --print."""
    destination = _named(profile, to, print_it=print_it)
    wanted = lease_id(call, lease)
    _hand_over(call, wanted, destination or _chosen(call, wanted), call.client.collect)


@command(
    commands,
    "new-key",
    panel=EVERYBODY,
    examples=("keylease new-key L-4k7m9q2x --profile media",),
)
def new_key(
    call: Invocation,
    lease: LeaseArgument,
    *,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Into this profile of the AWS credentials file.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FILE", help="Into a JSON file that only you can read.")
    ] = None,
    print_it: Annotated[bool, typer.Option("--print", help="Onto stdout, in the clear.")] = False,
    yes: Yes = False,
) -> None:
    """Replace an access key that was lost: the old one is taken away first, the new one has the same end."""
    destination = _named(profile, to, print_it=print_it)
    wanted = lease_id(call, lease)
    if call.terminal.asks and not yes and not _is_sure(call, wanted):
        call.terminal.say("Nothing was changed.")
        return
    _hand_over(call, wanted, destination or _chosen(call, wanted), call.client.replace)


def _is_sure(call: Invocation, wanted: str) -> bool:
    one = call.client.lease(wanted)
    call.terminal.say(f"{one['title']} in {one['account']}: programs that use the old access key will fail.")
    return call.terminal.choose("Take the old one away and make a new one?", ("yes", "no")) == "yes"


def _hand_over(call: Invocation, wanted: str, destination: Destination, make: Callable[[str], Collected]) -> None:
    destination.check()
    collected = _made(call, wanted, make)
    try:
        destination.deliver(call.terminal, collected)
    except KeyleaseError as failure:
        failure.hint = f"{failure.hint} {TAKEN_AWAY}"
        raise
    _tell(call, destination, collected, _acknowledged(call, collected))


def _named(profile: str | None, to: str | None, *, print_it: bool) -> Destination | None:
    """Where the access key goes, if that was said."""
    named: list[Destination] = []
    if profile is not None:
        named.append(ToProfile(profile))
    if to is not None:
        named.append(ToFile(to))
    if print_it:
        named.append(Print())
    if len(named) > 1:
        raise WrongUsage(f"Name one place for the access key, not several: {FLAGS}.")
    return named[0] if named else None


def _chosen(call: Invocation, wanted: str) -> Destination:
    """Where the access key goes, asked where somebody can answer."""
    if not call.terminal.asks:
        raise WrongUsage(f"Say where the access key goes: {FLAGS}.")
    one = call.client.lease(wanted)
    call.terminal.say(f"{one['title']} in {one['account']}, until {describe.end_in_words(one, call.clock.now())}.")
    match call.terminal.choose("The access key is made now, once. Where to?", ("profile", "file", "print")):
        case "profile":
            return ToProfile(call.terminal.ask("Name of the profile:"))
        case "file":
            return ToFile(call.terminal.ask("Path of the file:"))
    return Print()


def _made(call: Invocation, wanted: str, make: Callable[[str], Collected]) -> Collected:
    try:
        with call.terminal.working("AWS makes the access key"):
            return make(wanted)
    except KeyboardInterrupt:
        call.terminal.say(f"Interrupted. {TAKEN_AWAY}")
        raise


def _acknowledged(call: Invocation, collected: Collected) -> LeaseView:
    """Tell keylease that the access key has arrived, more than once if need be."""
    for pause in PAUSES:
        try:
            return call.client.acknowledge(collected.lease["id"], collected.access_key_id)
        except Unavailable:
            call.clock.sleep(pause)
    try:
        return call.client.acknowledge(collected.lease["id"], collected.access_key_id)
    except Unavailable as failure:
        failure.hint = f"The access key has arrived here, but keylease does not know. {TAKEN_AWAY}"
        raise


def _tell(call: Invocation, destination: Destination, collected: Collected, lease: LeaseView) -> None:
    now = call.clock.now()
    if destination.place:
        call.terminal.say(
            f"Stored in {destination.place}. AWS refuses it from {describe.end_in_words(lease, now)} on."
        )
    if not collected.ready:
        call.terminal.say("AWS does not accept it everywhere yet; that can take a minute.")
    if isinstance(destination, Print):
        return
    answer: dict[str, Any] = {"lease": lease, "access_key_id": collected.access_key_id, "ready": collected.ready}
    call.terminal.result(answer | {"stored": destination.stored}, describe.lease_row(lease, now))
