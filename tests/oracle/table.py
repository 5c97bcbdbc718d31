"""The whole table of rows, from the modules that hold its parts."""

from __future__ import annotations

from oracle import rows as table
from oracle.rows import Policies, Row
from oracle.rows_of_launches import rows_of_launches
from oracle.rows_of_sessions import rows_of_sessions


def rows(policies: Policies) -> list[Row]:
    """Every row."""
    return [*table.rows(policies), *rows_of_sessions(policies), *rows_of_launches(policies)]
