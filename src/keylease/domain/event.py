"""The audit trail as a chain.

Each record carries the hash of the one before, so a record that was changed, removed or put in between breaks
every hash after it. The hash is SHA-256 over the previous hash and the record's canonical JSON (sorted keys, no
white space, UTF-8). The chain shows that something was changed; an anchor outside (a printed hash, a log
bucket) is needed to show that its whole end was not cut off or written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from keylease.domain import clock
from keylease.errors import ChainBroken

GENESIS = "0" * 64
DIGEST = "lease-digest"
"""The detail of a lease's record that holds the digest of all that the ledger then said of the lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One act: who did what to which lease, when. `details` holds texts and numbers, never a secret."""

    at: datetime
    action: str
    actor: str
    lease_id: str | None = None
    details: Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedEvent:
    """An act in its place in the chain."""

    seq: int
    event: AuditEvent
    previous: str
    hash: str


def canonical(seq: int, event: AuditEvent) -> bytes:
    """The very bytes that are hashed."""
    record = {
        "seq": seq,
        "at": clock.to_text(event.at),
        "action": event.action,
        "actor": event.actor,
        "lease": event.lease_id,
        "details": dict(event.details),
    }
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chain(event: AuditEvent, last: ChainedEvent | None) -> ChainedEvent:
    """The event as the next link after `last`."""
    seq = last.seq + 1 if last else 1
    previous = last.hash if last else GENESIS
    digest = hashlib.sha256(previous.encode() + canonical(seq, event)).hexdigest()
    return ChainedEvent(seq=seq, event=event, previous=previous, hash=digest)


def verify(chained: Iterable[ChainedEvent]) -> ChainedEvent | None:
    """Follow the chain from its start and return its last link. Raises `ChainBroken` at the first bad one."""
    last: ChainedEvent | None = None
    for link in chained:
        if link != chain(link.event, last):
            raise ChainBroken(
                f"Record {link.seq} ({link.event.action}) is not what was written, or one before is gone."
            )
        last = link
    return last
