"""What of a bank's statement is which payout, which charge, or which credit that was known already."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.store.tables.base import METADATA, currency, minor

bank_matches = Table(
    "bank_matches",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("group_id", Uuid, nullable=False, comment="its rows are one match"),
    Column("run_id", Uuid, ForeignKey("reconciliation_runs.id"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("rules_version", Text, nullable=False),
    Column("bank_line", BigInteger, ForeignKey("bank_lines.id"), comment="of the statement"),
    Column("batch", Uuid, ForeignKey("settlement_batches.id"), comment="of the payout"),
    Column("credit", Uuid, ForeignKey("bank_credits.id"), comment="what the line is, if it was known already"),
    currency(),
    minor("amount_minor", comment="of the line; what the batch pays out"),
    minor(
        "unplaced_minor",
        nullable=True,
        comment="of a line: what of it belongs to no agency that is known yet; null: nobody asks",
    ),
    Column("evidence", JSONB),
    Column(
        "ended_by",
        Uuid,
        ForeignKey("reconciliation_runs.id"),
        comment="the run that found it undone; its sides are free since then",
    ),
    Index("bank_matches_bank_line_key", "bank_line", unique=True, postgresql_where=text("ended_by IS NULL")),
    Index("bank_matches_batch_key", "batch", "currency", unique=True, postgresql_where=text("ended_by IS NULL")),
    Index("bank_matches_credit_key", "credit", unique=True, postgresql_where=text("ended_by IS NULL")),
    CheckConstraint("num_nonnulls(bank_line, batch) = 1", name="side"),
    CheckConstraint("credit IS NULL OR bank_line IS NOT NULL", name="credit"),
    Index("bank_matches_run_id_idx", "run_id"),
    Index("bank_matches_group_id_idx", "group_id"),
    Index("bank_matches_unplaced_idx", "run_id", postgresql_where=text("unplaced_minor <> 0")),
    comment="each row is one side of a match, and in no other that has not ended",
)
