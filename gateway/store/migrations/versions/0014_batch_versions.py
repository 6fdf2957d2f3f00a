"""Decisions that accept a proposed pair or send a receipt back."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0011"

ACTIONS = (
    "'accept_late_payment', 'refund_duplicate', 'assign_receipt', 'return_receipt', 'accept_proposal', 'correct_fee',"
    " 'write_off', 'close_explained'"
)


def upgrade() -> None:
    op.drop_constraint(op.f("resolutions_action_check"), "resolutions")
    op.create_check_constraint(op.f("resolutions_action_check"), "resolutions", f"action IN ({ACTIONS})")
    op.create_table(
        "accepted_pairs",
        sa.Column("resolution_id", sa.Uuid(), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch", "line"],
            ["settlement_lines.batch", "settlement_lines.line"],
            name=op.f("accepted_pairs_batch_line_fkey"),
        ),
        sa.ForeignKeyConstraint(["resolution_id"], ["resolutions.id"], name=op.f("accepted_pairs_resolution_id_fkey")),
        sa.PrimaryKeyConstraint("resolution_id", name=op.f("accepted_pairs_pkey")),
        sa.UniqueConstraint("batch", "line", name=op.f("accepted_pairs_batch_line_key")),
        sa.UniqueConstraint("entry_id", name=op.f("accepted_pairs_entry_id_key")),
        comment="a settlement line and a ledger entry that people know to be the same; runs match them before all else",
    )
