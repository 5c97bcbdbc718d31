"""What people are told, what they have chosen of it, and their private calendars."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notices",
        sa.Column("key", sa.String(40), primary_key=True),
        sa.Column("told", sa.String(16), nullable=False),
        sa.Column("to", sa.String(320), nullable=False),
        sa.Column("lease_id", sa.String(16)),
        sa.Column("text", sa.JSON, nullable=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("due_at", sa.String(20)),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("done_at", sa.String(20)),
        sa.Column("failure", sa.String(16)),
    )
    op.create_index("notices_by_due", "notices", ["due_at"])
    op.create_index("notices_by_lease", "notices", ["lease_id"])
    op.create_table(
        "notice_cursor",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "notice_choices",
        sa.Column("principal_id", sa.String(512), primary_key=True),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("mails", sa.Boolean, nullable=False),
        sa.Column("reminders", sa.Boolean, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
    )
    op.create_table(
        "feeds",
        sa.Column("principal_id", sa.String(512), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(20), nullable=False),
    )
    op.create_index("feeds_by_digest", "feeds", ["digest"])
