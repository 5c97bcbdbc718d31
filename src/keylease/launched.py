"""What leases have left running: instances whose lease is over.

An instance goes on after the lease that launched it. Each pass lists those whose owner holds no lease of the same
permission set in the account any more, and, where the administrator has turned that on, stops them a while later:
stopped, never terminated, so nothing is lost and its owner starts it again under the next lease.

An instance whose tag names no lease of the ledger is told and never stopped: nobody knows whose it is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from keylease.domain.clock import Clock
from keylease.domain.event import AuditEvent
from keylease.domain.lease import IN_AWS, Lease, State
from keylease.domain.status import ends_at
from keylease.ending import KEYLEASE
from keylease.errors import KeyleaseError, NoSuchLease, NothingLaunched
from keylease.ports import Cloud, Instance, Instances, LaunchRole, LeaseQuery, Store

log = logging.getLogger(__name__)

RUNS = frozenset({"pending", "running"})
GOES_ON = (IN_AWS | {State.APPROVED}) - {State.REVOKING, State.STUCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftRunning:
    """An instance whose lease is over, and since when. `lease` is None where the ledger knows none.

    `stops_at`: from when on it is stopped; None where it never is.
    """

    instance: Instance
    lease: Lease | None
    since: datetime | None
    stops_at: datetime | None = None

    @property
    def runs(self) -> bool:
        """Whether it runs; what is stopped costs little and does nothing."""
        return self.instance.state in RUNS


def launch_roles(lease: Lease, clouds: Mapping[str, Cloud]) -> Sequence[LaunchRole]:
    """What this lease may pass to what it launches. Raises `NothingLaunched`, and what AWS may fail with."""
    instances = clouds[lease.account].instances if lease.account in clouds else None
    if instances is None:
        raise NothingLaunched(f"Nothing that leases launch in {lease.account} is watched from here.")
    return instances.launch_roles()


class Launched:
    """Looks after instances, account by account. `stop_after` is None where nothing is ever stopped."""

    def __init__(self, *, store: Store, clock: Clock, stop_after: timedelta | None) -> None:
        self._store = store
        self._clock = clock
        self._stop_after = stop_after
        self._begun: set[Instance] = set()

    def left(self, account: str, instances: Instances) -> tuple[LeftRunning, ...]:
        """The instances whose lease is over, stopped ones too. Raises what AWS and the ledger may fail with."""
        seen = instances.leased()
        found = (self._look(account, one) for one in seen)
        return tuple(one for one in found if one is not None)

    def stop(self, account: str, instances: Instances, left: tuple[LeftRunning, ...]) -> list[KeyleaseError]:
        """Stop those whose time has come, whichever of them fails; the failures."""
        failures = []
        due = [one for one in left if self._is_due(one)]
        for one in due:
            self._record("instance-stopping", account, one)
            try:
                instances.stop(one.instance)
            except KeyleaseError as failure:
                failures.append(failure)
        self._begun &= {one.instance for one in due}
        return failures

    def _look(self, account: str, instance: Instance) -> LeftRunning | None:
        now = self._clock.now()
        try:
            lease = self._store.get(instance.lease_id)
        except NoSuchLease:
            return LeftRunning(instance=instance, lease=None, since=None)
        if lease.account != account:
            return LeftRunning(instance=instance, lease=None, since=None)
        theirs = self._store.find(LeaseQuery(principal_id=lease.principal_id, account=account))
        same = [one for one in theirs if one.permission_set == lease.permission_set]
        if any(one.state in GOES_ON and ends_at(one) > now for one in same):
            return None
        since = max(min(one.ended_at or now, ends_at(one)) for one in [*same, lease])
        stops_at = since + self._stop_after if self._stop_after is not None else None
        return LeftRunning(instance=instance, lease=lease, since=since, stops_at=stops_at)

    def _is_due(self, one: LeftRunning) -> bool:
        return one.runs and one.stops_at is not None and one.stops_at <= self._clock.now()

    def _record(self, action: str, account: str, one: LeftRunning) -> None:
        """Once for each instance, however often it is tried."""
        if one.instance in self._begun:
            return
        self._begun.add(one.instance)
        details = {"account": account, "region": one.instance.region, "instance": one.instance.id}
        now, lease_id = self._clock.now(), one.lease.id if one.lease else None
        log.warning("%s: stopping %s of %s", account, one.instance.id, lease_id)
        self._store.append(AuditEvent(at=now, action=action, actor=KEYLEASE, lease_id=lease_id, details=details))
