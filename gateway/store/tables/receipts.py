"""Receipts, numbered without gaps within an agency, series and year."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from gateway.store.tables.base import METADATA, currency, instant, minor

receipts = Table(
    "receipts",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), nullable=False, unique=True),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    minor("amount_minor"),
    currency(),
    instant("due_at"),
    Column("series", Text),
    Column("year", Integer),
    Column("number", Integer, comment="null as long as it is due"),
    instant("issued_at", nullable=True),
    Column("business_date", Date, comment="of issue, where the agency is"),
    UniqueConstraint("agency_id", "series", "year", "number"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    CheckConstraint("number BETWEEN 1 AND 99999999", name="number"),
    CheckConstraint(
        "num_nulls(series, year, number, issued_at, business_date) IN (0, 5)",
        name="issued",
    ),
    Index("receipts_due_idx", "id", postgresql_where=text("number IS NULL")),
    Index("receipts_business_date_idx", "agency_id", "business_date"),
)

receipt_mails = Table(
    "receipt_mails",
    METADATA,
    Column("receipt_id", Uuid, ForeignKey("receipts.id"), primary_key=True),
    instant("made_at"),
    instant("next_try_at", nullable=True),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("outcome", Text, comment="null as long as it is tried"),
    CheckConstraint("(outcome IS NULL) = (next_try_at IS NOT NULL)", name="outcome"),
    Index("receipt_mails_next_try_at_idx", "next_try_at"),
)

receipt_counters = Table(
    "receipt_counters",
    METADATA,
    Column("agency_id", Uuid, ForeignKey("agencies.id"), primary_key=True),
    Column("series", Text, primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("last_number", Integer, nullable=False),
    comment="the row is locked until its numbers are committed, so that none is lost",
)
