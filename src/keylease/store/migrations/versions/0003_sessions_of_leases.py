"""Leases that give sessions: the role, the machine they go to, and the last of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("leases", sa.Column("role", sa.String(64)))
    op.add_column("leases", sa.Column("machine", sa.String(64)))
    op.add_column("leases", sa.Column("last_session_at", sa.String(20)))
    op.add_column("leases", sa.Column("sessions_until", sa.String(20)))
