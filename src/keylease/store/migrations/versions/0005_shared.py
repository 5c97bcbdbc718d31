"""What processes tell one another: what passes saw, and how fast accounts are asked."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "passes",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_table(
        "paces",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("rate", sa.Double, nullable=False),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("removing_at", sa.Double, nullable=False),
        sa.Column("grown_at", sa.Double, nullable=False),
        sa.Column("refused_at", sa.Double, nullable=False),
        sa.Column("away_until", sa.Double, nullable=False),
        sa.Column("outages", sa.Integer, nullable=False),
    )
