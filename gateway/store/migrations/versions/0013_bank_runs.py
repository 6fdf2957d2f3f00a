"""What of a bank's statement is which payout, which charge, or which credit that was known already."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "bank_matches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False, comment="its rows are one match"),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("bank_line", sa.BigInteger(), nullable=True, comment="of the statement"),
        sa.Column("batch", sa.Uuid(), nullable=True, comment="of the payout"),
        sa.Column("credit", sa.Uuid(), nullable=True, comment="what the line is, if it was known already"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False, comment="of the line; what the batch pays out"),
        sa.Column(
            "unplaced_minor",
            sa.BigInteger(),
            nullable=True,
            comment="of a line: what of it belongs to no agency that is known yet; null: nobody asks",
        ),
        sa.Column("evidence", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("num_nonnulls(bank_line, batch) = 1", name=op.f("bank_matches_side_check")),
        sa.CheckConstraint("credit IS NULL OR bank_line IS NOT NULL", name=op.f("bank_matches_credit_check")),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("bank_matches_run_id_fkey")),
        sa.ForeignKeyConstraint(["bank_line"], ["bank_lines.id"], name=op.f("bank_matches_bank_line_fkey")),
        sa.ForeignKeyConstraint(["batch"], ["settlement_batches.id"], name=op.f("bank_matches_batch_fkey")),
        sa.ForeignKeyConstraint(["credit"], ["bank_credits.id"], name=op.f("bank_matches_credit_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("bank_matches_pkey")),
        sa.UniqueConstraint("bank_line", name="bank_matches_bank_line_key"),
        sa.UniqueConstraint("batch", "currency", name="bank_matches_batch_key"),
        sa.UniqueConstraint("credit", name="bank_matches_credit_key"),
        comment="each row is one side of a match, and in no other",
    )
    op.create_index("bank_matches_run_id_idx", "bank_matches", ["run_id"])
    op.create_index("bank_matches_group_id_idx", "bank_matches", ["group_id"])
    op.create_index(
        "bank_matches_unplaced_idx", "bank_matches", ["run_id"], postgresql_where=sa.text("unplaced_minor <> 0")
    )
    op.create_index(
        "discrepancies_batch_idx", "discrepancies", ["batch", "line"], postgresql_where=sa.text("batch IS NOT NULL")
    )
