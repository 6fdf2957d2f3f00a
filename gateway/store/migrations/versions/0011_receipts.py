"""Receipts, numbered without gaps."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    for name in ("receipt_form", "tax_code"):
        op.add_column("agencies", sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("series", sa.Text(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True, comment="null as long as it is due"),
        sa.Column("issued_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=True, comment="of issue, where the agency is"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("receipts_amount_minor_check")),
        sa.CheckConstraint("number BETWEEN 1 AND 99999999", name=op.f("receipts_number_check")),
        sa.CheckConstraint(
            "num_nulls(series, year, number, issued_at, business_date) IN (0, 5)", name=op.f("receipts_issued_check")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("receipts_agency_id_fkey")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("receipts_invoice_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("receipts_pkey")),
        sa.UniqueConstraint(
            "agency_id", "series", "year", "number", name=op.f("receipts_agency_id_series_year_number_key")
        ),
        sa.UniqueConstraint("invoice_id", name=op.f("receipts_invoice_id_key")),
    )
    op.create_index("receipts_due_idx", "receipts", ["id"], postgresql_where=sa.text("number IS NULL"))
    op.create_index("receipts_business_date_idx", "receipts", ["agency_id", "business_date"])
    op.create_table(
        "receipt_mails",
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("next_try_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True, comment="null as long as it is tried"),
        sa.CheckConstraint("(outcome IS NULL) = (next_try_at IS NOT NULL)", name=op.f("receipt_mails_outcome_check")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("receipt_mails_receipt_id_fkey")),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("receipt_mails_pkey")),
    )
    op.create_index("receipt_mails_next_try_at_idx", "receipt_mails", ["next_try_at"])
    op.create_table(
        "receipt_counters",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("receipt_counters_agency_id_fkey")),
        sa.PrimaryKeyConstraint("agency_id", "series", "year", name=op.f("receipt_counters_pkey")),
        comment="the row is locked until its numbers are committed, so that none is lost",
    )
    op.get_bind().exec_driver_sql((SQL / "receipts.sql").read_text().replace("%", "%%"))
