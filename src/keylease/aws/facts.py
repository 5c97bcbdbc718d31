"""What a permission set's group says of itself, remembered for some minutes.

People ask for leases more often than administrators change groups, and a horizon only moves forward: what is some
minutes old refuses at most what would be possible by now, and never allows too much.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from keylease.aws import inspector
from keylease.aws.clients import Clients
from keylease.domain import outlive
from keylease.domain.clock import Clock
from keylease.errors import GroupMissing
from keylease.ports import GroupFacts

REMEMBERED = timedelta(minutes=5)


class Groups:
    """The groups of one account, as the issuer may read them."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._lock = threading.Lock()
        self._read: dict[str, tuple[datetime, inspector.Group]] = {}

    def facts(self, name: str) -> GroupFacts:
        """The group's horizon and what it allows that no fence can stop. Raises `GroupMissing`."""
        group = self._group(name)
        documents = [policy.document for policy in group.policies]
        return GroupFacts(horizon=group.horizon, warnings=outlive.tells(documents))

    def _group(self, name: str) -> inspector.Group:
        with self._lock:
            read_at, group = self._read.get(name, (None, None))
        if read_at is not None and group is not None and self._clock.now() - read_at < REMEMBERED:
            return group
        group = inspector.group(self._clients, name)
        if group is None:
            raise GroupMissing(f"There is no IAM group {name} in the account {self._clients.account.id}.")
        with self._lock:
            self._read[name] = self._clock.now(), group
        return group
