"""Signing this terminal in and out.

`login` needs a person at a terminal: where there is none it ends at once with 4, and opens nothing. Of several
that are started together one signs in, and the others find it done. The person says yes in their own browser, on
the server's own page, so everything that the company's directory asks of them works there.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer

from keylease.cli import describe
from keylease.cli.connecting import connect, sign_in_at
from keylease.cli.context import EVERYBODY, Invocation, WrongUsage, command
from keylease.domain.clock import from_text
from keylease.domain.secret import Secret, random
from keylease.domain.terminal import challenge_of, named, number_of
from keylease.errors import SignInNeeded, SignInRefused, SignInUnderWay, Unavailable

if TYPE_CHECKING:
    from keylease.agent.signed_in import SignedIn
    from keylease.client import Client, Me

commands = typer.Typer()

ANSWER_WITHIN = 300
"""Seconds for a person to sign in and say yes."""
NOBODY_ELSE, FOR_ANOTHER = 0.2, ANSWER_WITHIN + 60.0
"""Seconds to wait for another login: before that is said, and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How somebody wants to sign in."""

    paste: bool
    device_code: bool
    fresh: bool
    mfa: bool


@command(
    commands,
    "login",
    panel=EVERYBODY,
    examples=("keylease login", "keylease login --no-browser", "keylease login --fresh --mfa"),
)
def login(
    call: Invocation,
    *,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and take a code that you paste.")
    ] = False,
    device_code: Annotated[
        bool,
        typer.Option(
            "--device-code",
            help="Type a code on another device. Many companies block this: whoever gets you to type a code of "
            "theirs is signed in as you.",
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Prove anew who you are, even if you are signed in.")
    ] = False,
    mfa: Annotated[bool, typer.Option("--mfa", help="With a second factor.")] = False,
) -> None:
    """Sign this terminal in to keylease, with your browser. It stays signed in as long as the server allows."""
    if no_browser and device_code:
        raise WrongUsage("--no-browser and --device-code exclude each other.")
    if device_code and (fresh or mfa):
        raise WrongUsage("A sign-in with a device code is always a new one; leave out --fresh and --mfa.")
    if call.options.person:
        raise WrongUsage("With --as, or KEYLEASE_UNSAFE_PERSON, nobody signs in; leave it out.")
    if not call.terminal.is_attended:
        raise SignInNeeded("Nobody is here to sign in.", hint="Run `keylease login` in a terminal of your own.")
    way = Way(paste=no_browser or not _has_browser(), device_code=device_code, fresh=fresh, mfa=mfa)
    signed_in = sign_in_at(call.options.server)
    with connect(call.options.server, signed_in=signed_in) as client:
        _tell(call, _signed_in_once(call, signed_in, client, way))


@command(commands, "logout", panel=EVERYBODY, examples=("keylease logout",))
def logout(call: Invocation) -> None:
    """Sign this terminal out, here and at the server. Your leases go on."""
    signed_in = sign_in_at(call.options.server)
    was = signed_in.known()
    with connect(call.options.server, signed_in=signed_in) as client:
        try:
            signed_in.end(client)
        except Unavailable as failure:
            failure.hint = f"It is signed out here. End it at the server too: {client.server}/sign-ins"
            raise
    if was is None:
        call.terminal.say("This terminal was not signed in.")
    else:
        call.terminal.say(f"Signed out{f' {was.name}' if was.name else ''}. Your leases go on.")
    if call.options.as_json:
        call.terminal.json({"signed_out": was is not None})


def _signed_in_once(call: Invocation, signed_in: SignedIn, client: Client, way: Way) -> Me:
    """Who is signed in at the end of this, by this process or by another one that did so meanwhile."""
    asked_at = call.clock.now()
    with ExitStack() as turn:
        try:
            turn.enter_context(signed_in.alone("login", patience=NOBODY_ELSE))
        except SignInUnderWay:
            call.terminal.say("Another keylease is signing in; waiting for it.")
            turn.enter_context(signed_in.alone("login", patience=FOR_ANOTHER))
            known = signed_in.known()
            if known is not None and from_text(known.at) >= asked_at:
                return client.me()
        return _signed_in(call, signed_in, client, way)


def _signed_in(call: Invocation, signed_in: SignedIn, client: Client, way: Way) -> Me:
    if signed_in.known() is not None and not (way.fresh or way.mfa):
        try:
            return client.me()
        except SignInNeeded:
            call.terminal.say("The sign-in that was here is over.")
    if way.device_code:
        _by_device(call, signed_in, client)
    elif way.paste:
        _by_pasted_code(call, signed_in, client, way)
    else:
        _by_browser(call, signed_in, client, way)
    me = client.me()
    signed_in.named(me["name"])
    return me


def _by_browser(call: Invocation, signed_in: SignedIn, client: Client, way: Way) -> None:
    from keylease.agent.landing import Landing

    verifier, state = random(), random()
    with Landing(state=state, onwards=f"{client.server}/cli/done") as landing:
        address = _address(client, verifier, way, {"redirect": landing.redirect, "state": state.reveal()})
        call.terminal.tell(f"Your browser opens. The page must show the number {_number(verifier)}.")
        call.terminal.tell(f"If it does not open, go to {address}")
        _open(address)
        with call.terminal.working("Waiting for your yes in the browser"):
            answer = landing.wait(ANSWER_WITHIN)
    if answer is None:
        raise SignInRefused(
            f"Nobody said yes in the browser within {ANSWER_WITHIN // 60} minutes.",
            hint="Run `keylease login` again; --no-browser is for a machine that your browser does not reach.",
        )
    if "code" not in answer:
        raise SignInRefused("The browser brought a no.", hint="Run `keylease login` again if that was not meant.")
    _exchange(signed_in, client, answer["code"], verifier, landing.redirect)


def _by_pasted_code(call: Invocation, signed_in: SignedIn, client: Client, way: Way) -> None:
    verifier = random()
    call.terminal.tell(f"Open this address in a browser: {_address(client, verifier, way, {})}")
    call.terminal.tell(f"The page must show the number {_number(verifier)}.")
    _exchange(signed_in, client, call.terminal.ask("The code that it then shows:"), verifier, "")


def _by_device(call: Invocation, signed_in: SignedIn, client: Client) -> None:
    begun = client.begin_device(named(platform.node()))
    call.terminal.tell(f"Open {begun['verification_address']} on any device and type {begun['user_code']}.")
    until = call.clock.now() + timedelta(seconds=begun["expires_in"])
    asked = {"grant_type": "device_code", "device_code": begun["device_code"]}
    with call.terminal.working("Waiting for you to sign in there"):
        while call.clock.now() < until:
            call.clock.sleep(begun["interval"])
            try:
                if signed_in.begin(client, asked):
                    return
            except Unavailable:
                continue
    raise SignInRefused("Nobody signed in on another device in time.", hint="Run `keylease login` again.")


def _exchange(signed_in: SignedIn, client: Client, code: str, verifier: Secret, redirect: str) -> None:
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier.reveal(),
        "redirect": redirect,
    }
    signed_in.begin(client, asked)


def _address(client: Client, verifier: Secret, way: Way, more: Mapping[str, str]) -> str:
    """The server's page on which a person says yes. It holds nothing that is worth stealing."""
    asked = {"code_challenge": challenge_of(verifier), "machine": named(platform.node()), **more}
    wanted = {name: "true" for name, wants in (("fresh", way.fresh), ("mfa", way.mfa)) if wants}
    return f"{client.server}/cli/authorize?{urlencode(asked | wanted)}"


def _number(verifier: Secret) -> str:
    return number_of(challenge_of(verifier))


def _open(address: str) -> None:
    """Have the person's browser open it, in a process whose words do not get between ours."""
    nowhere = subprocess.DEVNULL
    command = [sys.executable, "-I", "-m", "webbrowser", address]
    subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)


def _has_browser() -> bool:
    """Whether a browser with windows is to be expected here."""
    if sys.platform in {"darwin", "win32"} or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _tell(call: Invocation, me: Me) -> None:
    if call.options.as_json:
        call.terminal.json(me)
        return
    until = me.get("signed_in_until")
    words = f" until {describe.moment(until, call.clock.now())}" if until else ""
    call.terminal.say(f"Signed in as {me['name']}{words}.")
