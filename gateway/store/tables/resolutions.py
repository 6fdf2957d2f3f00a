"""What people decided about discrepancies, and what they said about them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.domain.resolution import Action, ResolutionStatus
from gateway.store.tables.base import METADATA, instant, one_of

resolutions = Table(
    "resolutions",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("discrepancy_id", Uuid, ForeignKey("discrepancies.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("effect", JSONB, nullable=False, comment="the transfers, as they were shown when it was proposed"),
    Column("proposed_by", Text, nullable=False),
    instant("proposed_at"),
    Column("decided_by", Text, comment="null: nobody yet, or nobody needs to, because no money moves"),
    instant("decided_at", nullable=True),
    one_of("action", Action),
    one_of("status", ResolutionStatus),
    CheckConstraint("status = 'withdrawn' OR decided_by IS DISTINCT FROM proposed_by", name="four_eyes"),
    CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided_at"),
    CheckConstraint("action = 'close_explained' OR status <> 'applied' OR decided_by IS NOT NULL", name="approved"),
    Index(
        "resolutions_live_key",
        "discrepancy_id",
        unique=True,
        postgresql_where=text("status IN ('proposed', 'applied')"),
    ),
    Index("resolutions_proposed_idx", "id", postgresql_where=text("status = 'proposed'")),
)

accepted_pairs = Table(
    "accepted_pairs",
    METADATA,
    Column("resolution_id", Uuid, ForeignKey("resolutions.id"), primary_key=True),
    Column("batch", Uuid, nullable=False),
    Column("line", Integer, nullable=False),
    Column("entry_id", BigInteger, nullable=False),
    UniqueConstraint("batch", "line"),
    UniqueConstraint("entry_id"),
    ForeignKeyConstraint(["batch", "line"], ["settlement_lines.batch", "settlement_lines.line"]),
    comment="a settlement line and a ledger entry that people know to be the same; runs match them before all else",
)

discrepancy_notes = Table(
    "discrepancy_notes",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("discrepancy_id", Uuid, ForeignKey("discrepancies.id"), nullable=False, index=True),
    instant("at"),
    Column("author", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    one_of("kind", ("comment", "assigned", "carried", "asked", "traced", "proposed", "decided")),
    comment="append-only",
)

traces = Table(
    "traces",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("discrepancy_id", Uuid, ForeignKey("discrepancies.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("addressee", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("opened_by", Text, nullable=False),
    instant("opened_at"),
    Column("answer", Text, comment="null: none yet"),
    instant("answered_at", nullable=True),
    one_of("kind", ("trace", "dispute")),
    CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered"),
)
