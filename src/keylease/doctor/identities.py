"""Checks of the broker's two identities in an account: who they are, what they may do, and the clock.

A policy is compared with the one that keylease prints, statement by statement. That shows what is missing and what
is too much, as far as policies say it; an organization's policies and boundaries are seen only by AWS's own
simulator, where keylease may ask it. Facts in, rows out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from keylease.aws.inspector import Standing
from keylease.aws.simulation import READS
from keylease.doctor.facts import AccountFacts, IdentityFacts
from keylease.doctor.row import Row, fix, many, ok, unknown
from keylease.domain.broker_policy import issuer_policy, remover_policy, wider_than
from keylease.domain.iam import GROUP_PATH, end_of_all, policy
from keylease.domain.role_policy import horizon_of_role
from keylease.domain.statement import Statement, allows, as_list, covers, statements
from keylease.errors import AwsCredentials, KeyleaseError

MOST_SKEW = timedelta(seconds=60)
"""AWS refuses requests beyond five minutes; a lease's time left is wrong by as much before."""

MOST_SENTENCES = 4
_FAR = datetime(9999, 1, 1, tzinfo=UTC)

_USER = "Give it a role instead: an access key that does not expire is what keylease is there to end."


def credentials(at: AccountFacts) -> Iterator[Row]:
    """Each identity has credentials, and of this account; and they are two."""
    for one in (at.issuer, at.remover):
        origin = f" (from {one.origin})" if isinstance(one.origin, str) else ""
        if not one.held:
            yield ok("credentials", f"The {one.name} is another process's (server.holds); run doctor there too.")
        elif isinstance(one.caller, KeyleaseError):
            yield _without(at, one, origin, one.caller)
        elif one.caller.account != at.id:
            sentence = f"The {one.name} is {one.caller.arn}: that is not in the account {at.id}."
            yield fix("credentials", sentence, f"Correct `id` or `{one.name}` in [accounts.{at.name}].")
        else:
            yield ok("credentials", f"The {one.name} is {one.caller.arn}{origin}.")
    if _own_arn(at.issuer) is not None and _own_arn(at.issuer) == _own_arn(at.remover):
        yield fix(
            "credentials",
            "The issuer and the remover are the same identity: removal ends when the issuer's horizon is over.",
            f"Give the remover a role of its own: `keylease broker-policy --remover --account {at.id}`.",
        )


def _without(at: AccountFacts, one: IdentityFacts, origin: str, failure: KeyleaseError) -> Row:
    sentence = f"The {one.name}'s credentials{origin} do not work. {failure.sentence}"
    own = f"Correct `{one.name}` in [accounts.{at.name}], or the credentials it names."
    return fix("credentials", sentence, own if failure.hint == AwsCredentials.hint else failure.hint)


def kind(at: AccountFacts) -> Iterator[Row]:
    """Each identity is a role, and lies where keylease itself can do nothing to it."""
    for one in (at.issuer, at.remover):
        if not one.is_in(at.id):
            continue
        if isinstance(one.standing, KeyleaseError):
            yield unknown("identity", f"The {one.name}'s kind and path", one.standing)
        else:
            yield from _kind(one.name, one.standing)


def _kind(name: str, standing: Standing) -> Iterator[Row]:
    if standing.kind == "root":
        yield fix("identity", f"The {name} is the account's root user, which may do everything.", _USER)
    elif standing.kind == "user":
        yield fix("identity", f"The {name} is an IAM user, with an access key that never ends.", _USER)
    if standing.path.startswith(GROUP_PATH):
        sentence = f"The {name} lies under {standing.path}, where keylease makes and deletes."
        yield fix("identity", sentence, "Make it anew under another path, such as /keylease-broker/.")
    elif standing.kind == "role":
        yield ok("identity", f"The {name} is a role outside {GROUP_PATH}.")


def clock(at: AccountFacts) -> Iterator[Row]:
    """This machine and AWS agree on the time."""
    both = (at.remover.skew, at.issuer.skew)
    skew = next((one for one in both if isinstance(one, timedelta)), at.remover.skew)
    if isinstance(skew, KeyleaseError):
        yield unknown("clock", "The clock", skew)
        return
    seconds = many(int(abs(skew).total_seconds()), "second")
    if abs(skew) > MOST_SKEW:
        way = "behind" if skew > timedelta() else "ahead of"
        yield fix("clock", f"This machine's clock is {seconds} {way} AWS's.", "Set it, best by NTP.")
    else:
        yield ok("clock", f"This machine's clock and AWS's differ by {seconds}.")


def permissions(at: AccountFacts) -> Iterator[Row]:
    """Each identity may do all that it must, and no more than keylease prints."""
    for one in (at.issuer, at.remover):
        if not one.is_in(at.id):
            continue
        if isinstance(one.standing, KeyleaseError):
            yield unknown("permissions", f"The {one.name}'s policy", one.standing)
        elif one.standing.kind in {"role", "user"}:
            yield from _compared(at, one, [named.document for named in one.standing.policies])


def expected(
    name: str,
    *,
    partition: str,
    fences_ahead: bool = False,
    horizon: datetime = _FAR,
    account: str = "*",
    watches: bool = False,
    stops: bool = False,
) -> dict[str, Any]:
    """The policy that keylease prints for the `issuer` or the `remover`."""
    if name == "issuer":
        return issuer_policy(horizon=horizon, partition=partition, account=account, fences_ahead=fences_ahead)
    return remover_policy(partition=partition, account=account, watches=watches, stops=stops)


def _expected(at: AccountFacts, name: str, horizon: datetime = _FAR) -> dict[str, Any]:
    return expected(
        name,
        partition=at.partition,
        fences_ahead=at.fences_ahead,
        horizon=horizon,
        watches=at.watches,
        stops=at.stops,
    )


def _compared(at: AccountFacts, one: IdentityFacts, documents: list[Mapping[str, Any]]) -> Iterator[Row]:
    missing = list(_missing(at, one, documents))
    yield from missing
    wider = _wider(at, one, documents)
    if wider:
        more = f" And {len(wider) - MOST_SENTENCES} more." if len(wider) > MOST_SENTENCES else ""
        yield fix(
            "permissions",
            f"The {one.name} may do more than keylease needs. {' '.join(wider[:MOST_SENTENCES])}{more}",
            f"Replace its policies by what `keylease broker-policy --{one.name} --account {at.id}` prints.",
        )
    if not missing and not wider:
        yield ok("permissions", f"The {one.name}'s policy is the one that keylease prints.")


def _missing(at: AccountFacts, one: IdentityFacts, documents: list[Mapping[str, Any]]) -> Iterator[Row]:
    refused = one.refused or ()
    for own in statements(_expected(at, one.name)):
        if own["Effect"] != "Allow":
            continue
        lacking = {
            action: pattern
            for pattern in as_list(own["Action"])
            for action in _calls(pattern)
            if not allows(documents, action) or action in refused
        }
        if lacking:
            whole = {**own, "Action": sorted(set(lacking.values()))}
            yield fix("permissions", f"The {one.name} may not {', '.join(lacking)}.", _advice(one), whole)


def _calls(pattern: str) -> list[str]:
    """The actions that a pattern stands for here: those that keylease calls."""
    return [action for action in READS if covers(pattern, action)] if "*" in pattern else [pattern]


def _advice(one: IdentityFacts) -> str:
    if one.refused:
        return "A boundary or the organization may deny it; if its own policy lacks it, add this statement:"
    return "Add this statement to its policy:"


def _wider(at: AccountFacts, one: IdentityFacts, documents: list[Mapping[str, Any]]) -> list[str]:
    """The horizon is compared elsewhere, so it counts here as it is, or as if it were there."""
    whole: list[Statement] = [statement for document in documents for statement in statements(document)]
    horizon = earliest_horizon(documents)
    if one.name == "issuer" and horizon is None:
        whole.append(end_of_all(_FAR))
    return wider_than(policy(whole), _expected(at, one.name, horizon or _FAR))


def earliest_horizon(documents: list[Mapping[str, Any]]) -> datetime | None:
    """The instant from which on these policies together deny everything."""
    dates = [date for document in documents if (date := horizon_of_role(document)) is not None]
    return min(dates) if dates else None


def _own_arn(one: IdentityFacts) -> str | None:
    if not isinstance(one.standing, KeyleaseError):
        return one.standing.arn
    return None if isinstance(one.caller, KeyleaseError) else one.caller.arn
