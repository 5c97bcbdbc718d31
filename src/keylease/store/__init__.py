"""The ledger in a database: SQLite for one machine, PostgreSQL for many, from one schema."""

from keylease.store.ledger import Ledger, open_ledger

__all__ = ["Ledger", "open_ledger"]
