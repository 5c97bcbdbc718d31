"""Reading an account and planning what changes in it: one frozen plan, shown and carried out from the same object.

A plan is refused where it would leave nobody able to administer the account, or not the one who applies it, and
where it deletes too much. It is planned anew at each apply and carried out only where the digest is still the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from keylease.aws import inspector, kinds
from keylease.aws.account import Account
from keylease.aws.clients import Clients
from keylease.aws.kinds.iam import IDENTITIES
from keylease.aws.kinds.kind import Asked, Place
from keylease.baseline.desired import resources
from keylease.baseline.wanted import Wanted
from keylease.domain import guardrail, lockout
from keylease.domain.clock import Clock, SystemClock
from keylease.domain.guardrail import Found, Plan, Resource
from keylease.domain.lockout import Identities
from keylease.errors import BadGuardrail, LockedOut, TooManyDeletes
from keylease.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The baseline of one account: the configuration, and an administrator's clients there.

    `home`: the folder of the configuration; `horizon`: for what is made anew.
    """

    settings: Settings
    clients: Clients
    horizon: datetime
    home: Path
    adopt: frozenset[str] = frozenset()
    clock: Clock = field(default_factory=SystemClock)

    @property
    def account(self) -> Account:
        """The account."""
        return self.clients.account

    @property
    def place(self) -> Place:
        """Where the guardrails are."""
        return Place(clients=self.clients)

    @property
    def parts(self) -> tuple[str, ...]:
        """What the baseline looks at."""
        return self.settings.baseline.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A plan, with whatever speaks against carrying it out, in a sentence each."""

    plan: Plan
    locks_out: str | None
    deletes_too_much: bool

    def must_be_safe(self, *, force: bool = False) -> None:
        """Raises `LockedOut` always, `TooManyDeletes` unless forced."""
        if self.locks_out:
            raise LockedOut(self.locks_out)
        if self.deletes_too_much and not force:
            raise TooManyDeletes(f"It deletes {self.plan.deletes} of the {self.plan.ours} things that are ours.")


def wanted(of: Baseline, found: Iterable[Found] = ()) -> Wanted:
    """What the parts are told. `found`: what is there, for the horizons in force."""
    present = {}
    for one in found:
        if one.kind == "policy":
            present[one.name] = one.properties["document"]
        elif one.kind == "role" and "keylease" in one.properties["inline"]:
            present[one.key] = one.properties["inline"]["keylease"]
    return Wanted(settings=of.settings, account=of.account, horizon=of.horizon, home=of.home, present=present)


def review(of: Baseline) -> Reviewed:
    """Read the account and plan. Raises `BadGuardrail` and what AWS may fail with."""
    keys = frozenset(one.key for one in resources(wanted(of))) | of.adopt
    asked = Asked(keys=keys, regions=wanted(of).regions)
    everything = kinds.read(of.place, asked, of.parts)
    found = [one for one in everything if one.part in of.parts or one.key in keys]
    desired = resources(wanted(of, found))
    identities: Identities = asked.shared[IDENTITIES]
    _must_exist(desired, identities)
    plan = guardrail.plan(desired, account=of.account.id, found=found, adopt=of.adopt)
    return Reviewed(
        plan=plan,
        locks_out=danger(of, plan, identities),
        deletes_too_much=plan.deletes_more_than(of.settings.baseline.deletes),
    )


def danger(of: Baseline, plan: Plan, identities: Identities, *, root_may: bool = False) -> str | None:
    """Whom the plan would lock out, in a sentence. `root_may`: the root user may leave itself alone."""
    caller = inspector.caller(of.clients)
    if root_may and caller.arn.endswith(":root"):
        return None
    return lockout.danger(
        identities,
        plan.changes,
        caller_arn=caller.arn,
        arn=f"arn:{of.account.partition}:iam::{of.account.id}:",
        temporary=of.clients.are_temporary(),
    )


def _must_exist(desired: Collection[Resource], identities: Identities) -> None:
    made = {one.key for one in desired} | identities.everybody.keys()
    for one in desired:
        owner = "/".join(one.name.split("/", 2)[:2])
        if one.kind == "attachment" and owner not in made:
            raise BadGuardrail(f"{one.guardrail} names the {owner.replace('/', ' ')}, which is not there.")
