"""How keylease is doing: what the last pass did and could not do, and how far everything reaches.

Kept in memory, made anew after each pass, and read by the administrator's page, `/healthz` and the log. Looking at
it asks nobody: AWS may be away while somebody wants to know why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from keylease.broker import Broker
from keylease.directory import DirectoryWatch
from keylease.domain.clock import Clock
from keylease.reconciler import PassReport, Reconciler

NEAR = timedelta(weeks=3)
"""A horizon that is nearer than this is to be moved: leases of some weeks can no longer be asked for."""


LATE = timedelta(minutes=15)
"""A pass that is older means that passes no longer run: what has ended is not removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Up to when a permission set's group in an account allows anything."""

    account: str
    permission_set: str
    horizon: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known since the last pass; `passed_at` is None before the first."""

    passed_at: datetime | None = None
    reports: Sequence[PassReport] = ()
    near: Sequence[Reach] = ()
    """Horizons nearer than three weeks, the nearest first."""
    silent_since: datetime | None = None
    """Since when the directory has not answered, where that is too long: who leaves keeps what they have."""

    @property
    def orphans(self) -> int:
        """Users without a lease that the last pass saw: removed, or too many to be removed without a person."""
        removed = sum(report.done.get("RemoveOrphan", 0) for report in self.reports)
        return removed + sum(alarm.what == "orphans" for report in self.reports for alarm in report.alarms)

    def is_well(self, now: datetime) -> bool:
        """A pass has run lately, and nothing needs a person."""
        if self.passed_at is None or now - self.passed_at > LATE:
            return False
        if self.silent_since is not None:
            return False
        return not self.near and not any(report.alarms or report.failures for report in self.reports)


class Health:
    """Runs passes and remembers what they saw. `silence` is how long the directory may go without an answer."""

    def __init__(
        self,
        *,
        broker: Broker,
        reconciler: Reconciler,
        clock: Clock,
        watch: DirectoryWatch | None = None,
        silence: timedelta = timedelta(hours=1),
    ) -> None:
        self._broker = broker
        self._reconciler = reconciler
        self._clock = clock
        self._watch = watch
        self._silence = silence
        self._state = State()

    @property
    def state(self) -> State:
        """What is known now."""
        return self._state

    def run_pass(self) -> Sequence[PassReport]:
        """One pass, and then a look at the horizons. Raises what concerns no account alone."""
        reports = self._reconciler.run()
        now = self._clock.now()
        silent_since = self._silent_since(now)
        self._state = State(passed_at=now, reports=reports, near=self._state.near, silent_since=silent_since)
        reaches = [Reach(account=a, permission_set=p, horizon=at) for a, p, at in self._broker.horizons()]
        near = sorted((one for one in reaches if one.horizon - now < NEAR), key=lambda one: one.horizon)
        self._state = State(passed_at=now, reports=reports, near=near, silent_since=silent_since)
        return reports

    def _silent_since(self, now: datetime) -> datetime | None:
        heard_at = now if self._watch is None else self._watch.heard_at
        return heard_at if now - heard_at > self._silence else None
