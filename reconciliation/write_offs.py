"""Takes a write-off back when the money comes after all, so that the loss does not stand beside it."""

from gateway.domain.ledger import Entry, Transfer
from gateway.domain.money import Money
from gateway.store import catalogue, matches, resolutions
from gateway.store.database import Transaction
from reconciliation.findings import Context

CAUSE = "write_off_reversed"
AUTHOR = "reconciliation"


def reverse_write_offs(tx: Transaction, context: Context) -> int:
    """Of the entries that this run has matched. Once each, however often the day is run. Returns how many there are."""
    come = matches.come_after_all(tx, context.run_id, context.provider)
    for row in come:
        agency = catalogue.agency(tx, row.agency_id)
        tx.post(
            Entry(
                key=f"resolution:{row.id}:reversed",
                cause=CAUSE,
                agency_id=agency.id,
                subject_id=row.payment_id or row.discrepancy_id,
                occurred_at=tx.now,
                business_date=agency.business_date(tx.now),
                transfers=tuple(
                    Transfer(each["credit"], each["debit"], Money(each["amount_minor"], each["currency"]))
                    for each in row.effect
                ),
            )
        )
        if not resolutions.is_noted(tx, row.discrepancy_id, AUTHOR):
            resolutions.add_note(
                tx, row.discrepancy_id, AUTHOR, "decided", "the money came: the write-off is taken back"
            )
    return len(come)
