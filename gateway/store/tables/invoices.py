"""Invoices with their explained lines, and the checkout sessions in which they are settled."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gateway.domain.checkout import CheckoutStatus
from gateway.domain.invoice import InvoiceStatus
from gateway.domain.national_references import ReferenceStyle
from gateway.store.tables.base import METADATA, currency, instant, minor, one_of

invoices = Table(
    "invoices",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("procedure", Text, nullable=False),
    Column("procedure_version", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("dossier", Text, nullable=False),
    Column("payer_id", Uuid, ForeignKey("payers.id"), nullable=False),
    Column("status", Text, nullable=False),
    currency(),
    minor("total_minor"),
    minor("paid_minor", server_default=text("0")),
    minor("refunded_minor", server_default=text("0")),
    Column("due_on", Date),
    Column("assisted", Boolean, nullable=False, server_default=text("false")),
    Column("metadata", JSONB, nullable=False),
    Column("created_by", Uuid, nullable=False),
    instant("created_at"),
    Column("business_date", Date, nullable=False),
    Column("reference_style", Text, nullable=False, server_default=text("'rf'"), comment="in which payers see it"),
    Column(
        "reference_issuer", Text, nullable=False, server_default=text("''"), comment="what names the agency beside it"
    ),
    UniqueConstraint("reference", name="invoices_reference_key"),
    UniqueConstraint("id", "currency", name="invoices_id_currency_key"),
    one_of("status", InvoiceStatus),
    one_of("reference_style", ReferenceStyle),
    CheckConstraint("total_minor >= 0", name="total_minor"),
    CheckConstraint("paid_minor BETWEEN 0 AND total_minor", name="paid_minor"),
    CheckConstraint("refunded_minor BETWEEN 0 AND paid_minor", name="refunded_minor"),
    CheckConstraint("status <> 'paid' OR paid_minor = total_minor", name="paid_in_full"),
    Index("invoices_agency_id_idx", "agency_id", "id"),
    Index("invoices_dossier_idx", "dossier"),
    Index("invoices_due_on_idx", "due_on", postgresql_where=text("status = 'open' AND due_on IS NOT NULL")),
)

invoice_lines = Table(
    "invoice_lines",
    METADATA,
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("fee_item", Text, nullable=False),
    Column("revenue_code", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    minor("begins_minor", comment="what the lines before it add up to"),
    minor("amount_minor"),
    minor("reduction_minor"),
    Column("legal_basis", Text, nullable=False),
    Column("steps", JSONB, nullable=False),
    CheckConstraint("amount_minor >= 0 AND reduction_minor >= 0", name="amounts"),
)

checkout_sessions = Table(
    "checkout_sessions",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), nullable=False),
    Column("status", Text, nullable=False),
    currency(),
    minor("amount_minor"),
    Column("return_url", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("methods", ARRAY(Text), nullable=False),
    Column("created_by", Uuid, nullable=False),
    instant("created_at"),
    instant("expires_at"),
    instant("next_check_at", nullable=True),
    UniqueConstraint("id", "currency", name="checkout_sessions_id_currency_key"),
    one_of("status", CheckoutStatus),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    Index("checkout_sessions_agency_id_idx", "agency_id", "id"),
    Index("checkout_sessions_next_check_at_idx", "next_check_at", postgresql_where=text("status = 'open'")),
)

checkout_invoices = Table(
    "checkout_invoices",
    METADATA,
    Column("session_id", Uuid, ForeignKey("checkout_sessions.id"), primary_key=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("position", Integer, nullable=False),
    minor("amount_minor"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    Index("checkout_invoices_invoice_id_idx", "invoice_id"),
)
