"""Asking for a lease, and asking again."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli import describe
from keylease.cli.context import EVERYBODY, Invocation, WrongUsage, command
from keylease.cli.decision import wait_for_decision
from keylease.cli.find import LeaseArgument, lease_id
from keylease.errors import NotGranted

if TYPE_CHECKING:
    from keylease.client import LeaseView, SetView

commands = typer.Typer()

UNDECIDED = 3
"""The exit status of a wait that ran out."""
UNTIL_HELP = "How long from the approval on (2w, 10d, 36h), or an instant with its zone (2026-12-08T17:00+01:00)."

Wait = Annotated[bool, typer.Option("--wait", help="Wait until somebody has decided.")]
WaitAtMost = Annotated[
    str, typer.Option("--wait-at-most", metavar="DURATION", help="Give up waiting then, with exit status 3.")
]


@command(
    commands,
    "request",
    panel=EVERYBODY,
    examples=(
        'keylease request media-archive --until 2w --reason "Winter masters"',
        'keylease request logs --account prod --until 36h --reason "Incident 311" --wait',
    ),
)
def request(
    call: Invocation,
    permission_set: Annotated[str, typer.Argument(metavar="PERMISSION_SET", help="See `keylease sets`.")],
    *,
    until: Annotated[str, typer.Option("--until", metavar="UNTIL", help=UNTIL_HELP)],
    reason: Annotated[str, typer.Option("--reason", help="What for, in one sentence.")],
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Where there are several.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="access-key or session, where the permission set gives both.")
    ] = None,
    wait: Wait = False,
    wait_at_most: WaitAtMost = "1h",
) -> None:
    """Ask for a lease."""
    account = account or _only_account(call.client.sets(), permission_set)
    lease = call.client.request(
        permission_set=permission_set, account=account, until=until, reason=reason, kind=kind
    )
    _asked(call, lease, wait_at_most if wait else None)


@command(
    commands,
    "renew",
    panel=EVERYBODY,
    examples=("keylease renew L-4k7m9q2x", "keylease renew L-4k7m9q2x --until 1w"),
)
def renew(
    call: Invocation,
    lease: LeaseArgument,
    *,
    until: Annotated[str | None, typer.Option("--until", metavar="UNTIL", help="Not as long as last time.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Not the same reason as last time.")] = None,
    wait: Wait = False,
    wait_at_most: WaitAtMost = "1h",
) -> None:
    """Ask again for what a lease gave. The old access key goes on for some days once the new one is collected."""
    renewal = call.client.renew(lease_id(call, lease), until=until, reason=reason)
    _asked(call, renewal, wait_at_most if wait else None)


def _asked(call: Invocation, lease: LeaseView, wait_at_most: str | None) -> None:
    """Tell what became of a request, and wait for its decision if that is wanted."""
    if lease["status"] == "requested":
        call.terminal.say(f"Asked for {lease['title']}, {describe.asked(lease, call.clock.now())}: {lease['id']}.")
        if lease["approvers"]:
            call.terminal.say(f"To be decided by {' or '.join(lease['approvers'])}.")
        else:
            call.terminal.say("Nobody can decide on it as things are configured: talk to an administrator.")
        call.terminal.say(f"{call.client.server}/leases/{lease['id']}")
    if wait_at_most is not None and lease["status"] == "requested":
        lease = wait_for_decision(call, lease, wait_at_most)
    if lease["status"] == "approved":
        by = lease["approver"]["name"] if lease["approver"] else "keylease"
        end = describe.end_in_words(lease, call.clock.now())
        then = "keylease configure" if lease["kind"] == "session" else f"keylease collect {lease['id']}"
        call.terminal.say(f"Approved by {by} until {end}. Next: {then}")
    call.terminal.result(lease, describe.lease_row(lease, call.clock.now()))
    if wait_at_most is not None and lease["status"] == "requested":
        raise typer.Exit(UNDECIDED)


def _only_account(offered: list[SetView], permission_set: str) -> str:
    """The account that is meant where none was named. Raises `NotGranted`."""
    accounts = [one["account"] for one in offered if one["permission_set"] == permission_set]
    if len(accounts) > 1:
        raise WrongUsage(f"{permission_set} is in {', '.join(accounts)}: name one with --account.")
    if accounts:
        return accounts[0]
    near = get_close_matches(permission_set, sorted({one["permission_set"] for one in offered}))
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    raise NotGranted(f"No grant lets you lease {permission_set}.{meant}")
