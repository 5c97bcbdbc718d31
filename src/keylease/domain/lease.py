"""A lease and its life.

`TRANSITIONS` is the whole life of a lease; everything that moves one goes through `Lease.after`. A state says
what AWS may hold, never what the clock can tell: a lease whose time is up is `active` with `expires_at <= now`
until its access key is gone, and AWS refuses the key all the while.

    requested   nothing in AWS; somebody must decide
    approved    nothing in AWS; the owner may collect, or take a first session
    issuing     perhaps a user, perhaps a key; not yet acknowledged by its owner
    active      a user with one access key; or sessions, each of which ends by itself
    revoking    being removed; perhaps part of it is still there, perhaps a session that is refused runs on
    stuck       removal has failed repeatedly; retried for ever, and a person told
    closed, denied, withdrawn      nothing in AWS, for ever

Both kinds share the table; `ONLY_FOR` names the events that one kind alone takes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from keylease.domain.until import Until, write
from keylease.errors import ChangedMeanwhile


class State(StrEnum):
    """What AWS may hold for a lease."""

    REQUESTED = "requested"
    APPROVED = "approved"
    ISSUING = "issuing"
    ACTIVE = "active"
    REVOKING = "revoking"
    STUCK = "stuck"
    CLOSED = "closed"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    """What can happen to a lease."""

    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    COLLECT = "collect"
    MAKE = "make"
    ACKNOWLEDGE = "acknowledge"
    RECALL = "recall"
    UNDO = "undo"
    ABANDON = "abandon"
    ASSUME = "assume"
    BIND = "bind"
    END = "end"
    FAIL = "fail"
    RETIRE = "retire"
    CLOSE = "close"


class EndReason(StrEnum):
    """Why a lease ended."""

    EXPIRED = "expired"
    RETURNED = "returned"
    REVOKED = "revoked"
    RENEWED = "renewed"
    UNCOLLECTED = "uncollected"
    UNDECIDED = "undecided"
    GHOST = "ghost"
    DRIFT = "drift"
    """Somebody took its fence off or edited it, so that AWS would no longer end it."""
    DIRECTORY = "directory"
    """The company's directory no longer has its owner, or not in the groups that the grant names."""


class Kind(StrEnum):
    """What a lease gives."""

    ACCESS_KEY = "access-key"
    SESSION = "session"


S, E = State, Event
TRANSITIONS: dict[tuple[State, Event], State] = {
    (S.REQUESTED, E.APPROVE): S.APPROVED,
    (S.REQUESTED, E.DENY): S.DENIED,
    (S.REQUESTED, E.WITHDRAW): S.WITHDRAWN,
    (S.REQUESTED, E.CLOSE): S.CLOSED,  # nobody decided in time
    (S.APPROVED, E.COLLECT): S.ISSUING,  # the intent, before AWS is called
    (S.APPROVED, E.ASSUME): S.ACTIVE,  # its first session was given
    (S.APPROVED, E.BIND): S.APPROVED,  # sessions go to another machine from now on
    (S.APPROVED, E.UNDO): S.REQUESTED,  # its approver took the approval back; nothing was collected
    (S.APPROVED, E.CLOSE): S.CLOSED,  # never collected
    (S.ISSUING, E.MAKE): S.ISSUING,  # the access key is made and on its way
    (S.ISSUING, E.ACKNOWLEDGE): S.ACTIVE,
    (S.ISSUING, E.RECALL): S.ISSUING,  # never acknowledged, and from now on not to be: the intent to abandon
    (S.ISSUING, E.ABANDON): S.APPROVED,  # all of it was removed again
    (S.ISSUING, E.END): S.REVOKING,
    (S.ACTIVE, E.ASSUME): S.ACTIVE,  # one more session was given
    (S.ACTIVE, E.BIND): S.ACTIVE,
    (S.ACTIVE, E.RECALL): S.ISSUING,  # its owner has lost the access key: the intent to abandon it
    (S.ACTIVE, E.RETIRE): S.ACTIVE,  # its renewal was collected: it goes after a grace period
    (S.ACTIVE, E.END): S.REVOKING,  # the intent, before AWS is called
    (S.REVOKING, E.FAIL): S.REVOKING,
    (S.REVOKING, E.CLOSE): S.CLOSED,
    (S.STUCK, E.FAIL): S.STUCK,
    (S.STUCK, E.CLOSE): S.CLOSED,
}
ONLY_FOR: dict[Event, Kind] = {
    E.COLLECT: Kind.ACCESS_KEY,
    E.RECALL: Kind.ACCESS_KEY,
    E.ASSUME: Kind.SESSION,
    E.BIND: Kind.SESSION,
}
"""Events that only leases of one kind take. What follows a collection (make, acknowledge, abandon) needs none."""
STUCK_AFTER = 5
"""Failed removals after which a lease is called stuck. It is retried all the same."""

ENDED = frozenset({S.CLOSED, S.DENIED, S.WITHDRAWN})
IN_AWS = frozenset({S.ISSUING, S.ACTIVE, S.REVOKING, S.STUCK})
"""The states in which AWS may hold something of the lease."""
del S, E

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's, which nobody misreads


def new_id() -> str:
    """A lease id that was never used before and is short enough to read aloud, such as `L-4k7m9q2x`."""
    return f"L-{_letters(8)}"


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


class NoTransition(ChangedMeanwhile):
    """The lease's state does not take this event: another act came first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Our promise that one credential stops working at `expires_at`. A record: acts make new ones."""

    id: str
    kind: Kind
    state: State
    principal_id: str
    principal_name: str
    account: str
    permission_set: str
    group: str
    """The IAM group that the user joins; written down at the request, so that an end finds it for certain. Empty
    where the lease gives sessions."""
    grant: str
    reason: str
    asked: Until
    requested_at: datetime
    expires_at: datetime
    """Aware UTC on a slot's edge. Before the approval of a duration: what it would be if approved at once."""
    warnings: tuple[str, ...] = ()
    """What no fence can stop and the permission set allowed when it was asked for; shown to whoever decides."""
    share: bool = False
    """Whether the fence lets resource policies and copies be opened to others (the permission set says so)."""
    approver_id: str | None = None
    approver_name: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    issued_at: datetime | None = None
    """When the owner began to collect."""
    collections: int = 0
    """How often collecting began; each time makes a user of a name that was never used before."""
    user_name: str | None = None
    access_key_id: str | None = None
    fence: str | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    role: str | None = None
    """The session role, by its name, where the lease gives sessions."""
    machine: str | None = None
    """The machine that sessions go to: the thumbprint of its public key (RFC 7638). The first session binds it."""
    last_session_at: datetime | None = None
    sessions_until: datetime | None = None
    """When AWS ends the last of its sessions by itself."""
    renewal_of: str | None = None
    retire_at: datetime | None = None
    """When it goes early, since its renewal was collected."""
    failures: int = 0
    retry_at: datetime | None = None
    version: int = 0
    """Counts the acts on this lease; a save of any other version than the stored one is refused."""

    def after(self, event: Event, **changes: Any) -> Lease:
        """The lease once `event` has happened. Raises `NoTransition`."""
        state = TRANSITIONS.get((self.state, event))
        if state is None or ONLY_FOR.get(event, self.kind) is not self.kind:
            raise NoTransition(f"a lease of the kind {self.kind} that is {self.state} takes no {event}")
        if event is Event.FAIL and changes.get("failures", self.failures) >= STUCK_AFTER:
            state = State.STUCK
        if state in ENDED or event in {Event.RECALL, Event.ABANDON}:
            changes |= {"access_key_id": None}
        return replace(self, state=state, version=self.version + 1, **changes)

    def is_over(self, now: datetime) -> bool:
        """Whether AWS refuses this lease's key by now, or the lease ended early."""
        return self.state in ENDED or self.expires_at <= now


def user_name(lease: Lease, collection: int) -> str:
    """The IAM user name for the nth collection: readable in CloudTrail, and never used before.

    At most 64 characters of those IAM allows; the person's name is shortened, never the lease's id. Four letters by
    chance keep it new even where a ledger was restored from an old backup.
    """
    again = f"-{collection}" if collection > 1 else ""
    return f"{readable(lease)}{again}-{_letters(4)}"


def readable(lease: Lease) -> str:
    """The owner and the lease as one name that IAM takes, of at most 47 characters: `mara-lind-4k7m9q2x`."""
    person = re.sub(r"[^a-z0-9.]+", "-", lease.principal_name.lower()).strip("-.")[:38] or "someone"
    return f"{person}-{lease.id.removeprefix('L-')}"


def digest(lease: Lease) -> str:
    """One text for all that the ledger says of a lease; each audit event of the lease carries it."""
    fields = {field.name: _plain(getattr(lease, field.name)) for field in dataclasses.fields(lease)}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, datetime | timedelta):
        return write(value)
    return list(value) if isinstance(value, tuple) else value
