"""What runs on the server's own machine: the server, and passes by themselves.

They read the configuration and hold AWS credentials, so they load far more than the other commands; all of that is
loaded here, in the functions that need it. Their log goes to stderr, request by request only with --verbose.
"""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import configuration_file, configured
from keylease.cli.cell import Cell
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, operator
from keylease.errors import BadConfiguration, StoreNotShared

if TYPE_CHECKING:
    import logging

    from keylease.reconciler import PassReport

commands = typer.Typer()

WITHOUT_END = 3600.0
AT_ONCE = 8
"""Accounts that one process passes at the same time, where nothing else is said."""


@command(
    commands,
    "serve",
    panel=OPERATORS,
    examples=(
        "keylease serve",
        "keylease serve --config /etc/keylease/keylease.toml",
        "keylease serve --workers 0",
    ),
    common=operator,
)
def serve(
    call: Invocation,
    *,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=0, help="Accounts that are passed at once here; 0: `keylease worker` does it."
        ),
    ] = AT_ONCE,
) -> None:
    """Run the server: the API, the pages, and a pass every minute."""
    import uvicorn

    from keylease import app, web
    from keylease.doctor import examine
    from keylease.doctor.gather import gather

    _end_in_order()
    settings = configured(call)
    made = app.build(settings)
    api = web.create(
        made,
        address=settings.server.address,
        acknowledge_within=settings.server.acknowledge_within,
        doctor=lambda: examine(gather(settings, app.accounts(settings), str(configuration_file(call)), call.clock)),
        metrics_token=settings.server.metrics_token(),
    )
    _start_log(settings.server.log, verbose=call.options.verbose)
    listening = _listen(settings.server.listen)
    call.terminal.say(f"keylease answers at {settings.server.address}. Ctrl-C ends it; leases end without it.")
    if made.unsafe_people:
        call.terminal.say(f"Unsafe: whoever reaches it may be any of {', '.join(made.unsafe_people)}.")
    with app.passing(settings, made, workers):
        uvicorn.Server(uvicorn.Config(api, log_config=None, server_header=False)).run(sockets=[listening])


@command(
    commands,
    "reconcile",
    panel=OPERATORS,
    examples=("keylease reconcile --once", "keylease reconcile --once --json"),
    common=operator,
)
def reconcile(
    call: Invocation,
    *,
    once: Annotated[bool, typer.Option("--once", help="One pass, then end.")] = False,
    unsafe_empty_ledger: Annotated[
        bool,
        typer.Option(
            "--unsafe-empty-ledger", help="Remove all that AWS holds although the ledger knows no lease at all."
        ),
    ] = False,
) -> None:
    """Make AWS and the ledger agree: end what is due, remove what belongs to no lease."""
    from keylease import app

    if unsafe_empty_ledger and not once:
        raise WrongUsage("--unsafe-empty-ledger goes with --once alone.")
    _end_in_order()
    settings = configured(call)
    made = app.build(settings, trust_empty_ledger=unsafe_empty_ledger)
    if once:
        _tell(call, made.reconciler.run())
        return
    _start_log(settings.server.log, verbose=call.options.verbose)
    call.terminal.say("Pass after pass; Ctrl-C ends it.")
    with app.passing(settings, made, AT_ONCE):
        while True:
            call.clock.sleep(WITHOUT_END)


@command(
    commands,
    "worker",
    panel=OPERATORS,
    examples=("keylease worker", "keylease worker --at-once 16"),
    common=operator,
)
def worker(
    call: Invocation,
    *,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, help="So many accounts are passed at the same time.")
    ] = AT_ONCE,
) -> None:
    """Run passes and nothing else, beside any number of servers and workers. The ledger must lie in PostgreSQL."""
    from keylease import app

    _end_in_order()
    settings = configured(call)
    if not settings.store.is_shared:
        raise StoreNotShared("The ledger is a file of SQLite, which serves one machine.")
    made = app.build(settings)
    _start_log(settings.server.log, verbose=call.options.verbose)
    call.terminal.say("Working; Ctrl-C ends it.")
    with app.passing(settings, made, at_once):
        while True:
            call.clock.sleep(WITHOUT_END)


def _listen(address: str) -> socket.socket:
    """The socket that the server answers on. Raises `BadConfiguration` where the address cannot be had."""
    host, _, port = address.rpartition(":")
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=_family(host))
    except (OSError, OverflowError) as error:
        raise BadConfiguration(
            f"{address} cannot be listened on: {error}.",
            hint="Does another keylease run there? Else name another address under `server.listen`.",
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if host.startswith("[") else socket.AF_INET


def _tell(call: Invocation, reports: list[PassReport]) -> None:
    """What the pass did, and its first failure as the command's own."""
    if call.options.as_json:
        call.terminal.json([_as_json(report) for report in reports])
    else:
        rows = [_row(report) for report in reports]
        call.terminal.table(("ACCOUNT", "DONE", "ALARMS", "FAILURES"), rows)
    for report in reports:
        for alarm in report.alarms:
            call.terminal.say(alarm.sentence)
        running = sum(one.runs for one in report.left_running)
        if running:
            words = "instance runs" if running == 1 else "instances run"
            call.terminal.say(f"{report.account}: {running} {words} whose lease is over; see `keylease instances`.")
    failures = [failure for report in reports for failure in report.failures]
    if failures:
        raise failures[0]


def _as_json(report: PassReport) -> dict[str, Any]:
    from keylease.cli.launch import left_as_json

    return {
        "account": report.account,
        "done": dict(report.done),
        "alarms": [{"what": one.what, "name": one.name, "sentence": one.sentence} for one in report.alarms],
        "failures": [{"code": one.code, "sentence": one.sentence, "hint": one.hint} for one in report.failures],
        "left_running": [left_as_json(report.account, one) for one in report.left_running],
    }


def _row(report: PassReport) -> list[Cell]:
    done = ", ".join(f"{count} {kind}" for kind, count in sorted(report.done.items()))
    alarms, failures = len(report.alarms), len(report.failures)
    return [
        Cell(report.account, style="bold"),
        Cell(done or "nothing to do", done),
        Cell(str(alarms), style="yellow" if alarms else ""),
        Cell(str(failures), style="red" if failures else ""),
    ]


def _start_log(form: str, *, verbose: bool) -> None:
    """Log to stderr. AWS's own libraries never log their requests: these hold what nobody should read."""
    import logging

    from keylease.log import FORMS

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMS[form]())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("keylease").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.INFO if verbose else logging.WARNING)
    logging.getLogger("uvicorn.access").addFilter(_without_query)


def _without_query(record: logging.LogRecord) -> bool:
    """Write down the path of a request alone: a query may hold the code with which somebody signs in."""
    if isinstance(record.args, tuple):
        record.args = tuple(one.partition("?")[0] if isinstance(one, str) else one for one in record.args)
    return True


def _end_in_order() -> None:
    """Let SIGTERM end the process as the end of the program does: a pass that runs is finished first."""

    def terminated(*_: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, terminated)
