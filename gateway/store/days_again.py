"""Days whose runs did not have before them what has come since, in the order in which they are run again."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction

# A line found no entry, and a run that came afterwards, of an earlier day, has opened the entry of the same payment.
_DAYS_COMPLETED = text(
    """
    SELECT DISTINCT run.business_date, run.correction
      FROM discrepancies AS of_entry
      JOIN discrepancies AS of_line ON of_line.provider = of_entry.provider AND of_line.status = 'open'
       AND of_line.payment_id = of_entry.payment_id AND of_line.line IS NOT NULL AND of_line.entry_id IS NULL
      JOIN reconciliation_runs AS run ON run.provider = of_line.provider AND run.business_date = of_line.business_date
       AND run.business_date > of_entry.business_date AND run.started_at < of_entry.opened_at
     WHERE of_entry.provider = :provider AND of_entry.status = 'open'
       AND of_entry.entry_id IS NOT NULL AND of_entry.line IS NULL
       AND run.status IN ('balanced', 'exceptions')
     ORDER BY run.business_date, run.correction
    """
)


def days_completed(tx: Transaction, provider: str) -> list[Row[Any]]:
    """Business_date and correction of the open runs of later days that have the line of what a run has opened since
    they began. A run that begins now is none of them, so that each day is named once."""
    return tx.all(_DAYS_COMPLETED, {"provider": provider})
