"""Officers and their sessions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "officers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False, comment="in small letters; how the officer signs in"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=True, comment="null: acts for every agency"),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("disabled_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("cardinality(roles) > 0", name=op.f("officers_roles_check")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("officers_agency_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("officers_pkey")),
        sa.UniqueConstraint("email", name=op.f("officers_email_key")),
    )
    op.create_table(
        "officer_sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, comment="SHA-256; the cookie holds the token"),
        sa.Column("officer_id", sa.Uuid(), nullable=False),
        sa.Column("begun_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("officer_sessions_officer_id_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("officer_sessions_pkey")),
    )
    op.create_index("officer_sessions_officer_id_idx", "officer_sessions", ["officer_id"])
