"""What the server's answers look like to those who ask: plain JSON, as it came.

Instants are ISO 8601 with `Z`. A newer server's further fields are there too; nothing here holds a secret.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Named(TypedDict):
    """Somebody: a stable id, none for a grant that approves by itself, and what the directory calls them."""

    id: str | None
    name: str


class May(TypedDict):
    """What the one who asks may do with a lease now."""

    approve: bool
    collect: bool
    revoke: bool
    renew: bool


class LeaseView(TypedDict):
    """A lease as the server shows it. Instants are ISO 8601 with `Z`; `asked` is a duration or an instant."""

    id: str
    kind: str
    state: str
    status: str
    account: str
    account_id: str
    permission_set: str
    title: str
    warnings: list[str]
    share: bool
    reason: str
    owner: Named
    approver: Named | None
    approvers: list[str]
    decision_reason: str | None
    requested_at: str
    decided_at: str | None
    issued_at: str | None
    asked: str
    expires_at: str
    ended_at: str | None
    end_reason: str | None
    seconds_left: int
    renewal_of: str | None
    retire_at: str | None
    user_name: str | None
    access_key_id: str | None
    may: May
    can: NotRequired[list[str]]
    closes_at: NotRequired[str | None]


class SetView(TypedDict):
    """A permission set in an account that one may ask for."""

    permission_set: str
    title: str
    account: str
    account_id: str
    max_ttl: str
    automatic: bool
    share: bool
    warnings: list[str]


class EventView(TypedDict):
    """A record of the audit trail."""

    seq: int
    at: str
    action: str
    actor: str
    lease_id: str | None
    details: dict[str, Any]
    hash: str


class Me(TypedDict):
    """Who one is, as the server sees it."""

    id: str
    subject: str
    name: str
    groups: list[str]
    administrator: bool
    auditor: bool
    authenticated_at: NotRequired[str | None]
    methods: NotRequired[list[str]]
    signed_in_until: NotRequired[str | None]


class Verified(TypedDict):
    """A chain that holds."""

    ok: bool
    records: int
    last_hash: str
