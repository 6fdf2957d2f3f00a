"""What the assistant thinks of what a run found."""

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from gateway.store.tables.base import METADATA, instant

finding_causes = Table(
    "finding_causes",
    METADATA,
    Column("run_id", Uuid, primary_key=True),
    Column("discrepancy_id", Uuid, primary_key=True),
    Column("cause", Text, nullable=False, comment="the likeliest"),
    Column("group_key", Text, nullable=False, comment="the same for all that one cause did"),
    Column("action", Text, nullable=False, comment="what is proposed"),
    Column("asks_first", Boolean, nullable=False, comment="asking the provider again would decide it"),
    instant("moved_at", nullable=True, comment="when the money moved, as far as either side says"),
    Column("ranking", JSONB, nullable=False, comment="the likeliest causes, with score and facts for and against"),
    Column("figures", JSONB, nullable=False, comment="what the words of the facts name"),
    ForeignKeyConstraint(
        ["run_id", "discrepancy_id"],
        ["run_findings.run_id", "run_findings.discrepancy_id"],
        name="finding_causes_finding_fkey",
        ondelete="CASCADE",
    ),
    Index("finding_causes_group_key_idx", "group_key", "run_id", "discrepancy_id"),
    Index("finding_causes_discrepancy_id_idx", "discrepancy_id"),
    comment="as the run saw it, so that its report does not change; an opinion that posts nothing",
)
