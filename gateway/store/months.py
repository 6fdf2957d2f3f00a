"""What a span of days comes to: the ledger's movements by day and account, what payments were for, runs, discrepancies.

Every query takes `agency_id`; None is every agency.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.ledger import last_snapshot
from gateway.store.reports import BELONGS
from gateway.store.tables.ledger import ledger_accounts
from gateway.store.tables.reconciliation import reconciliation_runs

_MOVEMENTS = text(
    """
    SELECT transfer.business_date, agency.code AS agency, transfer.currency, debit.code AS debit,
           credit.code AS credit, sum(transfer.amount_minor) AS amount_minor
      FROM ledger_accounts AS debit
      JOIN agencies AS agency ON agency.id = debit.agency_id
      JOIN ledger_transfers AS transfer ON transfer.debit_account_id = debit.id
      JOIN ledger_accounts AS credit ON credit.id = transfer.credit_account_id
     WHERE transfer.business_date BETWEEN :first AND :last
       AND debit.agency_id = coalesce(CAST(:agency_id AS uuid), debit.agency_id)
     GROUP BY transfer.business_date, agency.code, transfer.currency, debit.code, credit.code
     ORDER BY transfer.business_date, agency.code, transfer.currency, debit.code, credit.code
    """
)

# The same, of what the snapshots hold and what came since: a day of a hundred thousand payments is a few rows of it.
# :upto comes from a query before, so that the planner sees how little comes after it.
_FLOWS = text(
    """
    WITH moved AS (
        SELECT business_date, debit_account_id, credit_account_id, amount_minor
          FROM ledger_flows
         WHERE business_date BETWEEN :first AND :last
           AND snapshot_id IN (SELECT id FROM ledger_snapshots WHERE upto_transfer_id <= :upto)
         UNION ALL
        SELECT business_date, debit_account_id, credit_account_id, amount_minor
          FROM ledger_transfers
         WHERE id > :upto AND business_date BETWEEN :first AND :last
    ), summed AS (
        SELECT business_date, debit_account_id, credit_account_id, sum(amount_minor) AS amount_minor
          FROM moved GROUP BY business_date, debit_account_id, credit_account_id
    )
    SELECT summed.business_date, agency.code AS agency, debit.currency, debit.code AS debit, credit.code AS credit,
           summed.amount_minor
      FROM summed
      JOIN ledger_accounts AS debit ON debit.id = summed.debit_account_id
      JOIN ledger_accounts AS credit ON credit.id = summed.credit_account_id
      JOIN agencies AS agency ON agency.id = debit.agency_id
     WHERE debit.agency_id = coalesce(CAST(:agency_id AS uuid), debit.agency_id)
     ORDER BY summed.business_date, agency.code, debit.currency, debit.code, credit.code
    """
)

_REMITTANCE = text(
    f"""
    WITH moved AS (
        SELECT entry.agency_id, coalesce(payment.currency, refund.currency) AS currency, entry.cause, entry.subject_id,
               CASE WHEN entry.cause = 'resolution_accept_late_payment'
                    THEN CAST(split_part(entry.key, ':', 2) AS uuid) END AS resolution_id
          FROM ledger_entries AS entry
          LEFT JOIN payments AS payment ON payment.id = entry.subject_id
          LEFT JOIN refunds AS refund ON refund.id = entry.subject_id
         WHERE entry.cause IN ('payment_succeeded', 'receipt_assigned', 'refund_succeeded',
                               'resolution_accept_late_payment')
           AND entry.business_date BETWEEN :first AND :last
           AND entry.agency_id = coalesce(CAST(:agency_id AS uuid), entry.agency_id)
    )
    SELECT agency.code AS agency, sums.currency, sums.account, sum(sums.amount_minor) AS amount_minor
      FROM ({BELONGS}) AS sums JOIN agencies AS agency ON agency.id = sums.agency_id
     GROUP BY agency.code, sums.currency, sums.account
    HAVING sum(sums.amount_minor) <> 0
     ORDER BY agency.code, sums.currency, sums.account
    """  # noqa: S608 - put together from constants
)

_OPEN = text(
    """
    SELECT provider, business_date, kind, currency, CAST(:last AS date) - business_date AS days, count(*) AS number,
           sum(abs(amount_minor)) AS amount_minor
      FROM discrepancies
     WHERE status = 'open' AND business_date <= :last
       AND (CAST(:agency_id AS uuid) IS NULL OR agency_id = :agency_id)
     GROUP BY provider, business_date, kind, currency
     ORDER BY provider, business_date, kind, currency
    """
)


def currencies(tx: Transaction, agency_id: UUID | None) -> list[str]:
    """Those that there are accounts in."""
    query = select(ledger_accounts.c.currency).distinct().order_by(ledger_accounts.c.currency)
    if agency_id is not None:
        query = query.where(ledger_accounts.c.agency_id == agency_id)
    return list(tx.execute(query).scalars())


def movements(tx: Transaction, agency_id: UUID | None, first: date, last: date) -> list[Row[Any]]:
    """What moved from `credit` to `debit`, account codes of the agency, by business date and currency: every transfer
    is read, so that the trial balance can be checked against it."""
    return tx.all(_MOVEMENTS, {"agency_id": agency_id, "first": first, "last": last})


def flows(tx: Transaction, agency_id: UUID | None, first: date, last: date) -> list[Row[Any]]:
    """What `movements` says, from the sums that each snapshot of the ledger made, and the transfers since."""
    upto = last_snapshot(tx)
    return tx.all(_FLOWS, {"agency_id": agency_id, "first": first, "last": last, "upto": upto})


def remittance(tx: Transaction, agency_id: UUID | None, first: date, last: date) -> list[Row[Any]]:
    """What payments brought in, less what refunds paid back, by the account of the agency that it belongs to.

    What a person accepts after its day counts on the day of the decision: it leaves payer_credit and belongs to the
    invoice from then on.
    """
    return tx.all(_REMITTANCE, {"agency_id": agency_id, "first": first, "last": last})


def open_discrepancies(tx: Transaction, agency_id: UUID | None, last: date) -> list[Row[Any]]:
    """What is open of the days up to `last`, with its age in days then; amounts without their sign."""
    return tx.all(_OPEN, {"agency_id": agency_id, "last": last})


def runs(tx: Transaction, first: date, last: date) -> list[Row[Any]]:
    """By day and provider."""
    query = select(reconciliation_runs).where(reconciliation_runs.c.business_date.between(first, last))
    return tx.all(query.order_by(reconciliation_runs.c.business_date, reconciliation_runs.c.provider))
