"""One pass: observe, decide, act, record, in each account.

A pass makes AWS and the ledger agree. It needs no memory of earlier passes. An account that is away delays no
other; a lease that fails delays no other lease. `domain/plan.py` decides, this module only carries out.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from keylease.domain import plan
from keylease.domain.clock import Clock
from keylease.domain.event import AuditEvent
from keylease.domain.lease import ENDED, Lease, State
from keylease.domain.plan import Act, Alarm, Observed, Rules, Situation
from keylease.ending import KEYLEASE, Ending, act, close, retire
from keylease.errors import (
    AwsCredentials,
    AwsFailed,
    AwsThrottled,
    AwsUnreachable,
    ChangedMeanwhile,
    KeyleaseError,
    LedgerEmpty,
    Unavailable,
)
from keylease.launched import Launched, LeftRunning
from keylease.ports import Cloud, Instances, LeaseQuery, Remover, Store

log = logging.getLogger(__name__)

NOT_ENDED = frozenset(State) - ENDED
MOST_AWAY = 3
"""So many acts in a row without an answer mean that the account is away, and not only one user of it."""
AWAY = (AwsUnreachable, AwsThrottled, AwsCredentials)
"""No answer. One act may have none for a reason of its own; the next pass tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport:
    """What a pass did in one account: counts by kind of act, alarms, failures."""

    account: str
    done: Mapping[str, int] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    failures: tuple[KeyleaseError, ...] = ()
    left_running: tuple[LeftRunning, ...] = ()
    """Instances whose lease is over; empty where none are watched."""
    is_away: bool = False
    """The account did not answer, or not for long: the rest is left for later."""
    users: int = 0
    fences: int = 0
    """How many policies under the fences' path AWS holds."""


class Reconciler:
    """Runs passes. `trust_empty_ledger` lets a ledger without any lease remove what it finds in AWS."""

    def __init__(
        self,
        *,
        store: Store,
        clouds: Mapping[str, Cloud],
        clock: Clock,
        rules: Rules,
        trust_empty_ledger: bool = False,
    ) -> None:
        self._store = store
        self._clouds = clouds
        self._clock = clock
        self._rules = replace(rules, trust_ledger=trust_empty_ledger)
        self._trust_empty_ledger = trust_empty_ledger
        self._launched = Launched(store=store, clock=clock, stop_after=rules.stop_instances_after)
        self._told: dict[str, frozenset[Alarm]] = {}

    @property
    def accounts(self) -> Sequence[str]:
        """The accounts that this process takes away in."""
        return [name for name, cloud in self._clouds.items() if cloud.remover is not None]

    def run(self) -> list[PassReport]:
        """One pass over all accounts. Raises nothing that concerns one account alone."""
        return [self.run_account(account) for account in self.accounts]

    def run_account(self, account: str, told: Collection[Alarm] | None = None) -> PassReport:
        """One pass over one account. `told` are the alarms that were told before, by whatever process.

        Raises what the ledger may fail with, and nothing else.
        """
        cloud, before = self._clouds[account], self._told.get(account, frozenset()) if told is None else told
        if cloud.remover is None:
            return PassReport(account=account)
        report = self._account(account, cloud.remover)
        self._raise_alarms(account, report.alarms, before)
        return self._with_instances(report, cloud.instances)

    def _account(self, account: str, remover: Remover) -> PassReport:
        try:
            observed = remover.observe()
            acts = plan.decide(self._situation(account, observed))
        except (Unavailable, LedgerEmpty) as failure:
            return PassReport(account=account, failures=(failure,), is_away=isinstance(failure, AWAY))
        except Exception as surprise:
            log.exception("pass in %s", account)
            return PassReport(account=account, failures=(AwsFailed(f"A surprise: {type(surprise).__name__}."),))
        report = self._carry_out(account, remover, acts)
        return replace(report, users=len(observed.users), fences=len(observed.fences))

    def _with_instances(self, report: PassReport, instances: Instances | None) -> PassReport:
        """What leases have left running, after all that matters more."""
        if instances is None or report.is_away:
            return report
        try:
            left = self._launched.left(report.account, instances)
            failures = self._launched.stop(report.account, instances, left)
        except Unavailable as failure:
            return replace(report, failures=(*report.failures, failure))
        return replace(report, left_running=left, failures=(*report.failures, *failures))

    def _situation(self, account: str, observed: Observed) -> Situation:
        """The ledger is read after AWS was observed: see domain/plan.py for why."""
        known = bool(self._store.find(LeaseQuery(account=account, limit=1)))
        if observed.users and not known and not self._trust_empty_ledger:
            raise LedgerEmpty(f"{account} holds {len(observed.users)} leased users, the ledger no lease at all.")
        leases = self._store.find(LeaseQuery(account=account, states=NOT_ENDED, limit=1_000_000))
        return Situation(observed=observed, leases=tuple(leases), now=self._clock.now(), rules=self._rules)

    def _carry_out(self, account: str, remover: Remover, acts: list[Act]) -> PassReport:
        done: Counter[str] = Counter()
        alarms: list[Alarm] = []
        failures: list[KeyleaseError] = []
        step = _Step(self._store, remover, self._clock, account, self._rules)
        away = 0
        for one in acts:
            if isinstance(one, Alarm):
                alarms.append(one)
                continue
            try:
                if step(one):
                    done[type(one).__name__] += 1
                away = 0
            except AWAY as failure:
                failures.append(failure)
                away += 1
                if away == MOST_AWAY:
                    break
            except ChangedMeanwhile:
                log.info("%s: somebody else acted first", one)
            except KeyleaseError as failure:
                failures.append(failure)
        return PassReport(
            account=account,
            done=dict(done),
            alarms=tuple(alarms),
            failures=tuple(failures),
            is_away=away == MOST_AWAY,
        )

    def _raise_alarms(self, account: str, alarms: Collection[Alarm], told: Collection[Alarm]) -> None:
        for alarm in alarms:
            if alarm not in told:
                log.error("%s: %s", account, alarm.sentence)
                details = {"account": account, "what": alarm.what, "name": alarm.name}
                event = AuditEvent(at=self._clock.now(), action="alarm", actor=KEYLEASE, details=details)
                self._store.append(event)
        self._told[account] = frozenset(alarms)


class _Step:
    """Carries out one act; says whether there was anything to do."""

    def __init__(self, store: Store, remover: Remover, clock: Clock, account: str, rules: Rules) -> None:
        self._store = store
        self._remover = remover
        self._clock = clock
        self._account = account
        self._grace = rules.renewal_grace
        self._ending = Ending(store=store, remover=remover, clock=clock, keep_fences=rules.keep_fences_ahead)

    def __call__(self, one: Act) -> bool:
        match one:
            case plan.RemoveOrphan(user_name):
                return self._remover.remove_user(user_name) and self._record("orphan-removed", user=user_name)
            case plan.Deactivate(user_name, groups):
                for group in groups:
                    self._remover.leave_group(user_name, group)
                self._remover.drop_policies(user_name)
                return self._record("stranger-deactivated", user=user_name)
            case plan.DeleteFence(name):
                return self._remover.delete_fence(name) and self._record("fence-deleted", fence=name)
            case plan.RefuseSessions(role):
                self._ending.refuse_sessions(self._account, role)
                return self._record("refusals-written", account=self._account, role=role)
        return self._on_a_lease(one)

    def _on_a_lease(self, one: Act) -> bool:
        match one:
            case plan.End(lease, reason):
                return self._ending.end(lease, reason, KEYLEASE).state is State.CLOSED
            case plan.Remove(lease):
                return self._ending.remove(lease).state is State.CLOSED
            case plan.Abandon(lease):
                self._ending.abandon(lease)
            case plan.Close(lease, reason):
                close(self._store, lease, reason, actor=KEYLEASE, now=self._clock.now())
            case plan.Retire(lease):
                retire(self._store, lease.id, grace=self._grace, now=self._clock.now())
            case plan.DeleteStrayKey(lease, access_key_id):
                self._remover.delete_access_key(lease.user_name or "", access_key_id)
                self._record("stray-key-deleted", lease, access_key_id=access_key_id)
            case plan.LeaveGroup(lease, group):
                self._remover.leave_group(lease.user_name or "", group)
                self._record("group-left", lease, group=group)
            case plan.DropPolicies(lease, policies):
                self._remover.drop_policies(lease.user_name or "")
                self._record("policies-dropped", lease, policies=", ".join(policies))
        return True

    def _record(self, action: str, lease: Lease | None = None, **details: str) -> bool:
        now = self._clock.now()
        if lease is None:
            self._store.append(AuditEvent(at=now, action=action, actor=KEYLEASE, details=details))
        else:
            self._store.append(act(action, lease, KEYLEASE, now, **details))
        return True
