"""What a permission set's group or session role says of itself, remembered for some minutes.

People ask for leases more often than administrators change groups, and a horizon only moves forward: what is some
minutes old refuses at most what would be possible by now, and never allows too much.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from keylease.aws import inspector
from keylease.aws.clients import Clients
from keylease.domain import outlive, powers
from keylease.domain.clock import Clock
from keylease.domain.group_policy import as_leased
from keylease.domain.iam import SESSION_PATH
from keylease.errors import GroupMissing, RoleMissing
from keylease.ports import GroupFacts

REMEMBERED = timedelta(minutes=5)


class Groups:
    """The groups and session roles of one account, as the issuer may read them."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._lock = threading.Lock()
        self._read: dict[tuple[str, str], tuple[datetime, GroupFacts]] = {}

    def facts(self, name: str) -> GroupFacts:
        """The group's horizon and what it allows that no fence can stop. Raises `GroupMissing`."""
        return self._remembered("group", name, partial(_group, self._clients, name))

    def role_facts(self, name: str) -> GroupFacts:
        """The same of a session role. Raises `RoleMissing`."""
        return self._remembered("role", name, partial(_role, self._clients, name))

    def _remembered(self, kind: str, name: str, read: Callable[[], GroupFacts]) -> GroupFacts:
        with self._lock:
            known = self._read.get((kind, name))
        if known is not None and self._clock.now() - known[0] < REMEMBERED:
            return known[1]
        facts = read()
        with self._lock:
            self._read[kind, name] = self._clock.now(), facts
        return facts


def _group(clients: Clients, name: str) -> GroupFacts:
    group = inspector.group(clients, name)
    if group is None:
        raise GroupMissing(f"There is no IAM group {name} in the account {clients.account.id}.")
    met = [as_leased(policy.document) for policy in group.policies]
    return GroupFacts(horizon=group.horizon, warnings=outlive.tells(met), can=powers.can(met))


def _role(clients: Clients, name: str) -> GroupFacts:
    role = inspector.role(clients, name)
    if role is None or role.path != SESSION_PATH:
        raise RoleMissing(f"There is no role {SESSION_PATH}{name} in the account {clients.account.id}.")
    given = [policy.document for policy in role.policies]
    return GroupFacts(horizon=role.horizon, warnings=outlive.tells(given), can=powers.can(given))
