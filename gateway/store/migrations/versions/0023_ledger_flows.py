"""What moves between accounts in a day, summed up with each snapshot of the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "ledger_flows",
        sa.Column("snapshot_id", sa.BigInteger(), nullable=False),
        sa.Column("debit_account_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_account_id", sa.BigInteger(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["snapshot_id"], ["ledger_snapshots.id"], name=op.f("ledger_flows_snapshot_id_fkey")),
        sa.ForeignKeyConstraint(
            ["debit_account_id"], ["ledger_accounts.id"], name=op.f("ledger_flows_debit_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["credit_account_id"], ["ledger_accounts.id"], name=op.f("ledger_flows_credit_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "snapshot_id", "debit_account_id", "credit_account_id", "business_date", name=op.f("ledger_flows_pkey")
        ),
        comment="what the transfers of one snapshot move between each two accounts on each day",
    )
    op.create_index("ledger_flows_business_date_idx", "ledger_flows", ["business_date"])
    op.execute(
        """
        INSERT INTO ledger_flows (snapshot_id, debit_account_id, credit_account_id, business_date, amount_minor)
        SELECT snapshot.id, transfer.debit_account_id, transfer.credit_account_id, transfer.business_date,
               sum(transfer.amount_minor)
          FROM (SELECT id, upto_transfer_id AS upto, lag(upto_transfer_id, 1, 0::bigint) OVER (
                           ORDER BY upto_transfer_id) AS after
                  FROM ledger_snapshots) AS snapshot
          JOIN ledger_transfers AS transfer ON transfer.id > snapshot.after AND transfer.id <= snapshot.upto
         GROUP BY snapshot.id, transfer.debit_account_id, transfer.credit_account_id, transfer.business_date
        """
    )
    op.execute("SELECT make_append_only('ledger_flows')")
