"""Sign-ins: browsers' sessions, terminals with their tokens, and what is remembered for one use."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "web_sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        *_signed_in(),
        sa.Column("created_at", sa.String(20), nullable=False),
        sa.Column("last_seen_at", sa.String(20), nullable=False),
        sa.Column("ended_at", sa.String(20)),
    )
    op.create_index("web_sessions_by_age", "web_sessions", ["created_at"])
    op.create_table(
        "terminals",
        sa.Column("id", sa.String(32), primary_key=True),
        *_signed_in(),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.String(20), nullable=False),
        sa.Column("last_used_at", sa.String(20), nullable=False),
        sa.Column("ended_at", sa.String(20)),
    )
    op.create_index("terminals_by_end", "terminals", ["expires_at"])
    op.create_table(
        "terminal_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("terminal_id", sa.String(32), sa.ForeignKey("terminals.id"), nullable=False),
        sa.Column("successor", sa.String(64)),
        sa.Column("until", sa.String(20)),
    )
    op.create_index("terminal_tokens_by_terminal", "terminal_tokens", ["terminal_id"])
    op.create_index("terminal_tokens_by_end", "terminal_tokens", ["until"])
    op.create_table(
        "one_time",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("until", sa.String(20), nullable=False),
    )
    op.create_index("one_time_by_end", "one_time", ["until"])


def _signed_in() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("issuer", sa.String(512), nullable=False),
        sa.Column("subject", sa.String(512), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("authenticated_at", sa.String(20), nullable=False),
        sa.Column("proven_at", sa.String(20)),
        sa.Column("methods", sa.JSON, nullable=False),
    )
