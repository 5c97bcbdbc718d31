"""Dates and numbers as findings word them."""

from __future__ import annotations

from datetime import datetime

from keylease.audit.snapshot import Bearer, Credentials, ReportedKey, Snapshot
from keylease.domain.iam import USER_PATH

ADOPT = "keylease adopt plan"


def day(instant: datetime | None) -> str:
    """`2026-11-03`, or `never`."""
    return instant.date().isoformat() if instant else "never"


def age(then: datetime, now: datetime) -> str:
    """`412 days`."""
    days = (now - then).days
    return f"{days:,} day{'' if days == 1 else 's'}"


def key_name(at: Snapshot, user: str, key: ReportedKey) -> str:
    """An access key by its id where that is known, else by its place: `access key 2`."""
    return at.key_id(user, key) or f"access key {key.slot}"


def key_evidence(at: Snapshot, key: ReportedKey) -> tuple[tuple[str, str], ...]:
    """When a key was made or last changed, and when, where and for what it was used."""
    used = day(key.used)
    where = f" in {key.used_region} for {key.used_service}" if key.used else ""
    made = f"{day(key.made)} ({age(key.made, at.at)} ago)" if key.made else "unknown"
    return (("made", made), ("last used", used + where))


def is_leased(arn: str) -> bool:
    """Whether a user is a lease's, and so ends by itself."""
    return f":user{USER_PATH}" in arn


def of_people(at: Snapshot) -> list[Credentials]:
    """The rows of users that keylease did not make."""
    return [row for row in at.credentials() if not is_leased(row.arn)]


def active(row: Credentials) -> list[ReportedKey]:
    """A user's access keys that work."""
    return [key for key in row.keys if key.active]


def owner(bearer: Bearer, names: tuple[str, ...]) -> str | None:
    """Who a user's tags say it belongs to."""
    written = {name.lower(): value for name, value in bearer.tags.items()}
    return next((written[name] for name in names if written.get(name)), None)
