"""Changes of fees on their way into the catalogue."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from gateway.domain.fee_draft import DraftStatus
from gateway.store.tables.base import METADATA, instant, one_of

fee_drafts = Table(
    "fee_drafts",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("procedure", Text, nullable=False),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("change", JSONB, nullable=False, comment="the new version of the item, as in the catalogue"),
    Column("base_version", Integer, nullable=False, comment="of the procedure, when it was drafted"),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("is_correction", Boolean, nullable=False),
    Column("drafted_by", Uuid, ForeignKey("officers.id"), nullable=False),
    instant("drafted_at"),
    Column("decided_by", Uuid, ForeignKey("officers.id")),
    instant("decided_at", nullable=True),
    Column("decision", Text, nullable=False, server_default=text("''")),
    Column("published_version", Integer),
    Column("withdrawn_by", Uuid, ForeignKey("officers.id")),
    instant("withdrawn_at", nullable=True),
    Column("withdrawal", Text, nullable=False, server_default=text("''")),
    one_of("status", DraftStatus),
    CheckConstraint("decided_by <> drafted_by", name="two_persons"),
    CheckConstraint("status <> 'published' OR (published_version IS NOT NULL AND decided_by IS NOT NULL)", name="done"),
    Index("fee_drafts_procedure_idx", "procedure"),
    Index("fee_drafts_agency_id_idx", "agency_id"),
)
