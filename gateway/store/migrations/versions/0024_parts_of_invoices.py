"""Where in an invoice a line begins, and what a payment pays of it."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("allocations", sa.Column("begins_minor", sa.BigInteger(), nullable=True))
    op.execute(
        """
        UPDATE allocations SET begins_minor = known.begins_minor
          FROM (SELECT allocation.payment_id, allocation.invoice_id,
                       coalesce(sum(allocation.amount_minor) OVER (
                           PARTITION BY allocation.invoice_id ORDER BY coalesce(resolution.decided_at,
                                                                                payment.succeeded_at), payment.id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS begins_minor
                  FROM allocations AS allocation
                  JOIN payments AS payment ON payment.id = allocation.payment_id
                  LEFT JOIN resolutions AS resolution ON resolution.id = allocation.resolution_id) AS known
         WHERE known.payment_id = allocations.payment_id AND known.invoice_id = allocations.invoice_id
        """
    )
    op.add_column("invoice_lines", sa.Column("begins_minor", sa.BigInteger(), nullable=True))
    op.execute(
        """
        UPDATE invoice_lines SET begins_minor = known.begins_minor
          FROM (SELECT invoice_id, position, coalesce(sum(amount_minor) OVER (
                           PARTITION BY invoice_id ORDER BY position
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS begins_minor
                  FROM invoice_lines) AS known
         WHERE known.invoice_id = invoice_lines.invoice_id AND known.position = invoice_lines.position
        """
    )
    op.alter_column("invoice_lines", "begins_minor", nullable=False, comment="what the lines before it add up to")
    op.alter_column("allocations", "begins_minor", nullable=False, comment="what was paid of the invoice before")
    op.create_check_constraint(op.f("allocations_begins_minor_check"), "allocations", "begins_minor >= 0")
