"""What is signed stays: the database refuses every change of a signed run's rows; and by which decision an invoice took
what had been paid before."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"

SQL = Path(__file__).parents[1] / "sql"


COMMENT = (
    "matches by the steps of the matching; the view `matches` has them all. That an entry is in one live"
    " match is for the bits to say: a match that has ended keeps its row"
)

# A decision and the payment that it is about; of several, the one of that amount.
REMEMBER = """
UPDATE allocations AS allocation SET resolution_id = decided.id
  FROM (SELECT CAST(split_part(entry.key, ':', 2) AS uuid) AS id, entry.subject_id, transfer.amount_minor,
               row_number() OVER (PARTITION BY entry.subject_id, transfer.amount_minor ORDER BY entry.id DESC) AS place
          FROM ledger_entries AS entry JOIN ledger_transfers AS transfer ON transfer.entry_id = entry.id
         WHERE entry.cause = 'resolution_accept_late_payment') AS decided,
       (SELECT payment_id, invoice_id, amount_minor,
               row_number() OVER (PARTITION BY payment_id, amount_minor ORDER BY invoice_id DESC) AS place
          FROM allocations) AS known
 WHERE known.payment_id = decided.subject_id AND known.amount_minor = decided.amount_minor
   AND known.place = decided.place
   AND allocation.payment_id = known.payment_id AND allocation.invoice_id = known.invoice_id
"""


def upgrade() -> None:
    # The bits say which match of an entry lives; one that has ended keeps its row.
    op.drop_constraint("match_rows_entry_id_key", "match_rows")
    op.create_index("match_rows_entry_id_idx", "match_rows", ["entry_id"])
    op.create_table_comment("match_rows", COMMENT)
    op.add_column(
        "allocations",
        sa.Column("resolution_id", sa.Uuid(), nullable=True, comment="the decision, if it was accepted later"),
    )
    op.create_foreign_key(
        op.f("allocations_resolution_id_fkey"), "allocations", "resolutions", ["resolution_id"], ["id"]
    )
    op.execute(REMEMBER)
    op.get_bind().exec_driver_sql((SQL / "signed_runs.sql").read_text().replace("%", "%%"))
