"""What an administrator asks first: would keylease work here, and is it safe?

`examine` turns facts into rows, without asking anybody. `gather` asks AWS, the company's directory and
the ledger for the facts. All checks
run whatever one of them finds, over every account; what could not be looked at is said, never passed over.

Nothing in AWS is changed. What a pass mends by itself (orphans, ghosts) is not told here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from keylease.doctor import identities, leased, machine, reviewed, sign_in
from keylease.doctor.facts import AccountFacts, Facts
from keylease.doctor.row import Row, Verdict, fix
from keylease.errors import AwsUnreachable, KeyleaseError

__all__ = ["Row", "Verdict", "examine", "needs_mending"]

Check = Callable[[], Iterable[Row]]


def examine(facts: Facts) -> list[Row]:
    """All rows: keylease itself first, then account by account."""
    own = (machine.configuration, machine.sign_in, sign_in.directory, machine.ledger)
    rows = list(_run(partial(check, facts) for check in own))
    for at in facts.accounts:
        rows += [replace(row, account=at.name) for row in _run(_checks(at, facts))]
    return rows


def needs_mending(rows: Iterable[Row]) -> bool:
    """Whether some row says so."""
    return any(row.verdict is Verdict.FIX for row in rows)


def _checks(at: AccountFacts, facts: Facts) -> list[Check]:
    if away := _away(at):
        return [lambda: [away]]
    now = facts.now
    at_the_door: list[Check] = [partial(identities.credentials, at), partial(identities.clock, at)]
    if not at.is_open:
        return [*at_the_door, lambda: [_closed(at)]]
    return [
        *at_the_door,
        partial(identities.kind, at),
        partial(identities.permissions, at),
        partial(reviewed.groups, at, now),
        partial(reviewed.other_groups, at, now),
        partial(reviewed.roles, at, now),
        partial(leased.horizons, at, now),
        partial(leased.fences_ahead, at, now),
        partial(leased.users, at),
        partial(leased.fences, at),
        partial(leased.quotas, at),
    ]


def _away(at: AccountFacts) -> Row | None:
    """An account that does not answer at all is one row."""
    if isinstance(at.issuer.caller, AwsUnreachable) and isinstance(at.remover.caller, AwsUnreachable):
        sentence = f"The account {at.id} cannot be reached. {at.remover.caller.sentence}"
        return fix("account", sentence, "Look at the network, and at `endpoint_url` and `region` in its section.")
    return None


def _closed(at: AccountFacts) -> Row:
    """So is one into which neither identity can look."""
    sentence = "Policies, groups, roles, users, fences and quotas could not be looked at: no identity may."
    remedy = f"Mend the credentials first: `issuer` and `remover` in [accounts.{at.name}]."
    return Row(check="contents", verdict=Verdict.NOT_CHECKED, sentence=sentence, remedy=remedy)


def _run(checks: Iterable[Check]) -> Iterator[Row]:
    """Run every check, whichever fails."""
    for check in checks:
        try:
            yield from check()
        except Exception as unforeseen:  # noqa: BLE001 - a check that stumbles over something odd must hide no other
            yield _stumbled(check, unforeseen)


def _stumbled(check: Check, unforeseen: Exception) -> Row:
    name = check.func.__name__ if isinstance(check, partial) else "account"
    sentence = f"This check failed ({type(unforeseen).__name__}); something in the account is of an unknown form."
    return Row(check=name, verdict=Verdict.NOT_CHECKED, sentence=sentence, remedy=KeyleaseError.hint)
