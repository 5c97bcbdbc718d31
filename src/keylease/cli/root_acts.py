"""What is done about the root user: the alarm, its own keys, and root of member accounts.

Each asks first. Its own keys are touched with the root user's own credentials alone.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli.administer import Profile
from keylease.cli.cell import Cell
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, operator
from keylease.cli.root import MOST_LOOKED, Days, Regions, commands, nouns, reading
from keylease.domain import clock
from keylease.errors import KeyleaseError, MembersKeepRoot, NotRoot, RootInUse

__all__ = ["commands"]  # those of root with these added

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keylease.aws.clients import Clients

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The root user's access key.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking; needed where nobody can be asked.")]


@command(
    nouns,
    "alarm",
    panel=OPERATORS,
    examples=("keylease root alarm --mail security@example.com --region us-east-1 --region eu-central-1",),
    common=operator,
)
def alarm(
    call: Invocation,
    *,
    mail: Annotated[str, typer.Option("--mail", metavar="MAIL", help="Who is to hear of it.")],
    profile: Profile = None,
    region: Regions = None,
    yes: Yes = False,
) -> None:
    """Have AWS mail somebody whenever root is used: a topic and a rule in each region, with administrator's rights.

    Sign-ins and IAM are told in us-east-1, other calls where they are made. A trail must be logging.
    """
    from keylease.aws.root import set_alarm

    clients, _ = reading(call, profile)
    where = tuple(region or dict.fromkeys(("us-east-1", clients.account.region)))
    _ask_first(call, f"Make a topic and a rule in {', '.join(where)}?", yes=yes)
    made = {one: set_alarm(clients, one, mail) for one in where}
    call.terminal.say(f"{mail} has to confirm the mail that AWS sends, once for each region.")
    if call.options.as_json:
        call.terminal.json([{"region": one, "topic": topic} for one, topic in made.items()])
    else:
        call.terminal.table((), [[Cell(one), Cell(topic)] for one, topic in made.items()])


def _own(profile: str | None) -> Clients:
    """Clients with the root user's own credentials. Raises `NotRoot` for anybody else's."""
    from keylease.aws.audit.account import opened

    clients, caller = opened(profile)
    if not caller.arn.endswith(":root"):
        raise NotRoot(f"These are the credentials of {caller.arn}.")
    return clients


@command(
    nouns,
    "deactivate",
    panel=OPERATORS,
    examples=("keylease root deactivate AKIA… --profile root",),
    common=operator,
)
def deactivate(
    call: Invocation, key_id: KeyId, *, profile: Profile = None, days: Days = MOST_LOOKED, yes: Yes = False
) -> None:
    """Switch a key of root off, with root's own credentials; says who used it lately. `activate` brings it back."""
    from keylease.aws.root import own_keys, switch_own

    clients = _own(profile)
    _known_key(own_keys(clients), key_id)
    _say_who(call, clients, key_id, days)
    _ask_first(call, f"Switch {key_id} off?", yes=yes)
    switch_own(clients, key_id, active=False)
    call.terminal.say(f"{key_id} is off. `keylease root activate {key_id}` brings it back.")
    call.terminal.result({"key_id": key_id, "active": False}, [Cell(key_id), Cell("inactive")])


@command(
    nouns,
    "activate",
    panel=OPERATORS,
    examples=("keylease root activate AKIA… --profile root-other",),
    common=operator,
)
def activate(call: Invocation, key_id: KeyId, *, profile: Profile = None, yes: Yes = False) -> None:
    """Switch a key of root on again, with root's other key or `aws login` as root: something was forgotten."""
    from keylease.aws.root import own_keys, switch_own

    clients = _own(profile)
    _known_key(own_keys(clients), key_id)
    _ask_first(call, f"Switch {key_id} on again?", yes=yes)
    switch_own(clients, key_id, active=True)
    call.terminal.result({"key_id": key_id, "active": True}, [Cell(key_id), Cell("active")])


@command(nouns, "delete", panel=OPERATORS, examples=("keylease root delete AKIA… --profile root",), common=operator)
def delete(call: Invocation, key_id: KeyId, *, profile: Profile = None, yes: Yes = False) -> None:
    """Delete a key of root that is switched off, with root's own credentials. Nothing brings it back."""
    from keylease.aws.root import delete_own, own_keys

    clients = _own(profile)
    if _known_key(own_keys(clients), key_id):
        raise RootInUse(f"{key_id} is active.", hint="Switch it off and wait first: `keylease root deactivate`.")
    _ask_first(call, f"Delete {key_id} for ever?", yes=yes)
    delete_own(clients, key_id)
    call.terminal.result({"key_id": key_id, "deleted": True}, [Cell(key_id), Cell("deleted")])


@command(
    nouns,
    "members",
    panel=OPERATORS,
    examples=("keylease root members --profile management", "keylease root members --remove --yes"),
    common=operator,
)
def members(
    call: Invocation,
    *,
    profile: Profile = None,
    remove: Annotated[bool, typer.Option("--remove", help="Delete what is found.")] = False,
    yes: Yes = False,
) -> None:
    """Show the root credentials that member accounts have, and with --remove delete them.

    From the management account. Switches the central management of root credentials on where it is off.
    """
    from keylease.aws.audit.organization import members as of_organization
    from keylease.aws.root import manage_members, member_root, remove_member_root

    clients, reader = reading(call, profile)
    there = [one for one in of_organization(clients, call.clock, profile=profile) if one.id != clients.account.id]
    features = reader.one("iam", "list_organizations_features").get("EnabledFeatures", [])
    if set(features) < {"RootCredentialsManagement", "RootSessions"}:
        _ask_first(call, "Switch on the central management of root credentials?", yes=yes)
        manage_members(clients)
    failed, found = {}, {}
    with call.terminal.working(f"Looking into {len(there)} accounts"):
        for one in there:
            try:
                found[one.id] = list(member_root(clients, one.id))
            except KeyleaseError as failure:
                failed[one.id] = failure.sentence
    if remove and any(found.values()):
        count = sum(map(len, found.values()))
        _ask_first(call, f"Delete {count} root credentials of {len(found)} accounts?", yes=yes)
        for account, credentials in found.items():
            remove_member_root(clients, account, credentials)
    _tell_members(call, found, failed, removed=remove)


def _tell_members(
    call: Invocation, found: Mapping[str, list[tuple[str, str]]], failed: Mapping[str, str], *, removed: bool
) -> None:
    if call.options.as_json:
        call.terminal.json(
            {
                "accounts": [
                    {"account": account, "credentials": [list(one) for one in of], "removed": removed}
                    for account, of in found.items()
                ],
                "failed": [{"account": account, "why": why} for account, why in failed.items()],
            }
        )
    else:
        rows = [[Cell(account), Cell(kind), Cell(id_)] for account, of in found.items() for kind, id_ in of]
        call.terminal.table(("ACCOUNT", "WHAT", "ID"), rows)
    for account, why in failed.items():
        call.terminal.say(f"{account} was not looked into. {why}")
    left = 0 if removed else sum(map(len, found.values()))
    call.terminal.say(f"{left} root credentials are left in {len(found)} accounts that were looked into.")
    if failed:
        raise MembersKeepRoot(f"{len(failed)} accounts could not be looked into.")


@command(
    nouns,
    "session",
    panel=OPERATORS,
    examples=(
        "keylease root session 111122223333 --task unlock-bucket -- aws s3api delete-bucket-policy --bucket media",
    ),
    common=operator,
)
def session(
    call: Invocation,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The member account.")],
    words: Annotated[list[str], typer.Argument(metavar="COMMAND", help="What to run with the session.")],
    *,
    task: Annotated[
        str,
        typer.Option(
            "--task",
            metavar="TASK",
            help="audit, delete-credentials, create-password, unlock-bucket, unlock-queue.",
        ),
    ],
    profile: Profile = None,
) -> None:
    """Run a command as root of a member account, for one of AWS's five tasks, with a session of fifteen minutes.

    The credentials are the command's environment and nowhere else.
    """
    from keylease.aws.root import short_session
    from keylease.root.tasks import SESSIONS

    if task not in SESSIONS:
        raise WrongUsage(f"--task takes {', '.join(SESSIONS)}.")
    clients, _ = reading(call, profile)
    given = short_session(clients, account, SESSIONS[task])
    kept = {name: value for name, value in os.environ.items() if name not in {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}}
    try:
        ended = subprocess.run(words, env=kept | given, check=False)
    except OSError as error:
        raise WrongUsage(f"{words[0]} cannot be run: {error}.") from None
    raise typer.Exit(ended.returncode)


def _known_key(keys: list[tuple[str, bool]], key_id: str) -> bool:
    """Whether the key is active. Raises `WrongUsage` for one that is not root's."""
    for id_, active in keys:
        if id_ == key_id:
            return active
    raise WrongUsage(f"The root user has no key {key_id}; it has {', '.join(id_ for id_, _ in keys) or 'none'}.")


def _say_who(call: Invocation, clients: Clients, key_id: str, days: int) -> None:
    """Who used the key lately, as far as the event history of its home region and us-east-1 says it."""
    from keylease.audit.snapshot import Unseen
    from keylease.aws import root as of_aws
    from keylease.aws.audit.reader import Reader

    found = of_aws.uses(Reader(clients, call.clock), dict.fromkeys(("us-east-1", clients.account.region)))
    if isinstance(found, Unseen):
        call.terminal.say(f"Who uses it could not be seen: {found.why}")
        return
    now = call.clock.now()
    for one in found:
        if key_id in one.key_ids and not one.is_silent(now, days):
            call.terminal.say(f"Used on {clock.to_text(one.last)}: {one.service} from {one.address} by {one.agent}")


def _ask_first(call: Invocation, question: str, *, yes: bool) -> None:
    if yes:
        return
    if not call.terminal.asks:
        raise WrongUsage("Nobody can be asked here: --yes carries this out.")
    if call.terminal.choose(question, ("yes", "no")) != "yes":
        call.terminal.say("Nothing was changed.")
        raise typer.Exit(0)
