"""Decisions about discrepancies, what people said about them, and traces."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("discrepancies", sa.Column("assigned_to", sa.Text(), comment="who looks after it"))
    comment = "until then it is known to be a matter of time"
    op.add_column("discrepancies", sa.Column("carried_until", sa.Date(), comment=comment))
    create_resolutions()
    create_notes()
    create_traces()
    op.execute("SELECT make_append_only('discrepancy_notes')")


def create_resolutions() -> None:
    op.create_table(
        "resolutions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "effect",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the transfers, as they were shown when it was proposed",
        ),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "decided_by",
            sa.Text(),
            nullable=True,
            comment="null: nobody yet, or nobody needs to, because no money moves",
        ),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "action IN ('accept_late_payment', 'refund_duplicate', 'assign_receipt', 'correct_fee', 'write_off', 'close_explained')",
            name=op.f("resolutions_action_check"),
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'applied', 'rejected', 'withdrawn')", name=op.f("resolutions_status_check")
        ),
        sa.CheckConstraint(
            "status = 'withdrawn' OR decided_by IS DISTINCT FROM proposed_by", name=op.f("resolutions_four_eyes_check")
        ),
        sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name=op.f("resolutions_decided_at_check")),
        sa.CheckConstraint(
            "action = 'close_explained' OR status <> 'applied' OR decided_by IS NOT NULL",
            name=op.f("resolutions_approved_check"),
        ),
        sa.ForeignKeyConstraint(["discrepancy_id"], ["discrepancies.id"], name=op.f("resolutions_discrepancy_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("resolutions_pkey")),
    )
    op.create_index(
        "resolutions_live_key",
        "resolutions",
        ["discrepancy_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'applied')"),
    )
    op.create_index("resolutions_proposed_idx", "resolutions", ["id"], postgresql_where=sa.text("status = 'proposed'"))


def create_notes() -> None:
    op.create_table(
        "discrepancy_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('comment', 'assigned', 'carried', 'asked', 'traced', 'proposed', 'decided')",
            name=op.f("discrepancy_notes_kind_check"),
        ),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"], ["discrepancies.id"], name=op.f("discrepancy_notes_discrepancy_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("discrepancy_notes_pkey")),
        comment="append-only",
    )
    op.create_index(op.f("discrepancy_notes_discrepancy_id_idx"), "discrepancy_notes", ["discrepancy_id"])


def create_traces() -> None:
    op.create_table(
        "traces",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True, comment="null: none yet"),
        sa.Column("answered_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('trace', 'dispute')", name=op.f("traces_kind_check")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("traces_answered_check")),
        sa.ForeignKeyConstraint(["discrepancy_id"], ["discrepancies.id"], name=op.f("traces_discrepancy_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("traces_pkey")),
    )
    op.create_index(op.f("traces_discrepancy_id_idx"), "traces", ["discrepancy_id"])
