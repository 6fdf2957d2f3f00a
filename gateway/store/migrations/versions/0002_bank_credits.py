"""Where a payment's money lands, and the credits that banks tell of."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    add_landing()
    create_tables()
    op.get_bind().exec_driver_sql((SQL / "credits.sql").read_text().replace("%", "%%"))


def add_landing() -> None:
    """Whatever was paid until now went through its provider's hands."""
    comment = "the ledger account that its money comes in on, fixed at once"
    op.add_column("payments", sa.Column("lands_on", sa.Text(), nullable=True, comment=comment))
    op.execute("UPDATE payments SET lands_on = 'in_transit:' || provider")
    op.alter_column("payments", "lands_on", nullable=False)


def create_tables() -> None:
    op.create_table(
        "bank_credits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_transaction_id", sa.Text(), nullable=False, comment="the bank's own name of the booking"),
        sa.Column(
            "account", sa.Text(), nullable=False, comment="the agency's; if it is nobody's here, as the bank names it"
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=True, comment="null: the account is nobody's here"),
        sa.Column("payment_id", sa.Uuid(), nullable=True, comment="what the credit turned out to be"),
        sa.Column("master_key_id", sa.Text(), nullable=True),
        sa.Column(
            "sealed_remittance",
            sa.LargeBinary(),
            nullable=True,
            comment="what the payer wrote, kept as long as nobody knows what the credit is for",
        ),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("bank_credits_amount_minor_check")),
        sa.CheckConstraint(
            "status IN ('identified', 'unidentified', 'returned')", name=op.f("bank_credits_status_check")
        ),
        sa.CheckConstraint(
            "(status = 'identified') = (payment_id IS NOT NULL)", name=op.f("bank_credits_payment_id_check")
        ),
        sa.CheckConstraint(
            "(master_key_id IS NULL) = (sealed_remittance IS NULL)", name=op.f("bank_credits_sealed_check")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("bank_credits_agency_id_fkey")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("bank_credits_payment_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("bank_credits_pkey")),
        sa.UniqueConstraint(
            "provider",
            "provider_transaction_id",
            name=op.f("bank_credits_provider_provider_transaction_id_key"),
        ),
    )
    op.create_index(
        "bank_credits_unidentified_idx",
        "bank_credits",
        ["agency_id", "business_date"],
        unique=False,
        postgresql_where=sa.text("status = 'unidentified'"),
    )
    op.create_table(
        "credit_fetches",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("fetched_until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("next_fetch_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("credit_fetches_pkey")),
    )
