"""Handing a session to one program: in its environment, or as the JSON that AWS programs ask for.

What `exec` starts takes keylease's own place, so signals reach it and its exit status is the command's. Its
credentials end with the session at the latest, and the session with the lease; a program that goes on for longer
should take a profile, whose credentials renew themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from keylease.agent.session import Session, clock_warning
from keylease.cli import credentials as process
from keylease.cli.context import EVERYBODY, Invocation, command
from keylease.cli.find import lease_id
from keylease.cli.here import Here, here

commands = typer.Typer()

LeaseOrProfile = Annotated[
    str, typer.Argument(metavar="LEASE", help="The lease's id, the beginning of it, or the name of its profile.")
]
NOT_FOUND, NOT_RUNNABLE = 127, 126
_HIDDEN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN")
"""What would speak of other credentials than those that are handed over; AWS_CONTAINER_... does too."""


def place_of(call: Invocation) -> Here:
    """This machine, with what was said about server and person."""
    return here(server=call.options.server, person=call.options.person)


def meant(call: Invocation, place: Here, written: str) -> str:
    """The id of the lease that is meant. Raises `NoSuchLease`."""
    known = place.machine.find(written)
    return known.lease_id if known else lease_id(call, written)


def session_of(call: Invocation, place: Here, written: str) -> Session:
    """A session of the lease that is meant."""
    wanted = meant(call, place, written)
    with call.terminal.working("Getting credentials"):
        held = place.renewing.get(wanted, afresh=True)
    warning = held.despite.sentence if held.despite else clock_warning(held.session.behind)
    if warning:
        call.terminal.say(warning)
    return held.session


@command(
    commands,
    "exec",
    panel=EVERYBODY,
    examples=("keylease exec media-archive -- s3cmd ls", "keylease exec L-4k7m9q2x -- env"),
)
def execute(
    call: Invocation,
    lease: LeaseOrProfile,
    words: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="What to run, behind `--`.")],
) -> None:
    """Run a command with the lease's credentials in its environment."""
    session = session_of(call, place_of(call), lease)
    environment = _environment(session)
    call.close()
    raise typer.Exit(_run(call, words, environment))


@command(commands, "credentials", panel=EVERYBODY, examples=("keylease credentials --lease L-4k7m9q2x",))
def credentials(
    call: Invocation, *, lease: Annotated[str, typer.Option("--lease", metavar="LEASE", help="Id or profile.")]
) -> None:
    """Print credentials as AWS's `credential_process` wants them; made for programs, not for eyes."""
    raise typer.Exit(process.printed(place_of(call), lease))


def _environment(session: Session) -> dict[str, str]:
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in _HIDDEN and not name.startswith("AWS_CONTAINER_")
    }
    region = own.get("AWS_REGION") or own.get("AWS_DEFAULT_REGION") or session.region
    return own | session.as_environment() | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}


def _run(call: Invocation, words: list[str], environment: dict[str, str]) -> int:
    sys.stdout.flush()
    try:
        if sys.platform == "win32":
            return subprocess.call(words, env=environment)
        os.execvpe(words[0], words, environment)  # noqa: S606 - no shell is what is wanted
    except FileNotFoundError:
        call.terminal.say(f"There is no command {words[0]}.")
        return NOT_FOUND
    except OSError as error:
        call.terminal.say(f"{words[0]} cannot be run: {error.strerror}.")
        return NOT_RUNNABLE
