"""What providers paid out, as they settled it; and the receipts of a day."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction

# A provider that names no payouts pays out batch by batch.
_BATCHES = text(
    """
    SELECT batch_id, payout_id, business_date, lines, total_minor, total_currency, sha256
      FROM settlement_batches
     WHERE provider = :provider AND coalesce(payout_id, batch_id) = :payout
     ORDER BY business_date, batch_id
    """
)

_KINDS = text(
    """
    SELECT line.kind, line.currency, count(*) AS lines, sum(line.gross_minor) AS gross_minor,
           sum(line.fee_minor) AS fee_minor
      FROM settlement_batches AS batch JOIN settlement_lines AS line ON line.batch = batch.id
     WHERE batch.provider = :provider AND coalesce(batch.payout_id, batch.batch_id) = :payout AND line.settled
       AND NOT EXISTS (SELECT FROM gone_lines AS gone WHERE gone.batch = line.batch AND gone.line = line.line)
     GROUP BY line.kind, line.currency
     ORDER BY line.currency, line.kind
    """
)

_RECEIPT_LINES = text(
    """
    SELECT agency.code AS agency, agency.receipt_form, receipt.series, receipt.number, invoice.reference,
           invoice.currency, line.quantity, line.amount_minor, line.reduction_minor, line.fee_item,
           (SELECT item -> 'titles' FROM jsonb_array_elements(procedure.definition -> 'items') AS item
             WHERE item ->> 'code' = line.fee_item) AS titles
      FROM receipts AS receipt
      JOIN invoices AS invoice ON invoice.id = receipt.invoice_id
      JOIN invoice_lines AS line ON line.invoice_id = invoice.id AND line.amount_minor > 0
      JOIN agencies AS agency ON agency.id = receipt.agency_id
      JOIN procedures AS procedure ON procedure.code = invoice.procedure
                                  AND procedure.version = invoice.procedure_version
     WHERE receipt.business_date = :day
       AND receipt.agency_id = coalesce(CAST(:agency_id AS uuid), receipt.agency_id)
     ORDER BY agency.code, receipt.series, receipt.number, line.position
    """
)


def batches_of_payout(tx: Transaction, provider: str, payout: str) -> list[Row[Any]]:
    """The settlement batches of a payout, by day and batch_id."""
    return tx.all(_BATCHES, {"provider": provider, "payout": payout})


def kinds_of_payout(tx: Transaction, provider: str, payout: str) -> list[Row[Any]]:
    """What its settled lines add up to, by currency and kind of line."""
    return tx.all(_KINDS, {"provider": provider, "payout": payout})


def receipt_lines(tx: Transaction, agency_id: UUID | None, day: date) -> list[Row[Any]]:
    """The fees on the receipts that were issued on `day`, of one agency or all, by agency and number."""
    return tx.all(_RECEIPT_LINES, {"agency_id": agency_id, "day": day})
