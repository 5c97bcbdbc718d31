"""Many accounts: those of an organization, written as the file that the configuration names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli.administer import Profile, configured
from keylease.cli.context import OPERATORS, Invocation, command, operator

if TYPE_CHECKING:
    from keylease.aws.discovery import Member

commands = typer.Typer()
nouns = typer.Typer(rich_markup_mode="rich")
commands.add_typer(nouns, name="accounts", rich_help_panel=OPERATORS)

TABLE = """\
[accounts.{name}]
id = "{id}"
region = "{region}"
issuer = {{ role_arn = "arn:{partition}:iam::{id}:role/{issuer}", external_id = "{external_id}" }}
remover = {{ role_arn = "arn:{partition}:iam::{id}:role/{remover}", external_id = "{external_id}" }}
"""


@nouns.callback()
def accounts() -> None:
    """The AWS accounts that keylease serves."""


@command(
    nouns,
    "discover",
    panel=OPERATORS,
    examples=(
        "keylease accounts discover --external-id TEXT --profile management > accounts.toml",
        "keylease accounts discover --external-id TEXT --without 111122223333 --json",
    ),
    common=operator,
)
def discover(
    call: Invocation,
    *,
    external_id: Annotated[str, typer.Option("--external-id", metavar="TEXT", help="What the roles want to hear.")],
    issuer_role: Annotated[
        str, typer.Option("--issuer-role", metavar="NAME", help="The issuer's role, with its path.")
    ] = "keylease-issuer",
    remover_role: Annotated[
        str, typer.Option("--remover-role", metavar="NAME", help="The remover's role, with its path.")
    ] = "keylease-remover",
    region: Annotated[str, typer.Option("--region", metavar="NAME", help="Where calls go to.")] = "us-east-1",
    partition: Annotated[str, typer.Option("--partition", metavar="NAME", help="aws, aws-cn, aws-us-gov.")] = "aws",
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="ID", help="An account to leave out; may be repeated.")
    ] = None,
    profile: Profile = None,
) -> None:
    """Write the accounts of the organization as the file that `accounts_file` names; accounts keep their names.

    Nothing is changed by that: read it, put it into place, and restart the servers.
    """
    from keylease.aws.account import Account, Identity
    from keylease.aws.clients import Clients
    from keylease.aws.discovery import members

    settings = configured(call)
    endpoint = next((one.endpoint_url for one in settings.accounts.values()), None)
    asked = Account(id="000000000000", partition=partition, region=region, endpoint_url=endpoint)
    with call.terminal.working("Asking AWS Organizations"):
        found = members(Clients(asked, Identity(profile=profile)))
    wanted = [one for one in found if one.id not in (without or ())]
    named = names(wanted, {one.id: name for name, one in settings.accounts.items()})
    if call.options.as_json:
        call.terminal.json([{"name": name, "id": id_} for id_, name in named.items()])
        return
    given = {"region": region, "partition": partition, "issuer": issuer_role, "remover": remover_role}
    for id_, name in named.items():
        call.terminal.write(TABLE.format(name=name, id=id_, external_id=external_id, **given))
    call.terminal.say(
        f'{len(named)} accounts. Name the file as accounts_file, and say accounts = ["*"] in a grant for all.'
    )


def names(members: Iterable[Member], known: Mapping[str, str]) -> dict[str, str]:
    """A name for each account by its number: the one that it has, else one made of its owner's name for it."""
    taken, named = set(known.values()), dict[str, str]()
    for one in members:
        name = known.get(one.id)
        if name is None:
            made = re.sub(r"[^a-z0-9._-]+", "-", one.name.lower()).strip("-._")[:48] or "account"
            name = made if made not in taken else f"{made}-{one.id}"
        taken.add(name)
        named[one.id] = name
    return named
