"""Connecting tools: the file that each of them takes, or the variables of a shell.

Cyberduck gets a connection profile and a bookmark, which are opened; any other tool's file goes to stdout, or to
where `--to` says. Credentials are in none of them, but for `connect env --through credentials`, which says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.agent import private_file
from keylease.agent.connection import Connection
from keylease.agent.doors import doors
from keylease.agent.files import FILES, ONLY_ACCESS_KEYS, file_for, section_for
from keylease.agent.shells import SHELLS, lines
from keylease.cli.context import EVERYBODY, Invocation, WrongUsage, command
from keylease.cli.exec import LeaseOrProfile, meant, place_of, session_of

if TYPE_CHECKING:
    from keylease.agent.files import File
    from keylease.cli.here import Here

commands = typer.Typer()

CYBERDUCK = ("cyberduck-profile", "cyberduck-bookmark")
"""The bookmark names the profile, so the profile comes first."""
TOOLS = ("cyberduck", "env", *sorted({*FILES, *ONLY_ACCESS_KEYS} - set(CYBERDUCK)))
THROUGH = ("profile", "credentials", "endpoint")
FILE_ONLY = frozenset({"winscp"})
INSTALLED_WITHIN = 2.0
"""Seconds that Cyberduck has to take in a profile before the bookmark that names it is opened."""


@command(
    commands,
    "connect",
    panel=EVERYBODY,
    examples=(
        "keylease connect cyberduck media-archive --path media-archive/2026",
        "keylease connect rclone media-archive >> ~/.config/rclone/rclone.conf",
        'eval "$(keylease connect env media-archive)"',
    ),
)
def connect(  # noqa: PLR0913 - each is an option of its own on the command line
    call: Invocation,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help=f"One of {', '.join(TOOLS)}.")],
    lease: LeaseOrProfile,
    *,
    path: Annotated[
        str, typer.Option("--path", metavar="BUCKET[/PREFIX]", help="Where to begin; else all buckets.")
    ] = "",
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Where an access key was collected to.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="PATH", help="Write it there (for cyberduck: into this folder).")
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Write the files and open nothing.")] = False,
    shell: Annotated[str, typer.Option("--shell", help=f"For env: one of {', '.join(SHELLS)}.")] = "sh",
    through: Annotated[str, typer.Option("--through", help=f"For env: one of {', '.join(THROUGH)}.")] = "profile",
) -> None:
    """Make the file that connects a tool to a lease, or a shell's variables (env)."""
    if tool not in TOOLS:
        raise WrongUsage(f"{tool} is not among the tools: {', '.join(TOOLS)}.")
    place = place_of(call)
    if tool == "env":
        _environment(call, place, lease, shell=shell, through=through)
    elif tool == "cyberduck":
        _cyberduck(
            call, _connection(call, place, lease, path, profile), Path(to) if to else None, opens=not no_open
        )
    else:
        found = _connection(call, place, lease, path, profile)
        _hand_over(call, file_for(tool, found), to)
        if tool in FILE_ONLY and found.is_session:
            section = section_for(found.profile)
            call.terminal.say(f"{tool} reads the credentials file alone; keep it fresh with:")
            call.terminal.say(f"  keylease agent --write-profile {section}={found.lease_id}")


def _connection(call: Invocation, place: Here, lease: str, path: str, profile: str | None) -> Connection:
    lease_id = meant(call, place, lease)
    known = place.machine.leases().get(lease_id)
    view = call.client.lease(lease_id)
    session = view["kind"] == "session"
    if session and (known is None or not known.profile):
        raise WrongUsage(f"{lease_id} has no profile on this machine yet: keylease configure")
    return Connection.to_lease(
        view,
        profile=profile or (known.profile if known and known.profile else view["permission_set"]),
        region=known.region if known and known.region else os.environ.get("AWS_REGION", "us-east-1"),
        path=path.strip("/"),
        context_url=doors(place.machine.folder).context_url(lease_id) if session else None,
    )


def _hand_over(call: Invocation, file: File, to: str | None) -> None:
    if to is None:
        call.terminal.write(file.content.decode().rstrip("\n"))
        return
    _write(Path(to), file)
    call.terminal.say(f"Written: {to}")


def _write(path: Path, file: File) -> None:
    private_file.write(path, lambda _: file.content)


def _cyberduck(call: Invocation, to: Connection, folder: Path | None, *, opens: bool) -> None:
    """Write Cyberduck's files, and open them one after the other."""
    names = CYBERDUCK if to.is_session else CYBERDUCK[1:]
    folder = folder or place_of(call).machine.folder / "connect"
    paths = []
    for name in names:
        file = file_for(name, to)
        paths.append(folder / file.name)
        _write(paths[-1], file)
    for path in paths:
        call.terminal.write(str(path))
    if to.is_session:
        call.terminal.say("Cyberduck asks the agent on this machine: `keylease agent install` has it always run.")
    for number, path in enumerate(paths if opens else ()):
        if number:
            call.clock.sleep(INSTALLED_WITHIN)
        if not _opened(path):
            call.terminal.say(f"Open {path} with Cyberduck.")


def _opened(path: Path) -> bool:
    """Open a file with the program that this system has for it. False where there is none."""
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606 - what a double click does
        return True
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return False
    return subprocess.run([opener, str(path)], check=False, stdout=subprocess.DEVNULL).returncode == 0


def _environment(call: Invocation, place: Here, lease: str, *, shell: str, through: str) -> None:
    if through not in THROUGH:
        raise WrongUsage(f"--through takes {', '.join(THROUGH)}.")
    for line in lines(shell, _variables(call, place, lease, through)):
        call.terminal.write(line)


def _variables(call: Invocation, place: Here, lease: str, through: str) -> dict[str, str]:
    lease_id = meant(call, place, lease)
    known = place.machine.leases().get(lease_id)
    if through == "credentials":
        session = session_of(call, place, lease)
        return session.as_environment() | {"AWS_REGION": session.region}
    if known is None or not known.profile:
        raise WrongUsage(f"{lease_id} has no profile on this machine yet: keylease configure")
    region = {"AWS_REGION": known.region} if known.region else {}
    if through == "profile":
        return {"AWS_PROFILE": known.profile} | region
    found = doors(place.machine.folder)
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": found.full_uri(lease_id),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": found.token(lease_id),
    } | region
