"""Number the receipts that are due. A sweep: any number of workers may run it, and be killed, and no number is lost.

The numbers of an agency, series and year are taken from a counter whose row stays locked until they are committed, so
that they have no gap and no two receipts share one.
"""

from uuid import UUID

from gateway.domain.receipt import check_number
from gateway.services.runtime import Runtime
from gateway.services.sweep import each
from gateway.store import catalogue, receipts
from gateway.store.database import Transaction

AT_ONCE = 200


def issue_receipts(runtime: Runtime) -> int:
    """Returns how many were numbered. An agency whose series is exhausted holds up nobody but itself."""
    numbered: list[int] = []

    def of_agency(agency_id: UUID) -> None:
        with runtime.db.transaction() as tx:
            issued = _issue(tx, agency_id, mailed=runtime.mailer is not None)
        numbered.append(issued)

    with runtime.db.read() as tx:
        owing = receipts.agencies_with_due(tx)
    each(owing, of_agency, "issue_receipts")
    return sum(numbered)


def _issue(tx: Transaction, agency_id: UUID, *, mailed: bool) -> int:
    """Raises SeriesExhausted; then nothing is written."""
    agency = catalogue.agency(tx, agency_id)
    due = receipts.claim_due(tx, agency_id, AT_ONCE)
    if not due:
        return 0
    today = agency.business_date(tx.now)
    first = receipts.take_numbers(tx, agency_id, agency.receipt_series, today.year, len(due))
    check_number(first + len(due) - 1, agency.receipt_series, today.year)
    receipts.put_numbers(
        tx,
        [{"receipt_id": row.id, "its_number": number} for number, row in enumerate(due, start=first)],
        series=agency.receipt_series,
        year=today.year,
        issued_at=tx.now,
        business_date=today,
    )
    if mailed:
        receipts.add_mails(tx, [row.id for row in due])
    for number, row in enumerate(due, start=first):
        told = {"receipt": str(row.id), "invoice": str(row.invoice_id), "number": number}
        tx.emit("receipt.issued", agency_id, told | {"series": agency.receipt_series, "year": today.year})
    return len(due)
