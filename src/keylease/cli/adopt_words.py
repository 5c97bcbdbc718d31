"""Plans and passes of adoptions, as people and as programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keylease.cli.cell import Cell
from keylease.cli.context import Invocation
from keylease.domain import clock

if TYPE_CHECKING:
    from datetime import datetime

    from keylease.adopt.adoption import Promise
    from keylease.adopt.passing import PassDone
    from keylease.adopt.planning import Plan, Row


def present(call: Invocation, found: Plan, account: str, *, applied: bool, done: PassDone | None = None) -> None:
    """Show a plan, and with `done` what came of it."""
    if call.options.as_json:
        rows = [_row_as_json(row) for row in found.rows]
        more = {"done": done_as_json(done)} if done else {}
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


def promise_as_json(promise: Promise) -> dict[str, Any]:
    """A promise as plain data."""
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


def adopted_row(name: str, promise: Promise, now: datetime) -> list[Cell]:
    """An adopted user as a row."""
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


def done_as_json(done: PassDone) -> dict[str, Any]:
    """What a pass did, as plain data."""
    failures = [
        {"user": name, "code": one.code, "sentence": one.sentence, "hint": one.hint}
        for name, one in done.failures.items()
    ]
    return {"users": done.users, "done": dict(done.done), "failures": failures}


def conclude(call: Invocation, done: PassDone) -> None:
    """Say what a pass did. Raises its first failure."""
    words = ", ".join(f"{count} {step.lower()}" for step, count in sorted(done.done.items())) or "nothing was due"
    call.terminal.say(f"{done.users} adopted users: {words}.")
    for name, failure in done.failures.items():
        call.terminal.say(f"{name}: {failure.sentence} {failure.hint}")
    if done.failures:
        raise next(iter(done.failures.values()))
