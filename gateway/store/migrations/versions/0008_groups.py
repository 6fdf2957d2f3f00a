"""The likeliest causes of what runs found, and the groups that they make."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    jsonb = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "finding_causes",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="the likeliest"),
        sa.Column("group_key", sa.Text(), nullable=False, comment="the same for all that one cause did"),
        sa.Column("action", sa.Text(), nullable=False, comment="what is proposed"),
        sa.Column("asks_first", sa.Boolean(), nullable=False, comment="asking the provider again would decide it"),
        sa.Column(
            "moved_at",
            postgresql.TIMESTAMP(timezone=True),
            nullable=True,
            comment="when the money moved, as far as either side says",
        ),
        sa.Column(
            "ranking", jsonb, nullable=False, comment="the likeliest causes, with score and facts for and against"
        ),
        sa.Column("figures", jsonb, nullable=False, comment="what the words of the facts name"),
        sa.ForeignKeyConstraint(
            ["run_id", "discrepancy_id"],
            ["run_findings.run_id", "run_findings.discrepancy_id"],
            name="finding_causes_finding_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "discrepancy_id", name=op.f("finding_causes_pkey")),
        comment="as the run saw it, so that its report does not change; an opinion that posts nothing",
    )
    op.create_index("finding_causes_group_key_idx", "finding_causes", ["group_key", "run_id", "discrepancy_id"])
    op.create_index("finding_causes_discrepancy_id_idx", "finding_causes", ["discrepancy_id"])
