"""Settlement batches that are told anew, decisions on proposed pairs and receipts, and whose each API key is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

ACTIONS = (
    "'accept_late_payment', 'refund_duplicate', 'assign_receipt', 'return_receipt', 'accept_proposal', 'correct_fee',"
    " 'write_off', 'close_explained'"
)


def upgrade() -> None:
    _accept_and_return()
    _tell_anew()
    _say_whose_keys()


def _accept_and_return() -> None:
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


def _tell_anew() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.add_column("settlement_batches", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.create_table(
        "settlement_batch_versions",
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payout_id", sa.Text(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("last_line", sa.Integer(), nullable=False, comment="the highest number of a line up to this version"),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("total_currency", sa.Text(), nullable=True),
        sa.Column("loaded_at", instant, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"], ["settlement_batches.id"], name=op.f("settlement_batch_versions_batch_fkey")
        ),
        sa.PrimaryKeyConstraint("batch", "version", name=op.f("settlement_batch_versions_pkey")),
        comment="a batch each time that its provider told it in another way; only inserted",
    )
    op.execute(
        "INSERT INTO settlement_batch_versions (batch, version, payout_id, sha256, lines, last_line, total_minor,"
        " total_currency, loaded_at) SELECT id, 1, payout_id, sha256, lines, lines, total_minor, total_currency,"
        " loaded_at FROM settlement_batches"
    )
    op.create_table(
        "gone_lines",
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="from this one on the provider does not tell the line"
        ),
        sa.ForeignKeyConstraint(
            ["batch", "line"],
            ["settlement_lines.batch", "settlement_lines.line"],
            name=op.f("gone_lines_batch_line_fkey"),
        ),
        sa.PrimaryKeyConstraint("batch", "line", name=op.f("gone_lines_pkey")),
        comment="only inserted",
    )
    op.create_table(
        "ended_matches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=False),
        sa.Column("ended_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("ended_matches_run_id_fkey")),
        sa.ForeignKeyConstraint(["ended_by"], ["reconciliation_runs.id"], name=op.f("ended_matches_ended_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("ended_matches_pkey")),
        comment="members of matches whose line is gone; they have no bits any more. Only inserted",
    )
    op.create_index("ended_matches_run_id_idx", "ended_matches", ["run_id"])
    op.create_index("ended_matches_ended_by_idx", "ended_matches", ["ended_by"])


def _say_whose_keys() -> None:
    op.add_column(
        "api_keys",
        sa.Column("principal", sa.Uuid(), comment="whose key it is: the first of those that succeeded each other"),
    )
    op.execute(
        """
        WITH RECURSIVE successor AS (
            SELECT subject_id::uuid AS before, (after ->> 'successor')::uuid AS id
              FROM audit_log WHERE action = 'api_key_rotated'
        ), chain AS (
            SELECT id, id AS first FROM api_keys WHERE id NOT IN (SELECT id FROM successor)
             UNION ALL
            SELECT successor.id, chain.first FROM chain JOIN successor ON successor.before = chain.id
        )
        UPDATE api_keys SET principal = chain.first FROM chain WHERE chain.id = api_keys.id
        """
    )
    op.alter_column("api_keys", "principal", nullable=False)
