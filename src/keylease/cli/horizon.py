"""The horizon: how long everything goes on, and moving it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import AccountName, Profile, chosen, configured
from keylease.cli.cell import Cell
from keylease.cli.context import (
    OPERATORS,
    AsJson,
    Config,
    Invocation,
    Options,
    Verbose,
    WrongUsage,
    command,
    operator,
)
from keylease.domain import clock, spoken

if TYPE_CHECKING:
    from datetime import datetime

    from keylease.aws.clients import Clients
    from keylease.horizon import Bearer, Move, Plan
    from keylease.settings import Settings

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich")
commands.add_typer(nouns, name="horizon", rich_help_panel=OPERATORS)

To = Annotated[
    str, typer.Option("--to", metavar="UNTIL", help="How far from today (26w), or an instant with its zone.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking; needed where nobody can be asked.")]


@command(
    nouns, "show", panel=OPERATORS, examples=("keylease horizon", "keylease horizon show --json"), common=operator
)
def show(call: Invocation) -> None:
    """Show up to when the groups, session roles and the issuer of each account allow anything."""
    from keylease.errors import KeyleaseError

    settings, now = configured(call), call.clock.now()
    failures: list[KeyleaseError] = []
    found: list[tuple[str, Bearer]] = []
    with call.terminal.working("Asking AWS"):
        for name in settings.accounts:
            try:
                found += [(name, bearer) for bearer in _read(call, settings, name)]
            except KeyleaseError as failure:
                call.terminal.say(f"{name} could not be looked at.")
                failures.append(failure)
    if call.options.as_json:
        call.terminal.json([_bearer_as_json(name, bearer, now) for name, bearer in found])
    else:
        rows = [_bearer_row(name, bearer, now) for name, bearer in found]
        call.terminal.table(("ACCOUNT", "WHAT", "NAME", "LEFT", "HORIZON"), rows)
    if failures:
        raise failures[0]


@nouns.callback(invoke_without_command=True)
def horizon(
    ctx: typer.Context, *, as_json: AsJson = False, config: Config = None, verbose: Verbose = False
) -> None:
    """Show up to when everything goes on, or move it. An administrator moves it forward every few weeks."""
    ctx.obj = operator(as_json=as_json, config=config, verbose=verbose).over(ctx.obj or Options())
    if ctx.invoked_subcommand is None:
        registered: Any = nouns.registered_commands[0].callback
        registered(ctx, as_json=False, config=None, verbose=False)


@command(
    nouns,
    "move",
    panel=OPERATORS,
    examples=(
        "keylease horizon move --to 26w --profile admin",
        "keylease horizon move --to 2027-06-01T00:00Z --account media --yes",
    ),
    common=operator,
)
def move(
    call: Invocation, *, to: To, profile: Profile = None, account: AccountName = None, yes: Yes = False
) -> None:
    """Move the horizon, with an administrator's credentials: show what would change, ask, and change just that."""
    from keylease import horizon as horizons
    from keylease.aws.administration import administrators
    from keylease.domain import ahead, until

    end = ahead.horizon(until.parse(to), call.clock.now())
    settings = configured(call)
    with call.terminal.working("Asking AWS"):
        clients = administrators(chosen(settings, account), profile=profile)
        plans = {name: horizons.plan(_bearers(call, settings, name, one), to=end) for name, one in clients.items()}
    _present(call, plans)
    todo = sum(len(one.moves) for one in plans.values())
    agreed = bool(todo) and (yes or _agrees(call, todo))
    if agreed:
        for name, one in plans.items():
            for moved in horizons.apply(clients[name], one):
                call.terminal.say(f"{name}: {_words(moved)} is moved to {clock.to_text(moved.new)}.")
    _conclude(call, plans, done=agreed)
    if todo and not agreed and not call.terminal.asks:
        raise WrongUsage("Nobody can be asked here: --yes carries this out.")
    if any(one.left for one in plans.values()):
        raise typer.Exit(1)


def _read(call: Invocation, settings: Settings, name: str) -> tuple[Bearer, ...]:
    from keylease import app
    from keylease.aws.clients import Clients

    account = app.accounts(settings)[name]
    return _bearers(call, settings, name, Clients(account, account.remover))


def _bearers(call: Invocation, settings: Settings, name: str, clients: Clients) -> tuple[Bearer, ...]:
    from keylease import horizon as horizons

    issuer = horizons.issuer_arn(clients.account)
    if issuer is None:
        call.terminal.say(f"{name}: who the issuer is cannot be told here, so its own policy is not looked at.")
    groups = [one.group for one in settings.catalogue().granted(name) if one.group]
    return horizons.bearers(clients, groups, issuer)


def _agrees(call: Invocation, todo: int) -> bool:
    if not call.terminal.asks:
        return False
    what = "this policy" if todo == 1 else f"these {todo} policies"
    return call.terminal.choose(f"Change the date of {what}?", ("yes", "no")) == "yes"


def _present(call: Invocation, plans: dict[str, Plan]) -> None:
    if not call.options.as_json:
        now = call.clock.now()
        rows = [_move_row(name, moved, now) for name, one in plans.items() for moved in one.moves]
        call.terminal.table(("ACCOUNT", "OF", "POLICY", "FROM", "TO"), rows)
    if any(moved.new < moved.old for one in plans.values() for moved in one.moves):
        call.terminal.say("Some of it ends sooner than now: every lease that goes on longer ends then, too.")
    for name, one in plans.items():
        for left in one.left:
            policy = f", policy {left.policy}," if left.policy else ""
            call.terminal.say(f"{name}: the {left.of}{policy} stays as it is. {left.sentence}")


def _conclude(call: Invocation, plans: dict[str, Plan], *, done: bool) -> None:
    if call.options.as_json:
        call.terminal.json([_plan_as_json(name, one, done=done) for name, one in plans.items()])
    if not any(one.moves for one in plans.values()):
        call.terminal.say("There is nothing to change.")
    elif not done:
        call.terminal.say("Nothing was changed.")


def _plan_as_json(name: str, one: Plan, *, done: bool) -> dict[str, Any]:
    return {
        "account": name,
        "digest": one.digest,
        "applied": done,
        "moves": [
            {
                "of": list(moved.of),
                "policy": moved.place.policy,
                "arn": moved.place.arn,
                "from": clock.to_text(moved.old),
                "to": clock.to_text(moved.new),
            }
            for moved in one.moves
        ],
        "left": [{"of": left.of, "policy": left.policy, "why": left.sentence} for left in one.left],
    }


def _move_row(name: str, moved: Move, now: datetime) -> list[Cell]:
    sooner = moved.new < moved.old
    return [
        Cell(name),
        Cell(", ".join(moved.of), style="bold"),
        Cell(moved.place.policy),
        Cell(spoken.exact(moved.old, now), clock.to_text(moved.old)),
        Cell(spoken.exact(moved.new, now), clock.to_text(moved.new), "bold red" if sooner else "green"),
    ]


def _words(moved: Move) -> str:
    return f"{moved.place.policy} of {', '.join(moved.of)}"


def _bearer_row(name: str, bearer: Bearer, now: datetime) -> list[Cell]:
    end = bearer.horizon
    return [
        Cell(name),
        Cell(bearer.kind),
        Cell(bearer.name, style="bold"),
        Cell(spoken.left(end, now) if end else "without end", _seconds(end, now), _style(end, now)),
        Cell(spoken.exact(end, now) if end else "see keylease doctor", clock.to_text(end) if end else ""),
    ]


def _style(end: datetime | None, now: datetime) -> str:
    from keylease.health import NEAR

    return "bold red" if end is None or end <= now else "yellow" if end < now + NEAR else "green"


def _seconds(end: datetime | None, now: datetime) -> str:
    left = _seconds_left(end, now)
    return "" if left is None else str(left)


def _seconds_left(end: datetime | None, now: datetime) -> int | None:
    return max(0, int((end - now).total_seconds())) if end else None


def _bearer_as_json(name: str, bearer: Bearer, now: datetime) -> dict[str, Any]:
    end = bearer.horizon
    return {
        "account": name,
        "what": bearer.kind,
        "name": bearer.name,
        "horizon": clock.to_text(end) if end else None,
        "seconds_left": _seconds_left(end, now),
    }
