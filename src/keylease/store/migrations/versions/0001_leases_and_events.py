"""The first schema: leases and the audit chain."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "leases",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("principal_id", sa.String(512), nullable=False),
        sa.Column("principal_name", sa.String(256), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("permission_set", sa.String(128), nullable=False),
        sa.Column("group", sa.String(640), nullable=False),
        sa.Column("grant", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(256), nullable=False),
        sa.Column("asked", sa.String(32), nullable=False),
        sa.Column("requested_at", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.String(20), nullable=False),
        sa.Column("warnings", sa.JSON, nullable=False),
        sa.Column("share", sa.Boolean, nullable=False),
        sa.Column("approver_id", sa.String(512)),
        sa.Column("approver_name", sa.String(256)),
        sa.Column("decided_at", sa.String(20)),
        sa.Column("decision_reason", sa.String(256)),
        sa.Column("issued_at", sa.String(20)),
        sa.Column("collections", sa.Integer, nullable=False),
        sa.Column("user_name", sa.String(64)),
        sa.Column("access_key_id", sa.String(128)),
        sa.Column("fence", sa.String(128)),
        sa.Column("ended_at", sa.String(20)),
        sa.Column("end_reason", sa.String(32)),
        sa.Column("renewal_of", sa.String(16)),
        sa.Column("retire_at", sa.String(20)),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("retry_at", sa.String(20)),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("leases_by_principal", "leases", ["principal_id", "requested_at"])
    op.create_index("leases_by_state", "leases", ["state", "account"])
    op.create_index("leases_by_fence", "leases", ["fence"])
    op.create_index("leases_by_request", "leases", ["requested_at"])
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("lease_id", sa.String(16)),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("events_by_lease", "events", ["lease_id"])
