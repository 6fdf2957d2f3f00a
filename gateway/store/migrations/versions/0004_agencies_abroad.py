"""Agencies of other countries: where each collects, and how its payers see their references.

What agencies had no word for stays blank until their catalogue is published again. Invoices that were issued keep the
reference that their payers have seen.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

STYLES = "reference_style IN ('rf', 'viitenumber', 'fik71', 'epn')"


def upgrade() -> None:
    for table, names in (
        ("agencies", ("country", "bank_code", "account_holder", "reference_prefix")),
        ("invoices", ("reference_issuer",)),
    ):
        for name in names:
            comment = {"country": "ISO 3166 alpha-2", "reference_issuer": "what names the agency beside it"}.get(name)
            op.add_column(
                table, sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False, comment=comment)
            )
        op.add_column(
            table,
            sa.Column(
                "reference_style",
                sa.Text(),
                server_default=sa.text("'rf'"),
                nullable=False,
                comment="in which payers see it",
            ),
        )
        op.create_check_constraint(op.f(f"{table}_reference_style_check"), table, STYLES)
    op.create_unique_constraint(op.f("agencies_bank_account_key"), "agencies", ["bank_account"])
