"""A session as the tests hold one: an hour long, of a lease with three days left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keylease.agent.session import Session
from keylease.domain.secret import Secret

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SESSION = Session(
    lease_id="L-4k7m9q2x",
    access_key_id="ASIAFAKE",
    secret_access_key=Secret("fake/secret"),
    session_token=Secret("fake/token"),
    expiration=NOW + 60 * MINUTE,
    ends_at=NOW + timedelta(days=3),
    account_id="123456789012",
    region="eu-central-1",
    fetched_at=NOW,
)
