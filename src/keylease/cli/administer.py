"""What administrators' commands have in common: the configuration, and credentials that are not the broker's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keylease.cli.context import DEFAULT_CONFIG, Invocation, WrongUsage

if TYPE_CHECKING:
    from keylease.aws.account import Account
    from keylease.settings import Settings

Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="An administrator's AWS profile; else what AWS's SDK finds."),
]
AccountName = Annotated[
    str | None,
    typer.Option("--account", metavar="NAME", help="One account; else all that the credentials are of."),
]


def configured(call: Invocation) -> Settings:
    """The configuration. Raises `BadConfiguration`."""
    from keylease import settings

    return settings.read(configuration_file(call))


def configuration_file(call: Invocation) -> Path:
    """Where the configuration is, whether or not it is there."""
    return Path(call.options.config or DEFAULT_CONFIG)


def chosen(settings: Settings, account: str | None) -> dict[str, Account]:
    """The accounts that are meant, by their names in the configuration."""
    from keylease import app

    accounts = app.accounts(settings)
    if account is None:
        return accounts
    if account not in accounts:
        raise WrongUsage(f"There is no [accounts.{account}]; there are {', '.join(accounts) or 'none'}.")
    return {account: accounts[account]}
