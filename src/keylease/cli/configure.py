"""Profiles for AWS programs: what a person does once, and again when they have a new lease.

Every lease of kind session gets a profile in the AWS config file, whose credentials keylease fetches when a program
asks for them. A profile keeps its name when its lease is renewed. What keylease did not write stays as it is, to
the byte; where it stands in the way, that is said.

Each new profile's first session is fetched at once: that ties the lease to this machine, tells the region, and
shows that it works.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease import received
from keylease.agent import places, private_file, profiles
from keylease.agent.command import credential_process
from keylease.agent.machine import Known
from keylease.agent.profiles import Changed, Profile
from keylease.agent.renewing import FOR_GOOD, Held
from keylease.cli import describe
from keylease.cli.cell import Cell
from keylease.cli.context import EVERYBODY, Invocation, Yes, command
from keylease.cli.here import Here, here
from keylease.errors import KeyleaseError, ServerUnreachable, SignInNeeded, SignInNotKept, WrongMachine

if TYPE_CHECKING:
    from keylease.client import LeaseView

commands = typer.Typer()
USABLE = frozenset({"approved", "active", "ending_soon"})
"""The statuses in which a lease of kind session gives sessions."""
HEADINGS = ("PROFILE", "ID", "WHAT", "ACCOUNT", "ENDS")


@dataclass(slots=True, kw_only=True)
class _Plan:
    """What is to be written."""

    leases: list[LeaseView]
    known: dict[str, Known]
    over: list[str]
    failed: dict[str, KeyleaseError]

    @property
    def profiles(self) -> list[Profile]:
        """One for each lease that this machine may serve."""
        return [
            Profile(
                name=one.profile,
                lease_id=one.lease_id,
                command=credential_process(one.lease_id),
                expires_at=one.expires_at,
                region=one.region,
            )
            for one in self.known.values()
            if not isinstance(self.failed.get(one.lease_id), FOR_GOOD)
        ]


@command(
    commands,
    "configure",
    panel=EVERYBODY,
    examples=("keylease configure", "keylease configure --dry-run", "keylease configure --this-machine"),
)
def configure(
    call: Invocation,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be changed, and change nothing.")
    ] = False,
    this_machine: Annotated[
        bool, typer.Option("--this-machine", help="Take over leases that another machine has used so far.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Write an AWS profile for each lease of kind session; its credentials renew themselves."""
    place = here(server=call.options.server, person=call.options.person)
    plan = _planned(call, place)
    if dry_run:
        _show(call, plan)
        return
    place.machine.remember(plan.known.values())
    with call.terminal.working("Fetching the first sessions"):
        _fetch(call, place, plan, this_machine=this_machine)
    place.machine.remember(plan.known.values())
    done = _write(plan)
    _forget(place, plan.over)
    _tell(call, plan, done)
    _make_way(call, [one.name for one in plan.profiles if one.name not in done.refused], yes=yes)
    for failure in (*plan.failed.values(), *done.refused.values()):
        raise failure


def _planned(call: Invocation, place: Here) -> _Plan:
    server = call.client.server
    leases = _newest([one for one in call.client.leases("mine") if one["kind"] == "session"])
    if not all(received.is_lease(one) for one in leases):
        raise ServerUnreachable(f"{server} answered with what is no lease.")
    before = place.machine.leases()
    known: dict[str, Known] = {}
    for one in leases:
        name = _named(one, [*before.values(), *known.values()])
        known[one["id"]] = Known(
            lease_id=one["id"],
            server=server,
            person=call.options.person,
            profile=name,
            title=one["title"],
            account=one["account"],
            account_id=one["account_id"],
            permission_set=one["permission_set"],
            region=_region(one, before),
            expires_at=one["expires_at"],
        )
    over = [name for name, one in before.items() if one.server == server and name not in known]
    return _Plan(leases=leases, known=known, over=over, failed={})


def _newest(leases: Sequence[LeaseView]) -> list[LeaseView]:
    """Of leases that give the same, the one that lasts longest."""
    usable = sorted((one for one in leases if one["status"] in USABLE), key=lambda one: one["expires_at"])
    return list({(one["account"], one["permission_set"]): one for one in usable}.values())


def _named(lease: LeaseView, known: Sequence[Known]) -> str:
    """The profile's name: the one that it has, or the permission set's, or that with the account's."""
    mine = (lease["account_id"], lease["permission_set"])
    for one in known:
        if one.profile and (one.account_id, one.permission_set) == mine:
            return one.profile
    taken = {one.profile for one in known}
    name = lease["permission_set"]
    choice = (name, f"{name}-{lease['account']}", f"{name}-{lease['account_id']}")
    return next((one for one in choice if one not in taken and profiles.is_fit(one)), choice[-1])


def _region(lease: LeaseView, before: Mapping[str, Known]) -> str:
    return next((one.region for one in before.values() if one.account_id == lease["account_id"] and one.region), "")


def _fetch(call: Invocation, place: Here, plan: _Plan, *, this_machine: bool) -> None:
    """Fetch a session of each lease; what fails is written down, and the others go on."""
    if this_machine:
        _see_to_a_key_pair(place)
    for lease_id, known in plan.known.items():
        try:
            held = _first(place, lease_id, this_machine=this_machine)
        except KeyleaseError as failure:
            plan.failed[lease_id] = failure
            call.terminal.say(f"{known.profile}: {failure.sentence}")
        else:
            plan.known[lease_id] = replace(known, region=held.session.region)
            if held.despite is not None:
                call.terminal.say(f"{known.profile}: {held.despite.sentence} {held.despite.hint}")


def _see_to_a_key_pair(place: Here) -> None:
    """Where this machine's key pair cannot be opened any more, take a new one."""
    try:
        place.asking()
    except (SignInNeeded, SignInNotKept):
        place.asking(anew=True)


def _first(place: Here, lease_id: str, *, this_machine: bool) -> Held:
    if not this_machine:
        return place.renewing.get(lease_id, afresh=True)
    place.cache.forget(lease_id)
    try:
        return place.renewing.get(lease_id, afresh=True)
    except WrongMachine:
        place.asking().move_here(lease_id)
        return place.renewing.get(lease_id, afresh=True)


def _write(plan: _Plan) -> Changed:
    """Write the config file, at once."""
    done = Changed(content=b"")

    def change(before: bytes) -> bytes:
        nonlocal done
        done = profiles.changed(before, plan.profiles, plan.over)
        return done.content

    private_file.write(places.aws_config(), change, private=False)
    return done


def _forget(place: Here, over: Sequence[str]) -> None:
    place.machine.forget(over)
    for lease_id in over:
        place.cache.forget(lease_id)


def _show(call: Invocation, plan: _Plan) -> None:
    """What would be changed, as a difference that `patch` could apply."""
    path = places.aws_config()
    before = private_file.read(path)
    after = profiles.changed(before, plan.profiles, plan.over)
    old, new = (content.decode(errors="replace").splitlines() for content in (before, after.content))
    for line in difflib.unified_diff(old, new, fromfile=str(path), tofile=str(path), lineterm=""):
        call.terminal.write(line)
    for name, refusal in after.refused.items():
        call.terminal.say(f"{name}: {refusal.sentence}")


def _tell(call: Invocation, plan: _Plan, done: Changed) -> None:
    names = {one.lease_id: one.name for one in plan.profiles if one.name not in done.refused}
    written = [one for one in plan.leases if one["id"] in names]
    if call.options.as_json:
        call.terminal.json(_as_json(plan, names, done))
        return
    now = call.clock.now()
    call.terminal.table(HEADINGS, [_row(names[one["id"]], describe.lease_row(one, now)) for one in written])
    for name in done.removed:
        call.terminal.say(f"Removed the profile {name}: its lease is over.")
    if not plan.leases:
        call.terminal.say("You have no lease of kind session. `keylease sets` shows what you may ask for.")
    elif written:
        call.terminal.say(f"Try it: aws sts get-caller-identity --profile {names[written[0]['id']]}")


def _row(name: str, lease: list[Cell]) -> list[Cell]:
    lease_id, what, account, _, _, ends = lease
    return [Cell(name, style="bold"), lease_id, what, account, ends]


def _as_json(plan: _Plan, names: Mapping[str, str], done: Changed) -> dict[str, Any]:
    return {
        "file": str(places.aws_config()),
        "profiles": [{"profile": name, "lease": lease_id} for lease_id, name in names.items()],
        "removed": list(done.removed),
        "refused": {name: refusal.sentence for name, refusal in done.refused.items()},
        "failed": {lease_id: failure.sentence for lease_id, failure in plan.failed.items()},
    }


def _make_way(call: Invocation, names: Sequence[str], *, yes: bool) -> None:
    """Say what would silently win over a profile, and move it away where the person wants that."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        call.terminal.say("AWS_ACCESS_KEY_ID is set in this shell; AWS programs prefer it to AWS_PROFILE.")
    path = places.aws_credentials()
    for name in names:
        if profiles.shadow(private_file.read(path), name):
            call.terminal.say(f"{path} has static credentials called {name}; AWS programs prefer them, silently.")
            if yes or (call.terminal.asks and call.terminal.choose("Rename them?", ("yes", "no")) == "yes"):
                call.terminal.say(f"They are called {_moved_away(path, name)} now.")


def _moved_away(path: Path, name: str) -> str:
    new = ""

    def change(before: bytes) -> bytes:
        nonlocal new
        content, new = profiles.moved_away(before, name)
        return content

    private_file.write(path, change)
    return new
