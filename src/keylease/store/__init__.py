"""The ledger in a database: SQLite for one machine, PostgreSQL for many, from one schema."""

from keylease.store.copying import Copied, copy
from keylease.store.ledger import Ledger, open_ledger
from keylease.store.sessions import kept
from keylease.store.telling import telling

__all__ = ["Copied", "Ledger", "copy", "kept", "open_ledger", "telling"]
