"""How keylease is doing: what the last passes did and could not do, and how far everything reaches.

Each account is passed by itself, by whatever process, and what its last pass saw is kept where all processes read
it: the administrator's page, `/healthz`, the metrics and the log. Looking at it asks AWS nothing: AWS may be away
while somebody wants to know why.

An account that does not answer is left alone for a while, for longer each time, up to a ceiling, and for ever tried
again. No other account waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from keylease import errors
from keylease.broker import Broker
from keylease.directory import DirectoryWatch
from keylease.domain.clock import Clock, from_text, to_text
from keylease.domain.plan import Alarm
from keylease.launched import LeftRunning
from keylease.pacing import MemoryPaces, MemoryPasses, Pacing
from keylease.ports import Instance, Paces, Passed, Passes
from keylease.reconciler import PassReport, Reconciler

NEAR = timedelta(weeks=3)
"""A horizon that is nearer than this is to be moved: leases of some weeks can no longer be asked for."""


LATE = timedelta(minutes=15)
"""A pass that is older means that passes no longer run: what has ended is not removed."""


DIRECTORY = "@directory"
"""Among the accounts' names, which have no such sign, this stands for the watch of the directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Up to when a permission set's group in an account allows anything."""

    account: str
    permission_set: str
    horizon: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known since the last passes. `passed_at`: the oldest of them; None where an account had none yet."""

    passed_at: datetime | None = None
    reports: Sequence[PassReport] = ()
    near: Sequence[Reach] = ()
    """Horizons nearer than three weeks, the nearest first."""
    silent_since: datetime | None = None
    """Since when the directory has not answered, where that is too long: who leaves keeps what they have."""
    seconds: Mapping[str, float] | None = None
    """How long the last pass took, by account."""
    passed: Mapping[str, datetime] | None = None
    """When it ended, by account."""

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
        passes: Passes | None = None,
        paces: Paces | None = None,
    ) -> None:
        self._broker = broker
        self._reconciler = reconciler
        self._clock = clock
        self._watch = watch
        self._silence = silence
        self._passes = passes or MemoryPasses()
        self._paces = paces or MemoryPaces()
        self._passed_none_at: datetime | None = None

    @property
    def accounts(self) -> Sequence[str]:
        """The accounts that this process passes."""
        return self._reconciler.accounts

    @property
    def state(self) -> State:
        """What is known now. Raises what the ledger may fail with."""
        known, now = self._passes.kept(), self._clock.now()
        kept = {name: one for name, one in known.items() if name in self._broker.accounts}
        complete = kept.keys() == set(self._broker.accounts)
        ended = [one.at for one in kept.values()]
        reaches = [reach for name, one in kept.items() for reach in _reaches(name, one.content)]
        return State(
            passed_at=min(ended, default=self._passed_none_at) if complete else None,
            reports=[self._report(name, one.content) for name, one in sorted(kept.items())],
            near=sorted((one for one in reaches if one.horizon - now < NEAR), key=lambda one: one.horizon),
            silent_since=self._silent_since(known.get(DIRECTORY), now),
            passed={name: one.at for name, one in kept.items()},
            seconds={name: one.content["seconds"] for name, one in kept.items()},
        )

    def run_pass(self) -> Sequence[PassReport]:
        """One pass over all accounts, one after the other. Raises what concerns no account alone."""
        reports = [self.run_account(account) for account in self.accounts]
        self._passed_none_at = self._clock.now()
        return reports

    def run_account(self, account: str) -> PassReport:
        """One pass over one account, and then a look at its horizons. Raises what the ledger may fail with."""
        began, before = self._clock.precise(), self._passes.kept().get(account)
        content = before.content if before else {}
        report = self._reconciler.run_account(account, told=_alarms(content))
        if report.is_away:
            self._pacing(account).unanswered()
            horizons: list[Any] = content.get("horizons", [])
        else:
            self._pacing(account).back()
            horizons = [[name, to_text(at)] for _, name, at in self._broker.horizons(account)]
        values = _values(report) | {"horizons": horizons, "seconds": round(self._clock.precise() - began, 3)}
        self._passes.keep(account, Passed(at=self._clock.now(), content=values))
        return report

    def due(self, every: timedelta) -> Sequence[str]:
        """The accounts whose last pass is that long ago, or by a clock that was set back, and that answer.

        Raises what the ledger may fail with.
        """
        now, kept = self._clock.now(), self._passes.kept()
        old = [name for name in self.accounts if name not in kept or not now - every < kept[name].at <= now]
        return [name for name in old if not self._pacing(name).is_away()]

    def is_watch_due(self, every: timedelta) -> bool:
        """The same of the watch of the directory."""
        now, last = self._clock.now(), self._passes.kept().get(DIRECTORY)
        return last is None or not now - every < last.at <= now

    def watched(self) -> None:
        """The directory was watched just now."""
        heard = {"heard_at": to_text(self._watch.heard_at)} if self._watch else {}
        self._passes.keep(DIRECTORY, Passed(at=self._clock.now(), content=heard))

    def _silent_since(self, watched: Passed | None, now: datetime) -> datetime | None:
        """Whichever process has heard from the directory last counts."""
        if self._watch is None:
            return None
        told = watched.content.get("heard_at") if watched else None
        heard_at = max(self._watch.heard_at, from_text(told)) if told else self._watch.heard_at
        return heard_at if now - heard_at > self._silence else None

    def _report(self, account: str, content: Mapping[str, Any]) -> PassReport:
        failures = (errors.by_code(code)(said, hint=hint) for code, said, hint in content["failures"])
        return PassReport(
            account=account,
            done=content["done"],
            alarms=tuple(_alarms(content)),
            failures=tuple(failures),
            left_running=tuple(self._left_running(one) for one in content.get("left_running", [])),
            is_away=content["away"],
            users=content["users"],
            fences=content["fences"],
        )

    def _left_running(self, one: Mapping[str, Any]) -> LeftRunning:
        since, stops_at = (from_text(one[name]) if one[name] else None for name in ("since", "stops_at"))
        return LeftRunning(
            instance=Instance(**one["instance"]),
            lease=self._broker.known(one["lease"]) if one["lease"] else None,
            since=since,
            stops_at=stops_at,
        )

    def _pacing(self, account: str) -> Pacing:
        return Pacing(self._paces, account, self._clock)


def _values(report: PassReport) -> dict[str, Any]:
    return {
        "done": dict(report.done),
        "alarms": [[one.what, one.name, one.sentence] for one in report.alarms],
        "failures": [[one.code, one.sentence, one.hint] for one in report.failures],
        "left_running": [
            {
                "instance": asdict(one.instance),
                "lease": one.lease.id if one.lease else None,
                "since": to_text(one.since) if one.since else None,
                "stops_at": to_text(one.stops_at) if one.stops_at else None,
            }
            for one in report.left_running
        ],
        "away": report.is_away,
        "users": report.users,
        "fences": report.fences,
    }


def _alarms(content: Mapping[str, Any]) -> list[Alarm]:
    return [Alarm(*one) for one in content.get("alarms", [])]


def _reaches(account: str, content: Mapping[str, Any]) -> list[Reach]:
    return [Reach(account=account, permission_set=name, horizon=from_text(at)) for name, at in content["horizons"]]
