"""Guardrails looked at from other sides: why something is allowed or denied, and the same for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keylease.cli.administer import AccountName, Profile, chosen, configuration_file, configured
from keylease.cli.baseline import HORIZON, Horizon, baseline_of, nouns
from keylease.cli.context import OPERATORS, Invocation, WrongUsage, command, operator

if TYPE_CHECKING:
    from datetime import datetime

    from keylease.aws.explaining import Explained

commands = typer.Typer()

Many = list[str] | None
FORMATS = ("cloudformation", "terraform")


@command(
    nouns,
    "explain",
    panel=OPERATORS,
    examples=(
        "keylease baseline explain s3:GetObject arn:aws:s3:::media-archive/one.mov --as user/anna",
        "keylease baseline explain ec2:RunInstances --as role/archive --region us-east-1 --at 2027-06-01T00:00Z",
        "keylease baseline explain iam:CreateUser --as user/anna --mfa --profile admin",
    ),
    common=operator,
)
def explain(  # noqa: PLR0913 - a request has as many parts
    call: Invocation,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="As policies write it: s3:GetObject.")],
    resource: Annotated[str, typer.Argument(metavar="[RESOURCE]", help="An ARN; else *, anything.")] = "*",
    *,
    as_: Annotated[str, typer.Option("--as", metavar="WHO", help="user/NAME, role/NAME, or an ARN of one.")],
    at: Annotated[str | None, typer.Option("--at", metavar="INSTANT", help="When; else now.")] = None,
    region: Annotated[str | None, typer.Option("--region", help="Where; else the account's region.")] = None,
    mfa: Annotated[
        bool | None, typer.Option("--mfa/--no-mfa", help="With MFA, or without; else nothing is said of it.")
    ] = None,
    profile: Profile = None,
    account: AccountName = None,
) -> None:
    """Say whether AWS would allow one request, and by which statement; ends with 1 for no.

    Asks AWS's own simulator.
    A bucket's or key's own policy is not asked.
    """
    from keylease.aws import explaining

    of = baseline_of(call, profile=profile, account=account, adopt=None, horizon=HORIZON)
    now = call.clock.now()
    request = explaining.Request(
        principal_arn=_principal(of.clients, as_),
        action=action,
        resource=resource,
        at=_instant(at, now),
        region=region or of.account.region,
        mfa=mfa,
    )
    with call.terminal.working("Asking AWS"):
        explained = explaining.explain(of.clients, request)
    if call.options.as_json:
        call.terminal.json(_explained_as_json(explained))
    else:
        _explained(call, explained)
    if not explained.allowed:
        raise typer.Exit(1)


@command(
    nouns,
    "export",
    panel=OPERATORS,
    examples=(
        "keylease baseline export --format cloudformation > guardrails.json",
        "keylease baseline export --format terraform > guardrails.tf.json",
    ),
    common=operator,
)
def export(
    call: Invocation,
    *,
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "cloudformation",
    account: AccountName = None,
    horizon: Horizon = HORIZON,
) -> None:
    """Write the same guardrails for CloudFormation or Terraform. AWS is not asked; horizons begin anew."""
    from keylease.baseline.cloudformation import cloudformation
    from keylease.baseline.desired import resources
    from keylease.baseline.terraform import terraform
    from keylease.baseline.wanted import Wanted
    from keylease.domain import ahead, until

    settings = configured(call)
    accounts = chosen(settings, account)
    if len(accounts) != 1:
        raise WrongUsage(f"Name one of {', '.join(accounts)} with --account.")
    writers = {"cloudformation": cloudformation, "terraform": terraform}
    if format_ not in writers:
        raise WrongUsage(f"--format is one of {', '.join(FORMATS)}.")
    at = next(iter(accounts.values()))
    end = ahead.horizon(until.parse(horizon), call.clock.now())
    home = configuration_file(call).absolute().parent
    found = resources(Wanted(settings=settings, account=at, horizon=end, home=home))
    exported = writers[format_](found, region=at.region)
    call.terminal.write(exported.text.rstrip("\n"))
    for key in exported.left:
        call.terminal.say(f"left {key}: {format_} has no word for it here; `keylease baseline apply` makes it.")


@command(
    nouns,
    "write-set",
    panel=OPERATORS,
    examples=(
        "keylease baseline write-set --read 'arn:aws:s3:::media/*' --list arn:aws:s3:::media > media.json",
        "keylease baseline write-set --action sqs:SendMessage --on arn:aws:sqs:eu-central-1:123456789012:jobs",
    ),
    common=operator,
)
def write_set(
    call: Invocation,
    *,
    action: Annotated[Many, typer.Option("--action", metavar="ACTION", help="An action, on --on.")] = None,
    on: Annotated[Many, typer.Option("--on", metavar="ARN", help="What the actions act on.")] = None,
    read: Annotated[Many, typer.Option("--read", metavar="ARN", help="Whatever reads this.")] = None,
    write: Annotated[Many, typer.Option("--write", metavar="ARN", help="Whatever writes this.")] = None,
    list_: Annotated[Many, typer.Option("--list", metavar="ARN", help="Whatever lists this.")] = None,
) -> None:
    """Write a permission set's policy for least privilege: each action only on what it can act on.

    For [baseline.sets.NAME] policy. What a linter says of it goes to stderr.
    """
    from keylease.baseline import own_set

    asked = own_set.Asked(actions=action or (), on=on or (), read=read or (), write=write or (), list=list_ or ())
    document = own_set.written(asked)
    call.terminal.json(document)
    for sentence in own_set.findings(document):
        call.terminal.say(sentence)


@command(
    nouns,
    "narrow",
    panel=OPERATORS,
    examples=("keylease baseline narrow media.json --used-by role/archive --within 90d > smaller.json",),
    common=operator,
)
def narrow(
    call: Invocation,
    policy: Annotated[Path, typer.Argument(metavar="FILE", help="A policy document: what the set gives now.")],
    *,
    used_by: Annotated[str, typer.Option("--used-by", metavar="WHO", help="user/NAME, role/NAME, or an ARN.")],
    within: Annotated[str, typer.Option("--within", metavar="TIME", help="How far back to look.")] = "90d",
    profile: Profile = None,
    account: AccountName = None,
) -> None:
    """Take out of a permission set the services that nobody used, as IAM's last-accessed data says."""
    from keylease.aws import usage
    from keylease.domain import until
    from keylease.domain.narrowing import narrowed

    of = baseline_of(call, profile=profile, account=account, adopt=None, horizon=HORIZON)
    try:
        document = json.loads(policy.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise WrongUsage(f"{policy} is no policy document that can be read: {wrong}.") from None
    with call.terminal.working("Asking AWS what was used"):
        arn = _principal(of.clients, used_by)
        used = usage.services_used(of.clients, arn, within=until.parse_length(within), clock=call.clock)
    smaller = narrowed(document, used=used)
    call.terminal.json(smaller.document)
    for pattern in smaller.dropped:
        call.terminal.say(f"{pattern} went: the service was not used within {within}.")
    for number in smaller.untouched:
        call.terminal.say(f"Statement {number} allows by NotAction and stays as it is.")


def _principal(clients: Any, who: str) -> str:
    from keylease.aws import explaining

    entity, _, name = who.partition("/")
    if who.startswith("arn:"):
        return who
    if entity not in {"user", "role"} or not name:
        raise WrongUsage("--as is user/NAME, role/NAME, or an ARN of one.")
    return explaining.arn_of(clients, entity, name.rpartition("/")[2])


def _instant(at: str | None, now: datetime) -> datetime:
    from datetime import timedelta

    from keylease.domain import until

    parsed = now if at is None else until.parse(at)
    return now + parsed if isinstance(parsed, timedelta) else parsed


def _explained(call: Invocation, explained: Explained) -> None:
    said = {"allowed": "Allowed.", "explicitDeny": "Denied by a statement.", "implicitDeny": "Nothing allows it."}
    call.terminal.write(said.get(explained.decision, explained.decision))
    if explained.by_organization is False:
        call.terminal.write("The organization's policies do not allow it.")
    if explained.by_boundary is False:
        call.terminal.write("The boundary does not allow it.")
    for one in explained.speaking:
        text = json.dumps(one.statement, sort_keys=True)
        call.terminal.write(f"{one.policy}, statement {one.number}: {text}")
    if explained.missing:
        call.terminal.say(f"AWS was not told, and some statement asks for: {', '.join(explained.missing)}.")


def _explained_as_json(explained: Explained) -> dict[str, Any]:
    return {
        "allowed": explained.allowed,
        "decision": explained.decision,
        "decided_by": list(explained.decided_by),
        "allowed_by_organization": explained.by_organization,
        "allowed_by_boundary": explained.by_boundary,
        "missing_context": list(explained.missing),
        "statements": [
            {"policy": one.policy, "number": one.number, "statement": one.statement} for one in explained.speaking
        ],
    }
