"""Matches written by the block, and matches of several lines with one entry or of one line with several entries.

The table of matches becomes that of the steps' matches, a row a member, and may lack a line or an entry; the bulk goes
into chunks. What makes matches exclusive are bits for each line and entry, which a trigger keeps apart. `matches` is a
view of both.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0004"

SQL = Path(__file__).parents[1] / "sql"
SIDES = "num_nonnulls(line, entry_id) >= CASE WHEN group_no IS NULL THEN 2 ELSE 1 END"


def upgrade() -> None:
    let_rows_be_members()
    create_tables()
    op.get_bind().exec_driver_sql((SQL / "matches.sql").read_text().replace("%", "%%"))


def let_rows_be_members() -> None:
    op.rename_table("matches", "match_rows")
    op.drop_constraint("matches_pkey", "match_rows")
    for name in ("batch", "line", "entry_id"):
        op.alter_column("match_rows", name, nullable=True)
    op.add_column(
        "match_rows",
        sa.Column(
            "group_no",
            sa.Integer(),
            nullable=True,
            comment="in the run; its rows are one match, each with a line, an entry or both",
        ),
    )
    op.create_unique_constraint(op.f("match_rows_batch_line_key"), "match_rows", ["batch", "line"])
    op.create_check_constraint(op.f("match_rows_batch_check"), "match_rows", "(batch IS NULL) = (line IS NULL)")
    op.create_check_constraint(op.f("match_rows_sides_check"), "match_rows", SIDES)
    op.create_index(
        "match_rows_group_no_idx",
        "match_rows",
        ["run_id", "group_no"],
        unique=False,
        postgresql_where=sa.text("group_no IS NOT NULL"),
    )
    op.execute("ALTER TABLE match_rows RENAME CONSTRAINT matches_entry_id_key TO match_rows_entry_id_key")
    op.execute("ALTER TABLE match_rows RENAME CONSTRAINT matches_batch_line_fkey TO match_rows_batch_line_fkey")
    op.execute("ALTER TABLE match_rows RENAME CONSTRAINT matches_run_id_fkey TO match_rows_run_id_fkey")
    op.execute("ALTER INDEX matches_run_id_idx RENAME TO match_rows_run_id_idx")
    op.create_table_comment(
        "match_rows", "matches by the steps of the matching; the view `matches` has them all", existing_comment=None
    )


def create_tables() -> None:
    op.create_table(
        "match_chunks",
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False, comment="line >> 10"),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column(
            "pairs",
            postgresql.ARRAY(sa.BigInteger()),
            nullable=False,
            comment="(entry << 10) | (line & 1023), in no order",
        ),
        sa.ForeignKeyConstraint(["batch"], ["settlement_batches.id"], name=op.f("match_chunks_batch_fkey")),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("match_chunks_run_id_fkey")),
        sa.PrimaryKeyConstraint("batch", "block", "run_id", name=op.f("match_chunks_pkey")),
        comment="matches of one line and one entry by provider_reference: the bulk, in blocks of lines",
    )
    op.create_index("match_chunks_run_id_idx", "match_chunks", ["run_id"], unique=False)
    op.create_table(
        "matched_lines",
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False, comment="line >> 10"),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column(
            "bits", postgresql.BIT(1024), nullable=False, comment="bit line & 1023 is set if the run matched the line"
        ),
        sa.ForeignKeyConstraint(["batch"], ["settlement_batches.id"], name=op.f("matched_lines_batch_fkey")),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("matched_lines_run_id_fkey")),
        sa.PrimaryKeyConstraint("batch", "block", "run_id", name=op.f("matched_lines_pkey")),
        comment="exclusive by a trigger: a settlement line takes part in one live match",
    )
    op.create_table(
        "matched_entries",
        sa.Column("block", sa.BigInteger(), nullable=False, comment="entry >> 10"),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column(
            "bits", postgresql.BIT(1024), nullable=False, comment="bit entry & 1023 is set if the run matched the entry"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["reconciliation_runs.id"], name=op.f("matched_entries_run_id_fkey")),
        sa.PrimaryKeyConstraint("block", "run_id", name=op.f("matched_entries_pkey")),
        comment="exclusive by a trigger: a ledger entry takes part in one live match",
    )
    for name in ("matched_lines", "matched_entries"):
        op.create_index(f"{name}_run_id_idx", name, ["run_id"], unique=False)
