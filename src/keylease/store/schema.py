"""The tables, and how a lease and an event lie in them.

A lease's columns are the fields of `Lease`, so a field that is added there needs a migration here and nothing
else. Instants are texts in UTC (`2026-12-08T17:00:00Z`): they sort as they run. Of what opens a sign-in only the
digest is kept; the tables of sign-ins are in sessions.py's hands.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import RowMapping
from sqlalchemy.types import TypeDecorator

from keylease.domain import clock, until
from keylease.domain.event import AuditEvent, ChainedEvent
from keylease.domain.lease import EndReason, Kind, Lease, State


class Instant(TypeDecorator[datetime]):
    """An aware instant as a text in UTC."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """To the database."""
        return None if value is None else clock.to_text(value)

    def process_result_value(self, value: str | None, dialect: object) -> datetime | None:  # noqa: ARG002 - its too
        """From the database."""
        return None if value is None else clock.from_text(value)


metadata = MetaData()

leases = Table(
    "leases",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("principal_id", String(512), nullable=False),
    Column("principal_name", String(256), nullable=False),
    Column("account", String(128), nullable=False),
    Column("permission_set", String(128), nullable=False),
    Column("group", String(640), nullable=False),
    Column("grant", String(128), nullable=False),
    Column("reason", String(256), nullable=False),
    Column("asked", String(32), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("share", Boolean, nullable=False),
    Column("approver_id", String(512)),
    Column("approver_name", String(256)),
    Column("decided_at", Instant),
    Column("decision_reason", String(256)),
    Column("issued_at", Instant),
    Column("collections", Integer, nullable=False),
    Column("user_name", String(64)),
    Column("access_key_id", String(128)),
    Column("fence", String(128)),
    Column("ended_at", Instant),
    Column("end_reason", String(32)),
    Column("role", String(64)),
    Column("machine", String(64)),
    Column("last_session_at", Instant),
    Column("sessions_until", Instant),
    Column("renewal_of", String(16)),
    Column("retire_at", Instant),
    Column("failures", Integer, nullable=False),
    Column("retry_at", Instant),
    Column("version", Integer, nullable=False),
    Index("leases_by_principal", "principal_id", "requested_at"),
    Index("leases_by_state", "state", "account"),
    Index("leases_by_fence", "fence"),
    Index("leases_by_request", "requested_at"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("action", String(64), nullable=False),
    Column("actor", String(512), nullable=False),
    Column("lease_id", String(16)),
    Column("details", JSON, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("events_by_lease", "lease_id"),
)


def _signed_in() -> tuple[Column[Any], ...]:
    """What `SignedIn` holds, in each table of sign-ins."""
    return (
        Column("issuer", String(512), nullable=False),
        Column("subject", String(512), nullable=False),
        Column("name", String(256), nullable=False),
        Column("groups", JSON, nullable=False),
        Column("authenticated_at", Instant, nullable=False),
        Column("proven_at", Instant),
        Column("methods", JSON, nullable=False),
    )


web_sessions = Table(
    "web_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    *_signed_in(),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("web_sessions_by_age", "created_at"),
)

terminals = Table(
    "terminals",
    metadata,
    Column("id", String(32), primary_key=True),
    *_signed_in(),
    Column("machine", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("terminals_by_end", "expires_at"),
)

terminal_tokens = Table(
    "terminal_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("terminal_id", String(32), ForeignKey("terminals.id"), nullable=False),
    Column("successor", String(64)),
    Column("until", Instant),
    Index("terminal_tokens_by_terminal", "terminal_id"),
    Index("terminal_tokens_by_end", "until"),
)
"""An access token has an end; a refresh token has a successor once it was exchanged."""

one_time = Table(
    "one_time",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("content", JSON, nullable=False),
    Column("until", Instant, nullable=False),
    Index("one_time_by_end", "until"),
)

passes = Table(
    "passes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("content", JSON, nullable=False),
)

paces = Table(
    "paces",
    metadata,
    Column("account", Text, primary_key=True),
    Column("rate", Double, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("removing_at", Double, nullable=False),
    Column("grown_at", Double, nullable=False),
    Column("refused_at", Double, nullable=False),
    Column("away_until", Double, nullable=False),
    Column("outages", Integer, nullable=False),
)


notices = Table(
    "notices",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("told", String(16), nullable=False),
    Column("to", String(320), nullable=False),
    Column("lease_id", String(16)),
    Column("text", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("tries", Integer, nullable=False),
    Column("done_at", Instant),
    Column("failure", String(16)),
    Index("notices_by_due", "due_at"),
    Index("notices_by_lease", "lease_id"),
)
"""A notice that is done is due no more; `failure` says why where it was not sent."""

notice_cursor = Table(
    "notice_cursor",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("seq", Integer, nullable=False),
)

notice_choices = Table(
    "notice_choices",
    metadata,
    Column("principal_id", String(512), primary_key=True),
    Column("address", String(320), nullable=False),
    Column("mails", Boolean, nullable=False),
    Column("reminders", Boolean, nullable=False),
    Column("groups", JSON, nullable=False),
)

feeds = Table(
    "feeds",
    metadata,
    Column("principal_id", String(512), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Index("feeds_by_digest", "digest"),
)


def to_row(lease: Lease) -> dict[str, Any]:
    """A lease as a row."""
    row = {field.name: getattr(lease, field.name) for field in dataclasses.fields(lease)}
    return row | {"asked": until.write(lease.asked), "warnings": list(lease.warnings)}


def to_lease(row: RowMapping) -> Lease:
    """A row as a lease."""
    reason = row["end_reason"]
    known = {
        "kind": Kind(row["kind"]),
        "state": State(row["state"]),
        "asked": until.parse(row["asked"]),
        "warnings": tuple(row["warnings"]),
        "end_reason": EndReason(reason) if reason else None,
    }
    return Lease(**(dict(row) | known))


def link_to_row(link: ChainedEvent) -> dict[str, Any]:
    """A link of the audit chain as a row."""
    event = link.event
    return {
        "seq": link.seq,
        "at": event.at,
        "action": event.action,
        "actor": event.actor,
        "lease_id": event.lease_id,
        "details": dict(event.details),
        "previous": link.previous,
        "hash": link.hash,
    }


def to_link(row: RowMapping) -> ChainedEvent:
    """A row as a link of the audit chain."""
    event = AuditEvent(
        at=row["at"], action=row["action"], actor=row["actor"], lease_id=row["lease_id"], details=row["details"]
    )
    return ChainedEvent(seq=row["seq"], event=event, previous=row["previous"], hash=row["hash"])
