"""What providers paid out, as they settled it; and what was paid on a day, for its receipts."""

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
     GROUP BY line.kind, line.currency
     ORDER BY line.currency, line.kind
    """
)

# An invoice that was paid in parts is paid on the day of the last.
_PAID_LINES = text(
    """
    SELECT agency.code AS agency, agency.receipt_series, invoice.reference, invoice.currency, line.quantity,
           line.amount_minor, line.reduction_minor, line.fee_item, line.legal_basis,
           (SELECT item -> 'titles' FROM jsonb_array_elements(procedure.definition -> 'items') AS item
             WHERE item ->> 'code' = line.fee_item) AS titles
      FROM (SELECT DISTINCT allocation.invoice_id
              FROM payments AS payment JOIN allocations AS allocation ON allocation.payment_id = payment.id
             WHERE payment.business_date = :day
               AND payment.agency_id = coalesce(CAST(:agency_id AS uuid), payment.agency_id)) AS paid
      JOIN invoices AS invoice ON invoice.id = paid.invoice_id
      JOIN invoice_lines AS line ON line.invoice_id = invoice.id
      JOIN agencies AS agency ON agency.id = invoice.agency_id
      JOIN procedures AS procedure ON procedure.code = invoice.procedure
                                  AND procedure.version = invoice.procedure_version
     WHERE invoice.status = 'paid' AND line.amount_minor > 0
       AND NOT EXISTS (SELECT FROM allocations AS later JOIN payments AS payment ON payment.id = later.payment_id
                        WHERE later.invoice_id = invoice.id AND payment.business_date > :day)
     ORDER BY agency.code, invoice.reference, line.position
    """
)


def batches_of_payout(tx: Transaction, provider: str, payout: str) -> list[Row[Any]]:
    """The settlement batches of a payout, by day and batch_id."""
    return tx.all(_BATCHES, {"provider": provider, "payout": payout})


def kinds_of_payout(tx: Transaction, provider: str, payout: str) -> list[Row[Any]]:
    """What its settled lines add up to, by currency and kind of line."""
    return tx.all(_KINDS, {"provider": provider, "payout": payout})


def paid_lines(tx: Transaction, agency_id: UUID | None, day: date) -> list[Row[Any]]:
    """The fees of the invoices that were paid on `day`, of one agency or all, by agency and reference."""
    return tx.all(_PAID_LINES, {"agency_id": agency_id, "day": day})
