"""The main job on an AWS that runs here: watched (`demo`), or left running to click through (`sandbox`)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli.context import OPERATORS, Invocation, command, operator
from keylease.errors import ServerUnreachable

if TYPE_CHECKING:
    from keylease.sandbox.company import Company
    from keylease.sandbox.demo import Sighting

commands = typer.Typer()

BY_HAND = "To click through the same by hand: make serve (or: keylease sandbox)."


@command(commands, "demo", panel=OPERATORS, examples=("keylease demo", "keylease demo --json"), common=operator)
def demo(call: Invocation) -> None:
    """Watch the main job: from a request to an access key that AWS refuses with keylease switched off.

    Takes about a minute. Ends with 0 only if every step was seen.
    """
    from keylease.sandbox import demo as main_job

    tell = call.terminal.say if call.options.as_json else call.terminal.write
    seen = main_job.run(
        call.clock, lambda name, seconds, sentence: tell(f"{seconds:4.0f} s  {name:<10} {sentence}")
    )
    if call.options.as_json:
        call.terminal.json(dataclasses.asdict(seen))
    else:
        _summary(call, seen)
    if seen.failure is not None:
        call.terminal.complain("demo", seen.failure, "Nothing is left of it; run it again with --verbose.")
        raise typer.Exit(1)


def _summary(call: Invocation, seen: Sighting) -> None:
    if seen.failure is not None:
        return
    call.terminal.write("")
    call.terminal.write(f"The lease ended at {seen.expires_at}. Last success {seen.last_success_at}, first refusal")
    call.terminal.write(f"{seen.first_refusal_at} ({seen.refusal_error}), with no keylease process on the machine.")
    call.terminal.write(BY_HAND)


@command(
    commands,
    "sandbox",
    panel=OPERATORS,
    examples=("keylease sandbox", "keylease sandbox --port 8465"),
    common=operator,
)
def sandbox(
    call: Invocation,
    *,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Where the pages are, on 127.0.0.1.")
    ] = 8465,
) -> None:
    """Run keylease with its pages on an AWS of this machine's own, until Ctrl-C. Nothing is kept."""
    import tempfile

    from keylease.sandbox import company as sandbox_company
    from keylease.sandbox.ministack import ministack

    with tempfile.TemporaryDirectory(prefix="keylease-sandbox-") as folder:
        home = Path(folder)
        with ministack(home / "aws.log") as aws:
            company = sandbox_company.found(home, aws, call.clock, listen=f"127.0.0.1:{port}")
            with company.server(call.clock) as server:
                _explain(call, company)
                ended = server.wait()
    if ended:
        raise ServerUnreachable(f"The sandbox's server ended with status {ended}.", hint="Start it again.")


def _explain(call: Invocation, company: Company) -> None:
    for line in (
        f"Pages:   {company.address}   (be Mara to ask and collect, Priya to approve, Anna to see everything)",
        f"API:     {company.address}/docs",
        f"AWS:     {company.endpoint}   (aws --endpoint-url {company.endpoint} …)",
        f"Files:   {company.home}   (configuration, ledger, log)",
        "Sign-in here is unsafe: whoever reaches the page may be any of them. Ctrl-C ends it and keeps nothing.",
    ):
        call.terminal.write(line)
