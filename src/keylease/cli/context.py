"""What every command has in common: its options, where it writes, and how it ends.

`command` registers a function as a command. The function's first parameter is its `Invocation`; the others are its
own arguments and options, and `--json`, `--server` and the like are added to them. So each of these options may
stand before or after the command's name.

However a command ends, it ends here: a failure of ours is written with its code and ends with its own exit
status, Ctrl-C with 130, a reader that went away with 141, and what nobody foresaw is KL-100 without a traceback
(unless --verbose asks for it), since a traceback may show more than it should.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli import remembered
from keylease.cli.connecting import DEFAULT_SERVER, connect
from keylease.cli.output import Terminal
from keylease.domain import spoken
from keylease.domain.clock import Clock, SystemClock
from keylease.errors import KeyleaseError, SignInNeeded, SignInTooOld

if TYPE_CHECKING:
    from keylease.client import Client, LeaseView

DEFAULT_CONFIG = "keylease.toml"
INTERRUPTED, READER_GONE = 130, 141
LOGIN = "keylease login"
COMMON = "Options of every command"
EVERYBODY, APPROVERS, AUDITORS, OPERATORS = "For everybody", "For approvers", "For auditors", "For operators"
"""Whom a command is for; the help shows commands under these."""

AsJson = Annotated[
    bool, typer.Option("--json", help="JSON on stdout, errors as JSON on stderr.", rich_help_panel=COMMON)
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Say on stderr what is done meanwhile.", rich_help_panel=COMMON)
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help=f"The keylease server; else KEYLEASE_SERVER, else {DEFAULT_SERVER}.",
        rich_help_panel=COMMON,
    ),
]
Person = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="PERSON",
        help="Unsafe, for development servers: be this person without any proof; else KEYLEASE_UNSAFE_PERSON.",
        rich_help_panel=COMMON,
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="PATH",
        help=f"The configuration; else KEYLEASE_CONFIG, else {DEFAULT_CONFIG} in this folder.",
        rich_help_panel=COMMON,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; without a terminal nobody is asked anyway.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was given before or after the command's name; the environment counts where neither was."""

    as_json: bool = False
    verbose: bool = False
    server: str | None = None
    person: str | None = None
    config: str | None = None

    def over(self, before: Options) -> Options:
        """These options, and those that stood before the command's name where these say nothing."""
        return Options(
            as_json=self.as_json or before.as_json,
            verbose=self.verbose or before.verbose,
            server=self.server or before.server or os.environ.get("KEYLEASE_SERVER"),
            person=self.person or before.person or os.environ.get("KEYLEASE_UNSAFE_PERSON"),
            config=self.config or before.config or os.environ.get("KEYLEASE_CONFIG"),
        )


class WrongUsage(typer.TyperException):
    """The words of a command line that do not go together; ends with 2."""

    exit_code = 2
    ctx: typer.Context | None = None


class Invocation:
    """One run of one command."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.terminal = Terminal(as_json=options.as_json)
        self.clock: Clock = SystemClock()
        self.tells_ends = True
        """Whether a lease that ends soon is to be told at the end; not where the command says it itself."""
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The server, as this person. Loaded when first needed."""
        if self._client is None:
            person = self.options.person
            if person is not None and not (person.isascii() and person.isprintable()):
                raise WrongUsage("--as takes a person's id: plain letters, digits and signs.")
            self._client = connect(self.options.server, person=person)
        return self._client

    @property
    def who(self) -> tuple[str, str]:
        """The server, and the person where one is named: whose leases are remembered."""
        return (self.options.server or DEFAULT_SERVER, self.options.person or "")

    def remember(self, leases: list[LeaseView]) -> None:
        """Remember this person's leases, for completion and for what ends soon."""
        remembered.keep(self.who, leases, self.clock.now())

    def tell_ends(self) -> None:
        """Say which leases in use end within three days, after a command that spoke with the server."""
        if self._client is None or not self.tells_ends or self.options.as_json:
            return
        now = self.clock.now()
        for one in remembered.ending(self.who, now):
            left = spoken.left(now + one.left, now)
            self.terminal.say(f"{one.title} ends in {left}: keylease renew {one.id}")

    def close(self) -> None:
        """Let go of what was opened."""
        if self._client is not None:
            self._client.close()


def everywhere(
    *, as_json: AsJson = False, server: Server = None, person: Person = None, verbose: Verbose = False
) -> Options:
    """The options of every command that speaks with a server."""
    return Options(as_json=as_json, server=server, person=person, verbose=verbose)


def operator(*, as_json: AsJson = False, config: Config = None, verbose: Verbose = False) -> Options:
    """The options of every command that works on the configuration itself."""
    return Options(as_json=as_json, config=config, verbose=verbose)


def either(
    *,
    as_json: AsJson = False,
    server: Server = None,
    person: Person = None,
    config: Config = None,
    verbose: Verbose = False,
) -> Options:
    """The options of a command that asks a server about a lease, and AWS where none is named."""
    return Options(as_json=as_json, server=server, person=person, config=config, verbose=verbose)


def command(
    app: typer.Typer,
    name: str,
    *,
    panel: str,
    examples: tuple[str, ...],
    common: Callable[..., Options] = everywhere,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as the command `name`, shown under `panel` in the help, with examples of its use."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        shared = inspect.signature(common, eval_str=True).parameters
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @functools.wraps(function)
        def run(ctx: typer.Context, **given: Any) -> None:
            options = common(**{name: given.pop(name) for name in shared}).over(ctx.obj or Options())
            invocation = Invocation(options)
            _start_log(verbose=options.verbose)
            try:
                status = _ended(invocation, functools.partial(function, invocation, **given))
            except WrongUsage as wrong:
                wrong.ctx = ctx
                raise
            raise typer.Exit(status)

        context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        parameters = [context, *own, *shared.values()]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # inspect reads it there
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        app.command(name, epilog=_epilog(examples), rich_help_panel=panel)(run)
        return function

    return register


def _ended(invocation: Invocation, function: Callable[[], None]) -> int:
    """Run the command; its exit status."""
    try:
        function()
        sys.stdout.flush()
        invocation.tell_ends()
    except KeyleaseError as failure:
        invocation.terminal.fail(_advised(failure, invocation.options))
        return failure.exit_status
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except (typer.Exit, typer.TyperException):
        raise
    except Exception as unforeseen:  # noqa: BLE001 - the last place that can keep a traceback off the screen
        return _unforeseen(invocation, unforeseen)
    finally:
        invocation.close()
    return 0


def _advised(failure: KeyleaseError, options: Options) -> KeyleaseError:
    """A failure to be signed in, with the way to sign in from here."""
    if options.person:
        return failure
    if isinstance(failure, SignInTooOld):
        failure.hint = f"`{LOGIN} --fresh` signs you in anew; add --mfa where a second factor is asked for."
    elif isinstance(failure, SignInNeeded) and LOGIN not in failure.hint:
        failure.hint = f"`{LOGIN}` signs you in. On a development server --as PERSON does too."
    return failure


def _unforeseen(invocation: Invocation, failure: Exception) -> int:
    if invocation.options.verbose:
        import traceback

        traceback.print_exception(failure)
    invocation.terminal.fail(KeyleaseError(f"keylease failed, and does not know why ({type(failure).__name__})."))
    return KeyleaseError.exit_status


def _reader_gone() -> int:
    """Nobody reads stdout any more: end quietly, and let Python's own last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE


def _start_log(*, verbose: bool) -> None:
    if not verbose:
        return
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logging.getLogger("keylease").addHandler(handler)
    logging.getLogger("keylease").setLevel(logging.DEBUG)


def _epilog(examples: tuple[str, ...]) -> str:
    return "\n".join(["[dim]Examples:[/dim]", *(f"  [cyan]{example}[/cyan]" for example in examples)])
