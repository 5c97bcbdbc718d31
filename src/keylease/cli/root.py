"""The way off the root user's access key: a path of steps with proofs, and what each step needs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import Profile, configuration_file, configured
from keylease.cli.cell import Cell, harmless
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
from keylease.domain import clock
from keylease.errors import RootInUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keylease.aws.clients import Clients
    from keylease.root.path import Step
    from keylease.root.uses import RootUse

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich")
commands.add_typer(nouns, name="root", rich_help_panel=OPERATORS)

Days = Annotated[int, typer.Option("--days", min=1, max=90, help="Days of silence that are proof.")]
Regions = Annotated[
    list[str] | None, typer.Option("--region", metavar="NAME", help="This region alone; may be repeated.")
]
Logs = Annotated[
    Path | None,
    typer.Option("--logs", metavar="FOLDER", help="CloudTrail's log files instead of its event history."),
]
STYLES = {"done": ("✓", "green"), "open": ("→", "bold yellow"), "not known": ("?", "yellow")}
MOST_LOOKED = 14


@command(
    nouns,
    "path",
    panel=OPERATORS,
    examples=("keylease root --profile admin", "keylease root path --days 30 --json"),
    common=operator,
)
def path(call: Invocation, *, profile: Profile = None, days: Days = MOST_LOOKED, region: Regions = None) -> None:
    """Show how far the way off the root key is: every step with its proof, and the next thing to do.

    Looks at AWS each time, so it can be left and taken up again. Changes nothing.
    """
    from keylease.root.path import following, steps

    facts = _facts(call, profile, days, region)
    found = steps(facts)
    upcoming = following(found)
    if call.options.as_json:
        call.terminal.json(
            {"account": facts.at.account, "steps": [_step(one) for one in found], "next": upcoming and upcoming.id}
        )
    elif call.terminal.draws:
        _draw(found)
    else:
        call.terminal.table(
            (), [[Cell(text) for text in (one.id, str(one.state), one.proof, one.todo)] for one in found]
        )
    call.terminal.say(f"Next: {upcoming.title}. {upcoming.todo}" if upcoming else "All steps are done.")


@nouns.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    *,
    profile: Profile = None,
    as_json: AsJson = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Get off the root user's access key: what uses it, what would do instead, proof of each step, an alarm."""
    ctx.obj = operator(as_json=as_json, config=config, verbose=verbose).over(ctx.obj or Options())
    if ctx.invoked_subcommand is None:
        registered: Any = nouns.registered_commands[0].callback
        common = {"as_json": False, "config": None, "verbose": False}
        registered(ctx, profile=profile, days=MOST_LOOKED, region=None, **common)


@command(
    nouns,
    "uses",
    panel=OPERATORS,
    examples=("keylease root uses --profile admin", "keylease root uses --logs ./AWSLogs --json"),
    common=operator,
)
def uses(call: Invocation, *, profile: Profile = None, region: Regions = None, logs: Logs = None) -> None:
    """List what the root user was used for: service, address, program, when, and what would do instead.

    From CloudTrail's event history of ninety days in every region, or from log files.
    """
    if logs is not None:
        found, sets = _of_files(logs), {}
    else:
        clients, reader = reading(call, profile)
        found = _seen_uses(call, reader, region)
        sets = _permission_sets(call, clients)
    if call.options.as_json:
        call.terminal.json([_use_as_json(one, sets) for one in found])
    else:
        headings = ("SERVICE", "ADDRESS", "PROGRAM", "BY", "CALLS", "FIRST", "LAST", "WOULD DO")
        call.terminal.table(headings, [_use(one, sets) for one in found])
    call.terminal.say(f"{len(found)} uses of the root user.")


@command(nouns, "tasks", panel=OPERATORS, examples=("keylease root tasks",), common=operator)
def tasks(call: Invocation) -> None:
    """List what only root can do today and how to do it without a key of root; and what no longer is root's."""
    from keylease.root.tasks import tasks as listed

    if call.options.as_json:
        call.terminal.json([{"what": one.what, "how": one.how, "only_root": one.still} for one in listed()])
        return
    rows = [
        [Cell(one.what, style="bold"), Cell("root" if one.still else "anybody"), Cell(one.how)] for one in listed()
    ]
    call.terminal.table(("WHAT", "WHO", "HOW"), rows)


@command(
    nouns,
    "watch",
    panel=OPERATORS,
    examples=("keylease root watch --days 1 --profile admin",),
    common=operator,
)
def watch(call: Invocation, *, profile: Profile = None, days: Days = 1, region: Regions = None) -> None:
    """Fail when the root user was used within so many days, by its key or in the console. For cron and CI."""
    from datetime import timedelta

    from keylease.root.path import is_quiet_since

    _, reader = reading(call, profile)
    since = call.clock.now() - timedelta(days=days)
    loud = is_quiet_since(tuple(_seen_uses(call, reader, region)), since)
    if call.options.as_json:
        call.terminal.json([_use_as_json(one, {}) for one in loud])
    if loud:
        said = "; ".join(f"{one.service} from {one.address} ({one.agent[:40]})" for one in loud[:5])
        raise RootInUse(f"The root user was used since {clock.to_text(since)}: {said}.")
    call.terminal.say("The root user was not used.")


def reading(call: Invocation, profile: str | None) -> tuple[Clients, Any]:
    """Clients with a profile's credentials, and a reader of theirs."""
    from keylease.aws.audit.account import opened
    from keylease.aws.audit.reader import Reader

    clients, _ = opened(profile)
    return clients, Reader(clients, call.clock)


def _facts(call: Invocation, profile: str | None, days: int, region: list[str] | None) -> Any:
    from keylease.aws import root as of_aws
    from keylease.aws.audit import collect
    from keylease.aws.audit.reader import learn
    from keylease.root.path import Facts

    clients, reader = reading(call, profile)
    with call.terminal.working("Looking at the root user, region by region"):
        at = collect(clients, call.clock, parts={"report", "summary", "iam", "organization"})
        where = tuple(region or of_aws.regions(reader))
        found = of_aws.uses(reader, where)
        alarm = learn("events", "ListRules", lambda: of_aws.alarmed(reader, "us-east-1"))
    return Facts(at=at, uses=found, alarm=alarm, quiet=days, regions=len(where))


def _seen_uses(call: Invocation, reader: Any, region: list[str] | None) -> tuple[RootUse, ...]:
    from keylease.audit.snapshot import Unseen
    from keylease.aws import root as of_aws
    from keylease.errors import AwsDenied

    with call.terminal.working("Looking through the event history, region by region"):
        found = of_aws.uses(reader, region or of_aws.regions(reader))
    if isinstance(found, Unseen):
        raise AwsDenied(found.why, hint=found.hint)
    return found


def _of_files(folder: Path) -> tuple[RootUse, ...]:
    from keylease.root.uses import gathered, of_records

    if not folder.is_dir():
        raise WrongUsage(f"{folder} is no folder.")
    return gathered(of_records(_records(folder)))


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted([*folder.rglob("*.json.gz"), *folder.rglob("*.json")]):
        try:
            raw = path.read_bytes()
            found = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
        except (OSError, ValueError, EOFError) as error:
            raise WrongUsage(f"{path} cannot be read: {error}.") from None
        records = found.get("Records", []) if isinstance(found, dict) else []
        yield from (record for record in records if isinstance(record, dict))


def _permission_sets(call: Invocation, clients: Clients) -> dict[str, list[Any]]:
    """The documents of the configured permission sets in this account; nothing where there is no configuration."""
    from keylease.aws import inspector
    from keylease.domain.group_policy import as_leased

    if not configuration_file(call).exists():
        return {}
    settings = configured(call)
    names = [name for name, account in settings.accounts.items() if account.id == clients.account.id]
    sets: dict[str, list[Any]] = {}
    for one in (found for name in names for found in settings.catalogue().granted(name)):
        group = inspector.group(clients, one.group) if one.group else None
        role = inspector.role(clients, one.role) if one.role else None
        sets[one.name] = [as_leased(policy.document) for policy in group.policies] if group else []
        sets[one.name] += [policy.document for policy in role.policies] if role else []
    return sets


def _step(one: Step) -> dict[str, Any]:
    return {"id": one.id, "title": one.title, "state": str(one.state), "proof": one.proof, "todo": one.todo}


def _draw(found: tuple[Step, ...]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    for one in found:
        sign, style = STYLES[str(one.state)]
        line = Text(f"{sign} ", style=style)
        line.append(one.title, style="bold")
        console.print(line)
        console.print(Padding(Text(harmless(one.proof), style="dim"), (0, 0, 0, 2)))
        if str(one.state) != "done":
            console.print(Padding(Text(harmless(f"→ {one.todo}"), style="cyan"), (0, 0, 0, 2)))


def _use(one: RootUse, sets: Mapping[str, list[Any]]) -> list[Cell]:
    would, missing = _would_do(one, sets)
    return [
        Cell(one.service),
        Cell(one.address),
        Cell(one.agent[:60], one.agent),
        Cell("access key" if one.by_key else "console"),
        Cell(str(one.count)),
        Cell(one.first.date().isoformat(), clock.to_text(one.first)),
        Cell(one.last.date().isoformat(), clock.to_text(one.last)),
        Cell(", ".join(would) or (f"none: {', '.join(missing[:3])}" if missing else "")),
    ]


def _would_do(one: RootUse, sets: Mapping[str, list[Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from keylease.root.uses import replacements

    return replacements(one, sets)


def _use_as_json(one: RootUse, sets: Mapping[str, list[Any]]) -> dict[str, Any]:
    would, missing = _would_do(one, sets)
    return {
        "service": one.service,
        "address": one.address,
        "agent": one.agent,
        "by": "access key" if one.by_key else "console",
        "key_ids": list(one.key_ids),
        "calls": one.count,
        "first": clock.to_text(one.first),
        "last": clock.to_text(one.last),
        "actions": list(one.actions),
        "regions": list(one.regions),
        "permission_sets": list(would),
        "allowed_by_none": list(missing),
    }
