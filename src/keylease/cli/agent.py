"""The agent: an endpoint on this machine that hands out sessions and renews them ahead of time.

It runs in the foreground, or as a service of the person's own (`install`). It says what it does on stderr, and
never a secret; `keylease connect` gives each program its way in.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import core

from keylease.agent import places, private_file, section, sections
from keylease.agent.doors import Doors, doors
from keylease.agent.holding import Deliver, Holding
from keylease.cli.cell import Cell
from keylease.cli.context import EVERYBODY, Invocation, WrongUsage, command
from keylease.cli.exec import place_of

if TYPE_CHECKING:
    from keylease.agent.service import Service
    from keylease.agent.session import Session
    from keylease.cli.here import Here


class _RunsByItself(core.TyperGroup):
    """`keylease agent` without a further word is `keylease agent run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the word that is meant."""
        named = args and (not args[0].startswith("-") or args[0] in {"--help", "-h"})
        return super().parse_args(ctx, args if named else ["run", *args])


commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich", cls=_RunsByItself)
commands.add_typer(nouns, name="agent", rich_help_panel=EVERYBODY)

Port = Annotated[  # a text, since for a number Typer loads Pydantic, which the agent would keep for weeks
    str | None,
    typer.Option("--port", metavar="NUMBER", help="Listen there from now on; else where it always listened."),
]
WriteProfile = Annotated[
    list[str] | None,
    typer.Option(
        "--write-profile",
        metavar="NAME[=LEASE]",
        help="Keep this section of the AWS credentials file fresh, for programs that read nothing else.",
    ),
]
STOP_WITHIN = 5.0
TURNS = 0.0005
"""Seconds after which a thread that computes (a renewal) lets another go on (an answer). Python's own five
thousandths made a request that came meanwhile wait 18 to 25 ms (the ninetieth of a hundred); now it is 5."""


@nouns.callback()
def agent() -> None:
    """Hand out sessions on this machine, renewed ahead of time: Cyberduck and programs that run for long."""


@command(
    nouns, "run", panel=EVERYBODY, examples=("keylease agent run", "keylease agent run --write-profile s3browser")
)
def run(call: Invocation, *, port: Port = None, write_profile: WriteProfile = None) -> None:
    """Run the agent here, until Ctrl-C."""
    from keylease.agent.endpoint import Endpoint, serve

    place = place_of(call)
    found = doors(place.machine.folder, _number(port))
    deliver = _deliver(call, place, write_profile or [])
    place.prepare()
    holding = Holding(place.renewing, call.clock, deliver)
    stop = threading.Event()
    sys.setswitchinterval(TURNS)
    with serve(Endpoint(holding, found), found) as server:
        _log_for_people(call)
        call.terminal.say(f"The agent listens on {found.host}. Ctrl-C ends it.")
        threads = [
            threading.Thread(target=server.serve_forever, daemon=True),
            threading.Thread(target=holding.keep_renewing, args=(stop,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        _wait(stop)
        server.shutdown()
        for thread in threads:
            thread.join(STOP_WITHIN)


@command(nouns, "install", panel=EVERYBODY, examples=("keylease agent install",))
def install(call: Invocation, *, port: Port = None, write_profile: WriteProfile = None) -> None:
    """Have this system run the agent whenever you are signed in to it."""
    from keylease.agent import service

    place = place_of(call)
    _deliver(call, place, write_profile or [])
    doors(place.machine.folder, _number(port))
    one = _service([word for name in write_profile or [] for word in ("--write-profile", name)])
    failed = service.install(one)
    call.terminal.say(f"Written: {one.path}")
    if failed:
        call.terminal.say(f"It was not started; try: {' && '.join(failed)}")
    if call.options.as_json:
        call.terminal.json({"file": str(one.path), "started": not failed})


@command(nouns, "uninstall", panel=EVERYBODY, examples=("keylease agent uninstall",))
def uninstall(call: Invocation) -> None:
    """Stop the agent's service and take it away."""
    from keylease.agent import service

    one = _service([])
    gone = service.uninstall(one)
    call.terminal.say(f"Removed: {one.path}" if gone else "There was no service of the agent.")


@command(nouns, "status", panel=EVERYBODY, examples=("keylease agent status",))
def status(call: Invocation) -> None:
    """Say whether the agent answers, and what it holds."""
    found = doors(place_of(call).machine.folder)
    seen = _asked(found)
    if call.options.as_json:
        call.terminal.json(seen)
    elif seen is None:
        call.terminal.say(f"No agent answers on {found.host}. `keylease agent install` has one run.")
    else:
        call.terminal.say(f"The agent listens on {found.host} (process {seen['pid']}).")
        call.terminal.table(
            ("ID", "UNTIL"), [[Cell(name), Cell(until)] for name, until in seen["sessions"].items()]
        )
    if seen is None:
        raise typer.Exit(1)


def _number(port: str | None) -> int | None:
    if port is None:
        return None
    if not port.isdecimal() or not 1024 <= int(port) <= 65535:
        raise WrongUsage("--port takes a number from 1024 to 65535.")
    return int(port)


def _deliver(call: Invocation, place: Here, written: Sequence[str]) -> dict[str, Deliver]:
    """Where sessions are written to, checked before anything runs."""
    path = places.aws_credentials()
    deliver: dict[str, Deliver] = {}
    for one in written:
        name, _, lease = one.partition("=")
        lease_id = _lease_for(place, name, lease)
        private_file.check_writable(path)
        section.may_hold(private_file.read(path), name)
        deliver[lease_id] = partial(_deliver_or_say, call, path, name)
    return deliver


def _lease_for(place: Here, name: str, lease: str) -> str:
    known = place.machine.leases()
    if not sections.is_fit(name):
        raise WrongUsage(f"“{name}” does not do as the name of a section.")
    if any(one.profile == name for one in known.values()):
        raise WrongUsage(f"{name} is a profile that renews itself, and static credentials of that name would win.")
    found = place.machine.find(lease) if lease else next(iter(known.values()), None)
    if found is None or (not lease and len(known) != 1):
        raise WrongUsage(f"Say which lease: --write-profile {name}=LEASE; `keylease status` lists them.")
    return found.lease_id


def _deliver_or_say(call: Invocation, path: Path, name: str, session: Session) -> None:
    section.deliver(path, name, session)
    call.terminal.say(f"Wrote the section {name} of {path}, good until {session.expiration:%H:%M} UTC.")


def _log_for_people(call: Invocation) -> None:
    """What the agent does is said as it happens; with --verbose it is said already."""
    if call.options.verbose:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("keylease.agent")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _wait(stop: threading.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1.0):  # a wait without end would not see Ctrl-C on Windows
        pass


def _service(words: Sequence[str]) -> Service:
    from keylease.agent import service

    return service.service(
        [sys.executable, "-E", "-P", "-m", "keylease", "agent", "run", *words],
        platform=service.this_platform(),
        home=Path.home(),
        state=places.state(),
        uid=os.getuid() if hasattr(os, "getuid") else 0,
        user="\\".join(filter(None, map(os.environ.get, ("USERDOMAIN", "USERNAME")))),
    )


def _asked(found: Doors) -> dict[str, Any] | None:
    """What the agent says of itself; None where none answers."""
    import httpx

    try:
        answer = httpx.get(found.status_url(), timeout=5, trust_env=False)
        seen: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return seen if answer.status_code == httpx.codes.OK else None
