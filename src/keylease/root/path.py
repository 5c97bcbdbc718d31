"""The steps off the root key, each with its proof. Pure: facts in, steps out.

A step is done when AWS shows it, open when AWS shows the contrary, and not known where nobody could look. The next
step is the first that is not done; a later one that is done already stays done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from keylease.audit.rights import Rights
from keylease.audit.snapshot import Fact, ReportedKey, Snapshot, Unseen, seen
from keylease.audit.wording import day
from keylease.root.uses import RootUse


class State(StrEnum):
    """How far a step is."""

    DONE = "done"
    OPEN = "open"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its proof as a sentence, and what to do where it is open."""

    id: str
    title: str
    state: State
    proof: str
    todo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the path is judged by. `uses` are the root user's calls of the last ninety days, gathered.

    `alarm`: whether somebody hears of a use. `quiet`: days of silence that are proof.
    """

    at: Snapshot
    uses: Fact[tuple[RootUse, ...]]
    alarm: Fact[bool] = field(default_factory=lambda: Unseen(why="It was not asked for."))
    quiet: int = 14
    regions: int = 0
    """How many regions the uses were looked for in."""


def steps(facts: Facts) -> tuple[Step, ...]:
    """All steps, in their order."""
    return (
        _way_in(facts),
        _second_factor(facts),
        _known(facts),
        _moved(facts),
        _silent(facts),
        _deactivated(facts),
        _deleted(facts),
        _alarmed(facts),
        _members(facts),
    )


def _way_in(facts: Facts) -> Step:
    title, todo = (
        "Somebody else can administer the account",
        "Make a role for administrators: docs/how-to/account.md.",
    )
    if isinstance(facts.at.iam, Unseen):
        return _unknown("way-in", title, facts.at.iam, todo)
    rights = Rights(facts.at)
    names = [one.name for one in (*rights.iam.users, *rights.iam.roles) if rights.administers(one)]
    proof = f"{', '.join(names[:5])} can." if names else "Nobody but root can."
    return _step("way-in", title, proof, todo, done=bool(names))


def _second_factor(facts: Facts) -> Step:
    title, todo = "The root user has a second factor", "Sign in as root once and add two security keys."
    if isinstance(facts.at.report, Unseen):
        return _unknown("second-factor", title, facts.at.report, todo)
    has = facts.at.root().mfa or _summary(facts, "AccountMFAEnabled") == 1
    without = _summary(facts, "AccountPasswordPresent") == 0
    proof = "It has one." if has else "It has no password, so it needs none." if without else "It has none."
    return _step("second-factor", title, proof, todo, done=has or without)


def _known(facts: Facts) -> Step:
    title = "It is known what uses the root key"
    todo = "Give the credentials cloudtrail:LookupEvents, or read log files: `keylease root uses --logs FOLDER`."
    if isinstance(facts.uses, Unseen):
        return _unknown("known", title, facts.uses, todo)
    by_key = [use for use in facts.uses if use.by_key]
    where = f"in {facts.regions} regions over ninety days"
    return _step("known", title, f"{len(by_key)} uses were seen {where}.", todo, done=True)


def _moved(facts: Facts) -> Step:
    title = f"Every use has moved: silent for {facts.quiet} days"
    todo = "`keylease root uses` lists each with the permission set that would do; let its owner request a lease."
    if isinstance(facts.uses, Unseen):
        return _unknown("moved", title, facts.uses, todo)
    loud = [use for use in facts.uses if use.by_key and not use.is_silent(facts.at.at, facts.quiet)]
    said = "; ".join(f"{use.service} from {use.address} on {day(use.last)}" for use in loud[:3])
    return _step("moved", title, said or "No use is that young.", todo, done=not loud)


def _silent(facts: Facts) -> Step:
    title = f"AWS itself has seen no use for {facts.quiet} days"
    todo = "Wait; the report counts uses that no event history shows, such as reading objects."
    if isinstance(facts.at.report, Unseen):
        return _unknown("silent", title, facts.at.report, todo)
    last = max((key.used for key in _keys(facts) if key.used), default=None)
    quiet = last is None or facts.at.at - last > timedelta(days=facts.quiet)
    return _step("silent", title, f"The last use of a root key: {day(last)}.", todo, done=quiet)


def _deactivated(facts: Facts) -> Step:
    title = "The root key is switched off"
    todo = (
        "`keylease root deactivate KEY_ID --profile root`, with the root user's own credentials; it can be undone."
    )
    if isinstance(facts.at.report, Unseen):
        return _unknown("deactivated", title, facts.at.report, todo)
    active = [f"access key {key.slot}" for key in _keys(facts) if key.active]
    gone = _summary(facts, "AccountAccessKeysPresent") == 0
    proof = "There is none." if gone else f"Active: {', '.join(active)}." if active else "None is active."
    return _step("deactivated", title, proof, todo, done=gone or not active)


def _deleted(facts: Facts) -> Step:
    title = "The root key is deleted"
    todo = "After a whole month of the business without it: `keylease root delete KEY_ID --profile root`."
    if isinstance(facts.at.summary, Unseen):
        return _unknown("deleted", title, facts.at.summary, todo)
    gone = not _summary(facts, "AccountAccessKeysPresent")
    return _step("deleted", title, "There is none." if gone else "There is one.", todo, done=gone)


def _alarmed(facts: Facts) -> Step:
    title = "Somebody hears of it when root is used again"
    todo = "`keylease root alarm --mail you@example.com`, or `keylease root watch` once a day."
    if isinstance(facts.alarm, Unseen):
        return _unknown("alarm", title, facts.alarm, todo)
    proof = "A rule tells of every use of root." if facts.alarm else "No rule tells of it."
    return _step("alarm", title, proof, todo, done=facts.alarm)


def _members(facts: Facts) -> Step:
    title, todo = "Member accounts have no root credentials", "`keylease root members` from the management account."
    organization = facts.at.organization
    if isinstance(organization, Unseen):
        return _unknown("members", title, organization, todo)
    if organization is None:
        return _step("members", title, "The account is in no organization.", todo, done=True)
    if organization.management != facts.at.account:
        return _step("members", title, "This is not the management account, which sees to it.", todo, done=True)
    if isinstance(organization.root_features, Unseen):
        return _unknown("members", title, organization.root_features, todo)
    on = "RootCredentialsManagement" in organization.root_features
    return _step("members", title, "They are managed centrally." if on else "They are not managed.", todo, done=on)


def following(of: tuple[Step, ...]) -> Step | None:
    """The next step; None where all are done."""
    return next((step for step in of if step.state is not State.DONE), None)


def _keys(facts: Facts) -> Iterator[ReportedKey]:
    return iter(facts.at.root().keys)


def _summary(facts: Facts, name: str) -> int | None:
    return None if isinstance(facts.at.summary, Unseen) else seen(facts.at.summary).get(name)


def _step(id_: str, title: str, proof: str, todo: str, *, done: bool) -> Step:
    return Step(id=id_, title=title, state=State.DONE if done else State.OPEN, proof=proof, todo=todo)


def _unknown(id_: str, title: str, unseen: Unseen, todo: str) -> Step:
    return Step(id=id_, title=title, state=State.UNKNOWN, proof=unseen.why, todo=unseen.hint or todo)


def is_quiet_since(uses: tuple[RootUse, ...], since: datetime) -> tuple[RootUse, ...]:
    """The uses after an instant."""
    return tuple(use for use in uses if use.last > since)
