"""What databases fail with, in keylease's words.

SQLite says it in a text, PostgreSQL by a code of five signs (SQLSTATE). A connection that broke says nothing of
what became of a commit that was under way: `StoreAway` leaves that open, all others mean that nothing was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from keylease.errors import KeyleaseError, StoreAway, StoreBusy, StoreFailed, StoreFull

_BY_STATE: dict[str, type[KeyleaseError]] = {
    "25006": StoreFull,  # read_only_sql_transaction: a standby, or a server that was set so
    "40001": StoreBusy,  # serialization_failure
    "40P01": StoreBusy,  # deadlock_detected
    "53100": StoreFull,  # disk_full
    "53300": StoreAway,  # too_many_connections
    "55P03": StoreBusy,  # lock_not_available
    "57014": StoreBusy,  # query_canceled, by the limit of a statement
    "58030": StoreFull,  # io_error
}
"""By SQLSTATE (PostgreSQL, appendix A)."""
_AWAY = ("08", "57P")
"""Classes that mean that the connection, or the server, is gone."""
_FULL = ("disk is full", "readonly", "disk I/O", "unable to open", "No space")

_SENTENCES: dict[type[KeyleaseError], str] = {
    StoreAway: "The ledger's database does not answer",
    StoreBusy: "The ledger is in use by somebody else",
    StoreFull: "The ledger cannot be written",
    StoreFailed: "The ledger's database did not do what it was told",
}


@contextmanager
def failures() -> Iterator[None]:
    """No exception of SQLAlchemy or a driver leaves the store."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise translate(error) from None


def translate(error: sa.exc.SQLAlchemyError) -> KeyleaseError:
    """keylease's failure for one of SQLAlchemy's. Only the first line of what the database said is told on."""
    said = str(getattr(error, "orig", None) or type(error).__name__)
    kind = _kind(error, said)
    return kind(f"{_SENTENCES[kind]} ({said.strip().partition(chr(10))[0]}).")


def _kind(error: sa.exc.SQLAlchemyError, said: str) -> type[KeyleaseError]:
    if isinstance(error, sa.exc.TimeoutError):
        return StoreBusy
    state = getattr(getattr(error, "orig", None), "sqlstate", "")
    if state:
        return _BY_STATE.get(state, StoreAway if state.startswith(_AWAY) else StoreFailed)
    if state is None and isinstance(error, sa.exc.OperationalError):
        return StoreAway  # psycopg could not connect, or has lost the connection
    if "locked" in said or "busy" in said:
        return StoreBusy
    return StoreFull if any(word in said for word in _FULL) else StoreFailed
