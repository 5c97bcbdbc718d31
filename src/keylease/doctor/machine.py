"""Checks of keylease itself: its configuration, the ledger, how people sign in. Facts in, rows out."""

from __future__ import annotations

from collections.abc import Iterator

from keylease.doctor.facts import Facts, MachineFacts
from keylease.doctor.row import Row, failed, fix, many, ok
from keylease.errors import ChainBroken, KeyleaseError

_LOOPBACK = ("127.", "localhost:", "[::1]:")


def configuration(facts: Facts) -> Iterator[Row]:
    """It was read, or nothing would be here; what it names."""
    of = facts.machine
    counted = ((of.accounts, "account"), (of.permission_sets, "permission set"), (of.grants, "grant"))
    named = ", ".join(many(count, thing) for count, thing in counted)
    if not of.accounts or not of.grants:
        yield fix(
            "configuration",
            f"{of.configuration} names {named}: nobody can lease anything.",
            "`keylease init` writes a commented example to compare with.",
        )
    else:
        yield ok("configuration", f"{of.configuration} is read: {named}.")


def sign_in(facts: Facts) -> Iterator[Row]:
    """Nobody may be whoever they say, but on a machine of their own."""
    of = facts.machine
    if of.allow_unsafe_people:
        yield fix(
            "sign-in",
            f"The development sign-in is allowed: whoever reaches {_reached(of)} may be any of "
            f"{of.unsafe_people} people it lists, without any proof.",
            "Keep it only on a machine that nobody else reaches; else take sign_in.allow_unsafe_people out.",
        )
    elif of.unsafe_people:
        yield fix(
            "sign-in",
            "The configuration lists unsafe_people and does not allow them, so the server does not start.",
            "Take unsafe_people out, or on a machine that nobody else reaches set sign_in.allow_unsafe_people.",
        )
    else:
        yield ok("sign-in", "The development sign-in is off.")


def _reached(of: MachineFacts) -> str:
    return of.listen if of.listen.startswith(_LOOPBACK) else f"{of.listen}, which is not this machine alone,"


def ledger(facts: Facts) -> Iterator[Row]:
    """It opens, its schema is this program's, and nobody has changed what was written."""
    place, records = facts.machine.ledger.place, facts.machine.ledger.records
    if isinstance(records, ChainBroken):
        yield ok("ledger", f"{place} opens, with this keylease's schema.")
        yield failed("audit-chain", records)
    elif isinstance(records, KeyleaseError):
        yield failed("ledger", records)
    elif records is None:
        yield ok("ledger", f"{place} is not there yet; `keylease serve` makes it.")
    else:
        yield ok("ledger", f"{place} opens, with this keylease's schema.")
        yield ok("audit-chain", f"The audit chain holds over {many(records, 'record')}.")
