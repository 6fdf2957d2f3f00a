"""Payouts that are settled after they came, and those that the bank takes back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"

_OF_A_LIVE_MATCH = {"bank_line": ["bank_line"], "batch": ["batch", "currency"], "credit": ["credit"]}


def upgrade() -> None:
    op.add_column(
        "statement_files",
        sa.Column(
            "named_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="payouts known then were looked for in it; null: those when it came",
        ),
    )
    op.add_column(
        "bank_credits",
        sa.Column(
            "returned_as", sa.Text(), nullable=True, comment="the bank's own name of the booking that took it back"
        ),
    )
    op.drop_constraint("bank_credits_status_check", "bank_credits")
    op.create_check_constraint(
        op.f("bank_credits_status_check"),
        "bank_credits",
        "status IN ('identified', 'unidentified', 'returned', 'payout')",
    )
    op.add_column(
        "bank_matches",
        sa.Column(
            "ended_by", sa.Uuid(), nullable=True, comment="the run that found it undone; its sides are free since then"
        ),
    )
    op.create_foreign_key(
        op.f("bank_matches_ended_by_fkey"), "bank_matches", "reconciliation_runs", ["ended_by"], ["id"]
    )
    for side, columns in _OF_A_LIVE_MATCH.items():
        op.drop_constraint(f"bank_matches_{side}_key", "bank_matches")
        op.create_index(
            f"bank_matches_{side}_key",
            "bank_matches",
            columns,
            unique=True,
            postgresql_where=sa.text("ended_by IS NULL"),
        )
    op.create_table_comment(
        "bank_matches", "each row is one side of a match, and in no other that has not ended", existing_comment=None
    )
