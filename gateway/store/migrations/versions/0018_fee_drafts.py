"""Changes of fees that officers draft and publish."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "fee_drafts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("procedure", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("fee_item", sa.Text(), nullable=False),
        sa.Column(
            "change", postgresql.JSONB(), nullable=False, comment="the new version of the item, as in the catalogue"
        ),
        sa.Column("base_version", sa.Integer(), nullable=False, comment="of the procedure, when it was drafted"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("is_correction", sa.Boolean(), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=False),
        sa.Column("drafted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("published_version", sa.Integer(), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("withdrawal", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'published', 'rejected', 'withdrawn')", name=op.f("fee_drafts_status_check")
        ),
        sa.CheckConstraint("decided_by <> drafted_by", name=op.f("fee_drafts_two_persons_check")),
        sa.CheckConstraint(
            "status <> 'published' OR (published_version IS NOT NULL AND decided_by IS NOT NULL)",
            name=op.f("fee_drafts_done_check"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fee_drafts_agency_id_fkey")),
        sa.ForeignKeyConstraint(["drafted_by"], ["officers.id"], name=op.f("fee_drafts_drafted_by_fkey")),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.id"], name=op.f("fee_drafts_decided_by_fkey")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["officers.id"], name=op.f("fee_drafts_withdrawn_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("fee_drafts_pkey")),
    )
    op.create_index("fee_drafts_procedure_idx", "fee_drafts", ["procedure"])
    op.create_index("fee_drafts_agency_id_idx", "fee_drafts", ["agency_id"])
