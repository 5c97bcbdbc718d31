"""For many machines: on PostgreSQL texts have no lengths, which SQLite never had.

What limits a text is keylease's own rules, or AWS's; a name that a directory gave is as long as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = ("leases", "events", "web_sessions", "terminals", "terminal_tokens", "one_time")


def upgrade() -> None:
    """Alter the columns' types; PostgreSQL rewrites nothing for that."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for table in TABLES:
        for column in sa.inspect(connection).get_columns(table):
            if isinstance(column["type"], sa.String):
                op.alter_column(table, column["name"], type_=sa.Text())
