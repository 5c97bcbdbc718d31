"""The policies of the broker's two identities, for an administrator to put into AWS."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import configuration_file, configured
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from keylease.settings import Settings

commands = typer.Typer()

FORMATS = ("json", "cloudformation", "terraform")
HORIZON = "26w"

OnlyIssuer = Annotated[bool, typer.Option("--issuer", help="Only that of the identity that makes.")]
OnlyRemover = Annotated[bool, typer.Option("--remover", help="Only that of the identity that takes away.")]
Horizon = Annotated[
    str, typer.Option("--horizon", metavar="UNTIL", help="From when on the issuer may do nothing: 26w, an instant.")
]
AccountId = Annotated[
    str, typer.Option("--account", metavar="ID", help="For this account's resources only; an id or a name.")
]
Partition = Annotated[
    str | None,
    typer.Option("--partition", help="aws, aws-cn, aws-us-gov or aws-eusc; else the configuration's, else aws."),
]
FencesAhead = Annotated[
    bool, typer.Option("--fences-ahead", help="The issuer makes no fences; also where the configuration says so.")
]
GivenPolicy = Annotated[
    Path, typer.Argument(metavar="FILE", help="A policy document: what the permission set gives.")
]
Share = Annotated[bool, typer.Option("--share", help="The set may open the account's data to others.")]
Format = Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")]


@command(
    commands,
    "broker-policy",
    panel=OPERATORS,
    examples=(
        "keylease broker-policy --issuer --horizon 26w",
        "keylease broker-policy --remover --format terraform",
        "keylease broker-policy --account 123456789012 --format cloudformation > keylease.yaml",
    ),
    common=operator,
)
def broker_policy(
    call: Invocation,
    *,
    issuer: OnlyIssuer = False,
    remover: OnlyRemover = False,
    horizon: Horizon = HORIZON,
    account: AccountId = "*",
    partition: Partition = None,
    fences_ahead: FencesAhead = False,
    format_: Format = "json",
) -> None:
    """Print what the broker's two identities may do in AWS: all of it, and nothing more.

    Reads the configuration where there is one: the account's name and partition, fences_ahead, [launch].
    """
    from keylease.domain import ahead, until
    from keylease.domain import broker_policy as policies

    settings = configured(call) if configuration_file(call).exists() else None
    at = {"partition": partition or _partition(settings, account), "account": _id(settings, account)}
    end = ahead.horizon(until.parse(horizon), call.clock.now())
    without_fences = fences_ahead or (settings is not None and settings.fences_ahead)
    documents: dict[str, dict[str, Any]] = {}
    if issuer or not remover:
        documents["issuer"] = policies.issuer_policy(horizon=end, fences_ahead=without_fences, **at)
    if remover or not issuer:
        documents["remover"] = policies.remover_policy(
            partition=at["partition"], account=at["account"], **_launching(settings)
        )
    _write(call, documents, "json" if call.options.as_json else format_)


@command(
    commands,
    "group-policy",
    panel=OPERATORS,
    examples=("keylease group-policy media-archive.json --horizon 26w > group.json",),
    common=operator,
)
def group_policy(
    call: Invocation,
    policy: GivenPolicy,
    *,
    horizon: Horizon = HORIZON,
    share: Share = False,
) -> None:
    """Print a permission set's policy so that it defends itself.

    It then holds for leased users only, up to the horizon, and denies what could outlive an access key.
    """
    from keylease.domain.group_policy import group_policy as defended

    call.terminal.json(_defended(call, policy, defended, horizon, share=share))


@command(
    commands,
    "role-policy",
    panel=OPERATORS,
    examples=("keylease role-policy media-archive.json --horizon 26w > ceiling.json",),
    common=operator,
)
def role_policy(
    call: Invocation,
    policy: GivenPolicy,
    *,
    horizon: Horizon = HORIZON,
    share: Share = False,
) -> None:
    """Print the ceiling of a session role that gives what a permission set gives.

    Make it a managed policy under /keylease/ceiling/, the role's permissions boundary and its only policy.
    """
    from keylease.domain.role_policy import session_role_policy

    call.terminal.json(_defended(call, policy, session_role_policy, horizon, share=share))


@command(
    commands,
    "role-trust",
    panel=OPERATORS,
    examples=("keylease role-trust --account media > trust.json",),
    common=operator,
)
def role_trust(
    call: Invocation,
    *,
    account: Annotated[str, typer.Option("--account", metavar="NAME", help="An account of the configuration.")],
) -> None:
    """Print the trust policy of an account's session roles: the issuer alone, naming whom it is for."""
    from keylease.domain.role_policy import trust_policy

    known = configured(call).accounts
    if account not in known or known[account].issuer.role_arn is None:
        raise WrongUsage(f"{account} is no account of the configuration whose issuer is a role.")
    at = known[account]
    call.terminal.json(trust_policy(at.issuer.role_arn or "", external_id=at.session_external_id))


def _defended(
    call: Invocation, policy: Path, defend: Callable[..., dict[str, Any]], horizon: str, *, share: bool
) -> dict[str, Any]:
    """The document in a file, with the denials, conditions and dates that `defend` adds."""
    import json

    from keylease.domain import ahead, until
    from keylease.domain.statement import statements

    end = ahead.horizon(until.parse(horizon), call.clock.now())
    try:
        given = statements(json.loads(policy.read_text(encoding="utf-8")))
        return defend(given, horizon=end, share=share)
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise WrongUsage(f"{policy} is no policy document that can be used: {wrong}.") from None


def _launching(settings: Settings | None) -> dict[str, bool]:
    """Whether instances that leases have started are listed and stopped."""
    if settings is None:
        return {}
    return {"watches": bool(settings.launch.regions), "stops": settings.launch.stop_after is not None}


def _write(call: Invocation, documents: dict[str, dict[str, Any]], format_: str) -> None:
    """In JSON the two are called what they are; elsewhere the names are those of the policies in AWS."""
    from keylease.domain import policy_text

    named = {f"keylease-{name}": document for name, document in documents.items()}
    writers: dict[str, Callable[[], str]] = {
        "json": lambda: policy_text.as_json(documents),
        "cloudformation": lambda: policy_text.as_cloudformation(named),
        "terraform": lambda: policy_text.as_terraform(named),
    }
    if format_ not in writers:
        raise WrongUsage(f"--format is one of {', '.join(FORMATS)}.")
    call.terminal.write(writers[format_]().rstrip("\n"))


def _id(settings: Settings | None, account: str) -> str:
    if account == "*" or re.fullmatch(r"\d{12}", account):
        return account
    if settings is None or account not in settings.accounts:
        raise WrongUsage(
            f"{account} is neither an account id of twelve digits nor an account of the configuration."
        )
    return settings.accounts[account].id


def _partition(settings: Settings | None, account: str) -> str:
    """That of the account, or of all accounts where they agree."""
    known = settings.accounts.items() if settings else ()
    found = {one.partition for name, one in known if account in ("*", name, one.id)}
    return found.pop() if len(found) == 1 else "aws"
