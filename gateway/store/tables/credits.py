"""What banks credited to the agencies' accounts, and up to when each bank was asked for it."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from gateway.domain.credit import CreditStatus
from gateway.store.tables.base import METADATA, currency, instant, minor, one_of

bank_credits = Table(
    "bank_credits",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("provider_transaction_id", Text, nullable=False, comment="the bank's own name of the booking"),
    Column("account", Text, nullable=False, comment="the agency's; if it is nobody's here, as the bank names it"),
    minor("amount_minor"),
    currency(),
    instant("occurred_at"),
    Column("business_date", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("agency_id", Uuid, ForeignKey("agencies.id"), comment="null: the account is nobody's here"),
    Column("payment_id", Uuid, ForeignKey("payments.id"), comment="what the credit turned out to be"),
    Column("master_key_id", Text),
    Column(
        "sealed_remittance",
        LargeBinary,
        comment="what the payer wrote, kept as long as nobody knows what the credit is for",
    ),
    instant("received_at"),
    Column("returned_as", Text, comment="the bank's own name of the booking that took it back"),
    UniqueConstraint("provider", "provider_transaction_id"),
    one_of("status", CreditStatus),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    CheckConstraint("(status = 'identified') = (payment_id IS NOT NULL)", name="payment_id"),
    CheckConstraint("(master_key_id IS NULL) = (sealed_remittance IS NULL)", name="sealed"),
    Index(
        "bank_credits_unidentified_idx",
        "agency_id",
        "business_date",
        postgresql_where=text("status = 'unidentified'"),
    ),
)

credit_fetches = Table(
    "credit_fetches",
    METADATA,
    Column("provider", Text, primary_key=True),
    instant("fetched_until"),
    instant("next_fetch_at"),
)
