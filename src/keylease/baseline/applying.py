"""Carrying out a plan, exactly, and taking it back.

Before each change what is about to happen is written down, and after it that it has. The first failure stops all of
it; whoever runs it again plans anew, and what is done is not planned a second time.

Taking back goes through what was kept, the last change first. A change is undone only where what is there is still
what that change left; where somebody has changed it since, it is left alone and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from keylease.aws import kinds
from keylease.aws.failures import InUse, Malformed, NoSuchEntity
from keylease.aws.kinds.kind import Asked
from keylease.baseline import kept as keeping
from keylease.baseline.kept import Kept
from keylease.baseline.planning import Baseline, danger, review, wanted
from keylease.domain.guardrail import Change, Found, Left, Plan, Properties, Verb, same
from keylease.domain.lockout import Identities
from keylease.errors import ApplyStopped, KeyleaseError, LockedOut, PlanOutdated

PAUSES = (2, 4, 8, 16)
"""Seconds to wait where a document names what AWS does not know: a role that was just made is such a principal."""


def apply(of: Baseline, *, digest: str, now: datetime, force: bool = False) -> Iterator[Change]:
    """Carry out the plan of that digest, change by change as they are done.

    Raises `PlanOutdated` where another plan is due by now, `LockedOut`, `TooManyDeletes`, and `ApplyStopped`.
    """
    reviewed = review(of)
    if reviewed.plan.digest != digest:
        raise PlanOutdated("The account, or the configuration, is no longer what it was when this was planned.")
    reviewed.must_be_safe(force=force)
    yield from _carried_out(of, reviewed.plan, now)


def _carried_out(of: Baseline, plan: Plan, now: datetime) -> Iterator[Change]:
    folder = of.home / of.settings.baseline.keep
    kept = keeping.keep(folder, account=plan.account, digest=plan.digest, changes=plan.changes, now=now)
    for number, change in enumerate(plan.changes):
        kept = kept.with_state(number, "begun")
        try:
            execute(of, change)
        except KeyleaseError as failure:
            raise _stopped(failure, change, number, plan.changes) from None
        kept = kept.with_state(number, "done")
        yield change


def _stopped(failure: KeyleaseError, change: Change, number: int, changes: tuple[Change, ...]) -> ApplyStopped:
    done = f"with {number} of {len(changes)} done"
    return ApplyStopped(f"{failure.sentence}\nIt stopped at {change.verb} {change.key}, {done}.")


def execute(of: Baseline, change: Change) -> None:
    """Make one change in AWS. What was made a moment ago may not be known everywhere yet, so that is waited for."""
    for pause in PAUSES:
        try:
            _execute(of, change)
        except (Malformed, NoSuchEntity):
            of.clock.sleep(pause)
        else:
            return
    _execute(of, change)


def _execute(of: Baseline, change: Change) -> None:
    kind, at = kinds.KINDS[change.kind], of.place
    match change:
        case Change(verb=Verb.CREATE, after=dict() as after):
            kind.create(at, change.name, after)
        case Change(verb=Verb.UPDATE, before=dict() as before, after=dict() as after):
            kind.update(at, change.name, before, after)
        case Change(verb=Verb.DELETE, before=dict() as before):
            kind.delete(at, change.name, before)


def undoing(of: Baseline, kept: Kept) -> Plan:
    """What takes an apply back, as a plan. Raises what AWS may fail with, and `LockedOut`.

    The root user may lead an account back to where it was the only one to administer it.
    """
    asked = Asked(keys=frozenset(one.key for one, _ in kept.undoable), regions=wanted(of).regions)
    parts = tuple(dict.fromkeys((*of.parts, *_parts(kept))))
    found = {one.key: one for one in kinds.read(of.place, asked, parts)}
    changes, left = [], []
    for change, state in kept.undoable:
        step = _undo(change, found.get(change.key), finished=state == "done")
        if isinstance(step, Left):
            left.append(step)
        elif step is not None:
            changes.append(step)
    plan = Plan(account=kept.account, changes=tuple(changes), left=tuple(left))
    identities: Identities = asked.shared[kinds.iam.IDENTITIES]
    if sentence := danger(of, plan, identities, root_may=True):
        raise LockedOut(sentence)
    return plan


def _parts(kept: Kept) -> Iterator[str]:
    of_kind: Mapping[str, str] = kinds.PART_OF
    return (of_kind.get(one.kind, "people") for one, _ in kept.undoable)


def _undo(change: Change, found: Found | None, *, finished: bool) -> Change | Left | None:
    now = _as_changed(change, found)
    if finished and not (same(now, change.after) or same(now, change.before)):
        return Left(key=change.key, sentence="Somebody has changed it since; it stays as it is.")
    step = change.back(now=now)
    if step is not None and step.verb is Verb.DELETE and found is not None and found.holds:
        return Left(key=change.key, sentence=f"It stays: {found.holds}")
    return step


def _as_changed(change: Change, found: Found | None) -> Properties | None:
    """What is there now of the properties that the change was about."""
    if found is None:
        return None
    return {name: found.properties.get(name) for name in (change.after or change.before or {})}


def take_back(of: Baseline, kept: Kept, plan: Plan) -> Iterator[Change | Left]:
    """Carry out what `undoing` has planned, and write down that it was taken back.

    What something else has come to hang on meanwhile is left, and said.
    """
    for number, change in enumerate(plan.changes):
        try:
            execute(of, change)
        except InUse:
            yield Left(key=change.key, sentence="It stays: something else hangs on it.")
            continue
        except KeyleaseError as failure:
            raise _stopped(failure, change, number, plan.changes) from None
        yield change
    kept.as_taken_back()
