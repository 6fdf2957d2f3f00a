"""Matches of several lines with one entry, and of one line with several entries: a row a member.

A row may have a line, an entry or both, so that neither can be the key of the table any more. What makes a match
exclusive are the two unique constraints, as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"

SIDES = "num_nonnulls(line, entry_id) >= CASE WHEN group_no IS NULL THEN 2 ELSE 1 END"


def upgrade() -> None:
    op.drop_constraint(op.f("matches_pkey"), "matches")
    for name in ("batch", "line", "entry_id"):
        op.alter_column("matches", name, nullable=True)
    op.add_column(
        "matches",
        sa.Column(
            "group_no",
            sa.Integer(),
            nullable=True,
            comment="in the run; its rows are one match, each with a line, an entry or both",
        ),
    )
    op.create_unique_constraint(op.f("matches_batch_line_key"), "matches", ["batch", "line"])
    op.create_check_constraint(op.f("matches_batch_check"), "matches", "(batch IS NULL) = (line IS NULL)")
    op.create_check_constraint(op.f("matches_sides_check"), "matches", SIDES)
    op.create_index(
        "matches_group_no_idx",
        "matches",
        ["run_id", "group_no"],
        unique=False,
        postgresql_where=sa.text("group_no IS NOT NULL"),
    )
