"""Access keys that already exist get an owner and an end, by an administrator's run."""

from __future__ import annotations

import csv
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import Profile
from keylease.cli.cell import Cell
from keylease.cli.connecting import DEFAULT_SERVER
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, everywhere
from keylease.domain import clock

if TYPE_CHECKING:
    from datetime import datetime
    from email.message import EmailMessage

    from keylease.adopt.adoption import Promise
    from keylease.adopt.candidates import Candidate
    from keylease.adopt.passing import Adopting, PassDone
    from keylease.adopt.planning import Plan, Row
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
    _present(call, found, clients.account.id, applied=False)


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
    sender: Sender = SENDER,
    yes: Yes = False,
) -> None:
    """Show the plan, ask, and carry out just that: write the promises, tell the owners, put the dates in AWS."""
    wanted = _wanted(call, users, until, fallback, machines=machines, console=console)
    send = _sending(outbox, sendmail)
    clients, found = _plan(call, profile, wanted, owners, trail=not no_trail, asks=not yes)
    if not call.options.as_json:
        _present(call, found, clients.account.id, applied=False)
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
        _present(call, found, clients.account.id, applied=True, done=done)
    _conclude(call, done)


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
    sender: Sender = SENDER,
    fallback: Fallback = None,
) -> None:
    """Do what is due: reminders, dates, keys off at their date, deleted after two weeks. Run it once a day.

    The end itself needs no run: AWS refuses the keys at their date.
    """
    clients = _opened(profile)[0]
    adopting = _adopting(call, clients, _sending(outbox, sendmail), sender, fallback)
    with call.terminal.working("Looking at the adopted users"):
        done = adopting.run(call.clock.now())
    if call.options.as_json:
        call.terminal.json(_done_as_json(done))
    _conclude(call, done)


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
        call.terminal.json([{"user": one.name, **_promise_as_json(promise)} for one, promise in rows])
        return
    now = call.clock.now()
    cells = [_adopted_row(one.name, promise, now) for one, promise in rows]
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
    sender: Sender = SENDER,
    fallback: Fallback = None,
) -> None:
    """Give one user a later date, with a reason; keys that are switched off already work again."""
    now = call.clock.now()
    end = _instant(until, now)
    clients = _opened(profile)[0]
    adopting = _adopting(call, clients, _sending(outbox, sendmail), sender, fallback)
    later = adopting.postpone(user, end, reason, now)
    call.terminal.say(f"{user} ends at {clock.to_text(later.ends_at)}.")
    call.terminal.result(
        {"user": user, **_promise_as_json(later)}, [Cell(user), Cell(clock.to_text(later.ends_at))]
    )


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
    sender: Sender = SENDER,
    fallback: Fallback = None,
) -> None:
    """Take an adoption back, up to the day on which the keys are deleted: no date, and the keys as they were."""
    clients = _opened(profile)[0]
    _adopting(call, clients, _sending(outbox, sendmail), sender, fallback).undo(user, call.clock.now())
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


def _sending(outbox: Path | None, sendmail: str | None) -> Any:
    """How a mail leaves: as a file, or by a program. One of them must be named, since an end is never untold."""
    if (outbox is None) == (sendmail is None):
        raise WrongUsage("Say how owners are told: --outbox FOLDER or --sendmail PROGRAM.")
    return _to_folder(outbox) if outbox is not None else _to_program(sendmail or "")


def _to_folder(folder: Path) -> Any:
    import secrets

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def send(message: EmailMessage) -> None:
        path = folder / f"{secrets.token_hex(8)}.eml"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(bytes(message))
            file.flush()
            os.fsync(file.fileno())

    return send


def _to_program(program: str) -> Any:
    from keylease.errors import NoticeNotSent

    def send(message: EmailMessage) -> None:
        try:
            subprocess.run([program, "-t"], input=bytes(message), check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            raise NoticeNotSent(f"{program} did not take the mail ({type(error).__name__}).") from None

    return send


def _adopting(call: Invocation, clients: Clients, send: Any, sender: str, fallback: str | None) -> Adopting:
    from keylease.adopt.adoption import Rules
    from keylease.adopt.mail import Mail
    from keylease.adopt.passing import Adopting
    from keylease.aws.adoption import AwsUsers

    link = f"{(call.options.server or DEFAULT_SERVER).rstrip('/')}/leases/new"
    mail = Mail(
        send,
        account=clients.account.id,
        link=link,
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


def _present(call: Invocation, found: Plan, account: str, *, applied: bool, done: PassDone | None = None) -> None:
    if call.options.as_json:
        rows = [_row_as_json(row) for row in found.rows]
        more = {"done": _done_as_json(done)} if done else {}
        call.terminal.json({"account": account, "digest": found.digest, "applied": applied, "users": rows, **more})
        return
    call.terminal.table(("USER", "KEYS", "LAST USED", "OWNER", "USED BY", "END"), [_row(row) for row in found.rows])
    for row in found.rows:
        for word in (row.why_not, *row.mind):
            if word:
                call.terminal.say(f"{row.candidate.name}: {word}")
    call.terminal.say(f"{len(found.promises)} of {len(found.rows)} users get an end. Digest {found.digest}.")


def _row(row: Row) -> list[Cell]:
    one, promise = row.candidate, row.promise
    used = one.last_used.date().isoformat() if one.last_used else "never"
    end = clock.to_text(promise.ends_at) if promise else ""
    return [
        Cell(one.name, style="bold"),
        Cell(" ".join(one.keys)),
        Cell(used),
        Cell((promise.owner if promise else one.owner) or "unknown", style="" if one.owner else "yellow"),
        Cell(str(one.kind)),
        Cell(end or "none", end, "" if end else "yellow"),
    ]


def _row_as_json(row: Row) -> dict[str, Any]:
    one = row.candidate
    return {
        "user": one.name,
        "keys": list(one.keys),
        "last_used": clock.to_text(one.last_used) if one.last_used else None,
        "owner": one.owner,
        "owner_from": one.said_by,
        "used_by": str(one.kind),
        "used_by_from": one.why,
        "ends_at": clock.to_text(row.promise.ends_at) if row.promise else None,
        "why_not": row.why_not,
        "mind": list(row.mind),
    }


def _promise_as_json(promise: Promise) -> dict[str, Any]:
    instants = {"ends_at": promise.ends_at, "told_at": promise.told_at, "off_at": promise.off_at}
    written = {name: clock.to_text(at) if at else None for name, at in instants.items()}
    return {
        "owner": promise.owner,
        **written,
        "deleted_at": clock.to_text(promise.done_at) if promise.done_at else None,
        "keys": list(promise.keys),
        "reminders": list(promise.warned),
        "postponed": promise.postponed,
    }


def _adopted_row(name: str, promise: Promise, now: datetime) -> list[Cell]:
    state = (
        "deleted"
        if promise.done_at
        else "off"
        if promise.off_at
        else "ended"
        if promise.ends_at <= now
        else "told"
        if promise.told_at
        else "to be told"
    )
    return [Cell(name, style="bold"), Cell(promise.owner), Cell(clock.to_text(promise.ends_at)), Cell(state)]


def _done_as_json(done: PassDone) -> dict[str, Any]:
    failures = [
        {"user": name, "code": one.code, "sentence": one.sentence, "hint": one.hint}
        for name, one in done.failures.items()
    ]
    return {"users": done.users, "done": dict(done.done), "failures": failures}


def _conclude(call: Invocation, done: PassDone) -> None:
    words = ", ".join(f"{count} {step.lower()}" for step, count in sorted(done.done.items())) or "nothing was due"
    call.terminal.say(f"{done.users} adopted users: {words}.")
    for name, failure in done.failures.items():
        call.terminal.say(f"{name}: {failure.sentence} {failure.hint}")
    if done.failures:
        raise next(iter(done.failures.values()))
