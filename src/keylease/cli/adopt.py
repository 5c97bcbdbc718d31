"""Access keys that already exist get an owner and an end, by an administrator's run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import Profile
from keylease.cli.adopt_notices import link, sending
from keylease.cli.adopt_words import adopted_row, conclude, done_as_json, present, promise_as_json
from keylease.cli.cell import Cell
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, everywhere
from keylease.domain import clock

if TYPE_CHECKING:
    from datetime import datetime

    from keylease.adopt.candidates import Candidate
    from keylease.adopt.passing import Adopting
    from keylease.adopt.planning import Plan
    from keylease.aws.clients import Clients

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich")
commands.add_typer(nouns, name="adopt", rich_help_panel=OPERATORS)

Until = Annotated[str, typer.Option("--until", metavar="UNTIL", help="How far from today (6w), or an instant.")]
User = Annotated[str, typer.Argument(metavar="USER", help="The IAM user.")]
Users = Annotated[list[str] | None, typer.Argument(metavar="[USER]...", help="These users; else all.")]
Machines = Annotated[bool, typer.Option("--machines", help="Date the keys of machines, too.")]
Console = Annotated[bool, typer.Option("--console", help="Date users whose console sign-in ends with it, too.")]
Owners = Annotated[Path | None, typer.Option("--owners", metavar="PATH", help="A table: user,owner.")]
Fallback = Annotated[str | None, typer.Option("--fallback", metavar="MAIL", help="Who is told what nobody owns.")]
NoTrail = Annotated[bool, typer.Option("--no-trail", help="Do not ask CloudTrail, which takes its time.")]
Outbox = Annotated[Path | None, typer.Option("--outbox", metavar="FOLDER", help="Write each mail as a file there.")]
Sendmail = Annotated[
    str | None,
    typer.Option("--sendmail", metavar="PROGRAM", help="Give each mail to this program, as `PROGRAM -t`."),
]
MailFile = Annotated[
    Path | None,
    typer.Option(
        "--mail-file", metavar="PATH", help="Send each by the mail address in this file (docs/how-to/notify.md)."
    ),
]
Sender = Annotated[str, typer.Option("--from", metavar="MAIL", help="Whom the mails are from.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking; needed where nobody can be asked.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
SENDER = "keylease@localhost"


@nouns.callback()
def adopt() -> None:
    """Give access keys that already exist an owner and an end. `plan` shows all of it and changes nothing."""


@command(
    nouns, "plan", panel=OPERATORS, examples=("keylease adopt plan --until 6w --profile admin",), common=everywhere
)
def plan(  # noqa: PLR0913 - each is an option of its own on the command line
    call: Invocation,
    *,
    users: Users = None,
    until: Until = "6w",
    profile: Profile = None,
    machines: Machines = False,
    console: Console = False,
    owners: Owners = None,
    fallback: Fallback = None,
    no_trail: NoTrail = False,
) -> None:
    """Show what would happen to each user with an access key: owner, date, or advice instead. Changes nothing."""
    wanted = _wanted(call, users, until, fallback, machines=machines, console=console)
    clients, found = _plan(call, profile, wanted, owners, trail=not no_trail)
    present(call, found, clients.account.id, applied=False)


@command(
    nouns,
    "start",
    panel=OPERATORS,
    examples=(
        "keylease adopt start --until 6w --outbox mails --profile admin",
        "keylease adopt start bob anna --until 2027-01-31T00:00Z --sendmail /usr/sbin/sendmail --yes",
    ),
    common=everywhere,
)
def start(  # noqa: PLR0913 - each is an option of its own on the command line
    call: Invocation,
    *,
    users: Users = None,
    until: Until = "6w",
    profile: Profile = None,
    machines: Machines = False,
    console: Console = False,
    owners: Owners = None,
    fallback: Fallback = None,
    no_trail: NoTrail = False,
    outbox: Outbox = None,
    sendmail: Sendmail = None,
    mail_file: MailFile = None,
    sender: Sender = SENDER,
    yes: Yes = False,
) -> None:
    """Show the plan, ask, and carry out just that: write the promises, tell the owners, put the dates in AWS."""
    wanted = _wanted(call, users, until, fallback, machines=machines, console=console)
    send = sending(call, outbox, sendmail, mail_file)
    clients, found = _plan(call, profile, wanted, owners, trail=not no_trail, asks=not yes)
    if not call.options.as_json:
        present(call, found, clients.account.id, applied=False)
    if not found.promises:
        call.terminal.say("There is nobody to adopt.")
        return
    if not (yes or _agrees(call, len(found.promises))):
        call.terminal.say("Nothing was changed.")
        if not call.terminal.asks:
            raise WrongUsage("Nobody can be asked here: --yes carries this out.")
        return
    adopting = _adopting(call, clients, send, sender, fallback)
    with call.terminal.working("Adopting"):
        done = adopting.start(found.promises, call.clock.now())
    if call.options.as_json:
        present(call, found, clients.account.id, applied=True, done=done)
    conclude(call, done)


@command(
    nouns,
    "run",
    panel=OPERATORS,
    examples=("keylease adopt run --outbox mails --profile admin",),
    common=everywhere,
)
def run(
    call: Invocation,
    *,
    profile: Profile = None,
    outbox: Outbox = None,
    sendmail: Sendmail = None,
    mail_file: MailFile = None,
    sender: Sender = SENDER,
    fallback: Fallback = None,
) -> None:
    """Do what is due: reminders, dates, keys off at their date, deleted after two weeks. Run it once a day.

    The end itself needs no run: AWS refuses the keys at their date.
    """
    clients = _opened(profile)[0]
    adopting = _adopting(call, clients, sending(call, outbox, sendmail, mail_file), sender, fallback)
    with call.terminal.working("Looking at the adopted users"):
        done = adopting.run(call.clock.now())
    if call.options.as_json:
        call.terminal.json(done_as_json(done))
    conclude(call, done)


@command(nouns, "list", panel=OPERATORS, examples=("keylease adopt list --json",), common=everywhere)
def show(call: Invocation, *, profile: Profile = None) -> None:
    """Show all adopted users: owner, date, and how far each is."""
    from keylease.adopt.adoption import promise_of

    reader = _reader(call, _opened(profile)[0])
    with call.terminal.working("Asking AWS"):
        from keylease.aws.adoption import AwsUsers

        holders = AwsUsers(reader).adopted()
    rows = [(holder, promise) for holder in holders if (promise := promise_of(holder.tags)) is not None]
    if call.options.as_json:
        call.terminal.json([{"user": one.name, **promise_as_json(promise)} for one, promise in rows])
        return
    now = call.clock.now()
    cells = [adopted_row(one.name, promise, now) for one, promise in rows]
    call.terminal.table(("USER", "OWNER", "ENDS", "STATE"), cells)


@command(
    nouns,
    "postpone",
    panel=OPERATORS,
    examples=("keylease adopt postpone bob --until 2w --reason 'the new build server is late' --outbox mails",),
    common=everywhere,
)
def postpone(  # noqa: PLR0913 - each is an option of its own on the command line
    call: Invocation,
    user: User,
    *,
    until: Until,
    reason: Reason,
    profile: Profile = None,
    outbox: Outbox = None,
    sendmail: Sendmail = None,
    mail_file: MailFile = None,
    sender: Sender = SENDER,
    fallback: Fallback = None,
) -> None:
    """Give one user a later date, with a reason; keys that are switched off already work again."""
    now = call.clock.now()
    end = _instant(until, now)
    clients = _opened(profile)[0]
    adopting = _adopting(call, clients, sending(call, outbox, sendmail, mail_file), sender, fallback)
    later = adopting.postpone(user, end, reason, now)
    call.terminal.say(f"{user} ends at {clock.to_text(later.ends_at)}.")
    call.terminal.result({"user": user, **promise_as_json(later)}, [Cell(user), Cell(clock.to_text(later.ends_at))])


@command(
    nouns,
    "undo",
    panel=OPERATORS,
    examples=("keylease adopt undo bob --outbox mails --profile admin",),
    common=everywhere,
)
def undo(
    call: Invocation,
    user: User,
    *,
    profile: Profile = None,
    outbox: Outbox = None,
    sendmail: Sendmail = None,
    mail_file: MailFile = None,
    sender: Sender = SENDER,
    fallback: Fallback = None,
) -> None:
    """Take an adoption back, up to the day on which the keys are deleted: no date, and the keys as they were."""
    clients = _opened(profile)[0]
    _adopting(call, clients, sending(call, outbox, sendmail, mail_file), sender, fallback).undo(
        user, call.clock.now()
    )
    call.terminal.say(f"{user} is as it was before.")
    call.terminal.result({"user": user, "adopted": False}, [Cell(user)])


def _wanted(
    call: Invocation, users: list[str] | None, until: str, fallback: str | None, *, machines: bool, console: bool
) -> Any:
    from keylease.adopt.planning import Wanted

    return Wanted(
        ends_at=_instant(until, call.clock.now()),
        machines=machines,
        console=console,
        only=frozenset(users or ()),
        fallback=fallback,
    )


def _instant(until: str, now: datetime) -> datetime:
    from datetime import timedelta

    from keylease.domain.until import parse
    from keylease.errors import InThePast

    parsed = parse(until)
    end = now + parsed if isinstance(parsed, timedelta) else parsed
    if end <= now:
        raise InThePast(f"{clock.to_text(end)} is over.")
    return end


def _opened(profile: str | None) -> Any:
    from keylease.aws.audit.account import opened

    return opened(profile)


def _reader(call: Invocation, clients: Clients) -> Any:
    from keylease.aws.audit.reader import Reader

    return Reader(clients, call.clock)


def _plan(
    call: Invocation, profile: str | None, wanted: Any, owners: Path | None, *, trail: bool, asks: bool = False
) -> tuple[Clients, Plan]:
    from keylease.adopt.candidates import Traces, candidates
    from keylease.adopt.planning import plan as planned
    from keylease.audit.snapshot import seen
    from keylease.aws.adoption import traces
    from keylease.aws.audit import collect

    written = _owners(owners)
    clients, caller = _opened(profile)
    with call.terminal.working("Looking for access keys and their owners"):
        at = collect(clients, call.clock, parts={"report", "iam"}, key_ids=True)
        _refuse_unseen(at)
        known, missing = Traces(owners=written), tuple[str, ...]()
        if trail:
            known, missing = traces(_reader(call, clients), seen(at.report), seen(at.keys), written)
    for why in missing:
        call.terminal.say(f"CloudTrail says nothing: {why}")
    found = list(candidates(at, known, caller=caller.arn))
    if asks and call.terminal.asks and not wanted.fallback:
        found = [_with_owner(call, one, wanted) for one in found]
    return clients, planned(found, wanted)


def _with_owner(call: Invocation, one: Candidate, wanted: Any) -> Candidate:
    """Somebody who knows is asked for the owner, where nothing else keeps the user from being adopted."""
    from dataclasses import replace

    from keylease.adopt.planning import plan as planned

    is_meant = not wanted.only or one.name in wanted.only
    if one.owner or not is_meant or not planned([replace(one, owner="x")], wanted).promises:
        return one
    used = f"last used {one.last_used:%Y-%m-%d}" if one.last_used else "never used"
    said = call.terminal.ask(f"Who owns {one.name} ({used})? A mail address, or - to leave it alone:")
    return one if said == "-" else replace(one, owner=said, said_by="you")


def _refuse_unseen(at: Any) -> None:
    """Nobody is adopted on half a picture."""
    from keylease.audit.snapshot import Unseen
    from keylease.errors import AwsDenied

    for fact in (at.report, at.iam, at.keys):
        if isinstance(fact, Unseen):
            raise AwsDenied(fact.why, hint=fact.hint)


def _owners(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row[0].strip(): row[1].strip() for row in csv.reader(file) if len(row) > 1 and row[1].strip()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongUsage(f"{path} cannot be read: {error}.") from None


def _adopting(call: Invocation, clients: Clients, send: Any, sender: str, fallback: str | None) -> Adopting:
    from keylease.adopt.adoption import Rules
    from keylease.adopt.mail import Mail
    from keylease.adopt.passing import Adopting
    from keylease.aws.adoption import AwsUsers

    mail = Mail(
        send,
        account=clients.account.id,
        link=link(call),
        sender=sender,
        fallback=fallback or sender,
        now=call.clock.now(),
    )
    return Adopting(AwsUsers(_reader(call, clients)), mail, rules=Rules())


def _agrees(call: Invocation, count: int) -> bool:
    if not call.terminal.asks:
        return False
    whom = "this user" if count == 1 else f"these {count} users"
    return call.terminal.choose(f"Give {whom} an end, and tell the owners?", ("yes", "no")) == "yes"
