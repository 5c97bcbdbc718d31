"""The program: all commands, and what happens around each of them.

Typer parses; what it finds wrong is written in our own form (`error[usage]`) and ends with 2.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer import core

import keylease
from keylease.cli.context import INTERRUPTED, AsJson, Config, Options, Person, Server, Verbose
from keylease.cli.output import Terminal


def keylease_command(
    ctx: typer.Context,
    *,
    as_json: AsJson = False,
    server: Server = None,
    person: Person = None,
    config: Config = None,
    verbose: Verbose = False,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    """AWS keys that expire: ask for one, collect it, and AWS itself refuses it at the end."""
    ctx.obj = Options(as_json=as_json, server=server, person=person, config=config, verbose=verbose)
    if version:
        typer.echo(f"keylease {keylease.__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


PARTS = (
    *("sign_in", "leases", "requests", "collect", "revoke", "approvals", "events"),
    *("configure", "status", "connect", "exec", "console", "agent"),
    *("prepare", "policy", "accounts", "doctor", "audit", "adopt", "root_acts", "baseline", "guardrails"),
    *("horizon", "fences", "launch", "operate", "store", "demo"),
)
"""The modules that hold commands, in the order of the help."""
ALONE: Mapping[str, str] = {
    "approve": "approvals",
    "collect": "collect",
    "deny": "approvals",
    "list": "leases",
    "new-key": "collect",
    "pending": "approvals",
    "renew": "requests",
    "request": "requests",
    "revoke": "revoke",
    "sets": "leases",
    "show": "leases",
    "undo": "approvals",
    "whoami": "leases",
}
"""Commands that people type all day: only the module that holds one is loaded, since all of them take longer."""


def app_of(parts: Iterable[str] = PARTS) -> typer.Typer:
    """The program with the commands of these modules."""
    app = typer.Typer(
        name="keylease",
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        epilog="Exit status: 0 done, 1 failed, 2 wrong usage, 3 not decided yet, 4 sign in first, 130 interrupted; "
        "every other failure has a code (KL-…) and an exit status of its own.",
    )
    app.callback(invoke_without_command=True)(keylease_command)
    for part in parts:
        app.add_typer(import_module(f"keylease.cli.{part}").commands)
    return app


def _needed(arguments: list[str]) -> Iterable[str]:
    part = ALONE.get(arguments[0]) if arguments else None
    return PARTS if part is None else (part,)


def run(arguments: list[str]) -> int:
    """Run one command line; its exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr] # the interpreter's own streams have it
    program = typer.main.get_command(app_of(_needed(arguments)))
    _without_pydantic()
    try:
        status = program.main(arguments, prog_name="keylease", standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as wrong:
        terminal = Terminal(as_json="--json" in arguments)
        terminal.complain(
            "usage", wrong.format_message(), f"`{_command_path(wrong)} --help` shows how it is meant."
        )
        return wrong.exit_code
    return status if isinstance(status, int) else 0


class _AsWritten:
    """What Typer asks to make a value of what was written: a text is that value already."""

    def coerce(self, value: object, **_: object) -> object:
        """The value, unchanged."""
        return value


def _without_pydantic() -> None:
    """Typer loads Pydantic to make a text of a text, which takes longer than all of Typer; so it need not."""
    build = getattr(core, "build_runtime_param", None)
    if build is None:
        return

    def build_unless_plain(descriptor: Any) -> Any:
        plain = descriptor.annotation in (str, bool, list[str]) and descriptor.parameter_info.parser is None
        return _AsWritten() if plain else build(descriptor)

    core.build_runtime_param = build_unless_plain  # type: ignore[attr-defined] # Typer does not name it as its own


def _command_path(wrong: typer.TyperException) -> str:
    return str(getattr(getattr(wrong, "ctx", None), "command_path", "keylease"))
