"""What leases may launch: the policy for it, the roles that they may pass, and what they have left running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import AccountName, Profile, chosen, configured
from keylease.cli.cell import Cell
from keylease.cli.context import EVERYBODY, OPERATORS, Invocation, WrongUsage, command, either, operator
from keylease.cli.find import lease_id
from keylease.domain import clock, spoken

if TYPE_CHECKING:
    from datetime import datetime

    from keylease.aws.account import Account
    from keylease.aws.clients import Clients
    from keylease.aws.inspector import Role
    from keylease.launched import LeftRunning

commands = typer.Typer()

HORIZON = "26w"

Of = Annotated[str, typer.Option("--of", metavar="KIND", help="group, or role: whose policy it is to be.")]
Horizon = Annotated[str, typer.Option("--horizon", metavar="UNTIL", help="From when on it allows nothing.")]


@command(
    commands,
    "launch-policy",
    panel=OPERATORS,
    examples=(
        "keylease launch-policy --of group",
        "keylease launch-policy --of role --account media --horizon 26w",
    ),
    common=operator,
)
def launch_policy(call: Invocation, *, of: Of, account: AccountName = None, horizon: Horizon = HORIZON) -> None:
    """Print the policy of a permission set that launches EC2 instances as [launch] allows, for you to put into AWS.

    For a group attach it; for a session role make it a policy under /keylease/ceiling/, attach it, and let it be
    the role's permissions boundary too.
    """
    from keylease.domain import ahead, policy_text, until
    from keylease.domain.group_policy import group_policy
    from keylease.domain.launch_policy import launch_statements
    from keylease.domain.role_policy import session_role_policy

    settings, end = configured(call), ahead.horizon(until.parse(horizon), call.clock.now())
    named = list(chosen(settings, account))
    if len(named) != 1:
        raise WrongUsage(f"Name one of {', '.join(named)} with --account." if named else "There is no account.")
    try:
        gives = launch_statements(settings.launched(settings.accounts[named[0]]))
    except ValueError as lacking:
        raise WrongUsage(f"In [launch], {lacking}.") from None
    makers = {"group": group_policy, "role": session_role_policy}
    if of not in makers:
        raise WrongUsage(f"--of is one of {', '.join(makers)}.")
    call.terminal.write(policy_text.as_json({of: makers[of](gives, horizon=end)}).rstrip("\n"))


@command(
    commands,
    "launch-roles",
    panel=EVERYBODY,
    examples=("keylease launch-roles L-4k7m9q2x", "keylease launch-roles --account media --profile admin"),
    common=either,
)
def launch_roles(
    call: Invocation,
    lease: Annotated[
        str | None, typer.Argument(metavar="LEASE", help="The lease that is to launch something.")
    ] = None,
    *,
    account: AccountName = None,
    profile: Profile = None,
) -> None:
    """List the roles that a lease may pass to what it launches, with the instance profiles that hand them on.

    For operators, without a lease: all under /keylease/launch/ in the configured accounts, and what is wrong
    there, read with the remover's credentials or an administrator's.
    """
    if lease is not None:
        _passable(call, lease_id(call, lease))
        return
    from keylease.aws import inspector
    from keylease.domain.iam import LAUNCH_PATH

    with call.terminal.working("Asking AWS"):
        found = [
            (name, role, inspector.instance_profiles(clients, role.name))
            for name, clients in _reading(chosen(configured(call), account), profile).items()
            for role in inspector.roles(clients, LAUNCH_PATH)
        ]
    if call.options.as_json:
        call.terminal.json([_as_json(*one) for one in found])
        return
    call.terminal.table(("ACCOUNT", "ROLE", "INSTANCE PROFILE", "LACKS"), [_row(*one) for one in found])


@command(
    commands,
    "instances",
    panel=OPERATORS,
    examples=("keylease instances", "keylease instances --json"),
    common=operator,
)
def instances(call: Invocation) -> None:
    """List the instances whose lease is over, in the regions that [launch] names. Nothing is stopped here."""
    from keylease import app
    from keylease.launched import Launched

    settings = configured(call)
    made = app.build(settings)
    if not settings.launch.regions:
        call.terminal.say("[launch] names no regions, so nothing is watched.")
    looking = Launched(store=made.store, clock=call.clock, stop_after=settings.launch.stop_after)
    with call.terminal.working("Asking AWS"):
        found = [
            (name, one)
            for name, cloud in made.clouds.items()
            if cloud.instances is not None
            for one in looking.left(name, cloud.instances)
        ]
    if call.options.as_json:
        call.terminal.json([left_as_json(name, one) for name, one in found])
        return
    rows = [_left_row(name, one, call.clock.now()) for name, one in found]
    call.terminal.table(("ACCOUNT", "REGION", "INSTANCE", "STATE", "LEASE", "WHOSE", "OVER SINCE", "STOPS"), rows)


def _passable(call: Invocation, lease_id: str) -> None:
    """The roles for one lease, as the server says."""
    with call.terminal.working("AWS is asked"):
        roles = call.client.launch_roles(lease_id)
    if call.options.as_json:
        call.terminal.json(roles)
        return
    names = [", ".join(one["instance_profiles"]) for one in roles]
    rows = [[Cell(name or "none", name, "bold"), Cell(one["arn"])] for name, one in zip(names, roles, strict=True)]
    call.terminal.table(("INSTANCE PROFILE", "ROLE"), rows)
    if not roles:
        call.terminal.say("There is none: what this lease launches has no role.")


def _reading(accounts: dict[str, Account], profile: str | None) -> dict[str, Clients]:
    from keylease.aws.administration import administrators
    from keylease.aws.clients import Clients

    if profile is not None:
        return administrators(accounts, profile=profile)
    return {name: Clients(one, one.remover) for name, one in accounts.items()}


def _lacks(role: Role) -> list[str]:
    from keylease.domain.role_policy import weaknesses_of_launch_role

    return weaknesses_of_launch_role(policy.document for policy in role.policies)


def _row(account: str, role: Role, profiles: tuple[str, ...]) -> list[Cell]:
    lacks = " ".join(_lacks(role))
    return [
        Cell(account, style="bold"),
        Cell(role.arn),
        Cell(", ".join(profiles) or "none", ",".join(profiles)),
        Cell(lacks or "nothing", lacks, "yellow" if lacks else ""),
    ]


def _as_json(account: str, role: Role, profiles: tuple[str, ...]) -> dict[str, Any]:
    return {"account": account, "arn": role.arn, "instance_profiles": list(profiles), "weaknesses": _lacks(role)}


def _left_row(account: str, one: LeftRunning, now: datetime) -> list[Cell]:
    owner = one.lease.principal_name if one.lease else "nobody knows"
    since = clock.to_text(one.since) if one.since else ""
    return [
        Cell(account, style="bold"),
        Cell(one.instance.region),
        Cell(one.instance.id),
        Cell(one.instance.state, style="yellow" if one.instance.state == "running" else ""),
        Cell(one.instance.lease_id),
        Cell(owner, owner if one.lease else ""),
        Cell(spoken.both(one.since, now) if one.since else "", since),
        Cell(
            spoken.both(one.stops_at, now) if one.stops_at else "never",
            clock.to_text(one.stops_at) if one.stops_at else "",
        ),
    ]


def left_as_json(account: str, one: LeftRunning) -> dict[str, Any]:
    """An instance whose lease is over, for programs."""
    return {
        "account": account,
        "region": one.instance.region,
        "instance": one.instance.id,
        "state": one.instance.state,
        "lease_id": one.instance.lease_id,
        "owner": one.lease.principal_name if one.lease else None,
        "over_since": clock.to_text(one.since) if one.since else None,
        "stops_at": clock.to_text(one.stops_at) if one.stops_at else None,
    }
