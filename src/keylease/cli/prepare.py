"""What comes before everything else: a configuration."""

from __future__ import annotations

from importlib import resources

import typer

from keylease.cli.administer import configuration_file
from keylease.cli.context import OPERATORS, Invocation, command, operator
from keylease.errors import FileNotWritten, NotOurs

commands = typer.Typer()


@command(
    commands,
    "init",
    panel=OPERATORS,
    examples=("keylease init", "keylease init --config prod.toml"),
    common=operator,
)
def init(call: Invocation) -> None:
    """Write a commented configuration, in which nothing is set yet."""
    path = configuration_file(call)
    example = resources.files("keylease.cli").joinpath("example.toml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(example)
    except FileExistsError:
        raise NotOurs(f"{path} exists already.") from None
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be written: {error.strerror}.") from None
    call.terminal.say(f"Wrote {path}. Fill it in, then: keylease doctor --config {path}")
    if call.options.as_json:
        call.terminal.json({"file": str(path.absolute())})
    elif not call.terminal.draws:
        call.terminal.write(str(path))
