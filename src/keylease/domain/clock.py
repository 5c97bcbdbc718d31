"""The time: who may read it, and how it is written.

Everywhere else the time is a parameter: aware, UTC, whole seconds. A decision takes one `now` and keeps it.
`SystemClock` is the only code that reads the machine's clock or waits.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime:
        """The present instant: aware, UTC, rounded down to a whole second."""
        ...

    def precise(self) -> float:
        """The present in seconds since 1970, with fractions: for paces and durations, never for a decision."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant: aware, UTC, rounded down to a whole second."""
        return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the one place that may

    def precise(self) -> float:
        """The present in seconds since 1970, with their fractions."""
        return time.time()  # noqa: TID251 - the one place that may

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: TID251 - the one place that may


def utc(instant: datetime) -> datetime:
    """The same instant in UTC, rounded down to a whole second.

    Raises `ValueError` for one without a zone: there is no telling when it is.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return instant.astimezone(UTC).replace(microsecond=0)


def to_text(instant: datetime) -> str:
    """An instant as AWS writes it in a policy: `2026-12-08T17:00:00Z`."""
    return utc(instant).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """The reverse of `to_text`; any ISO 8601 instant with a zone is read. Raises `ValueError`."""
    return utc(datetime.fromisoformat(text))
