"""Close an invoice that will not be paid: voided by the agency, or past its due date."""

from dataclasses import replace

from gateway.domain import ledger
from gateway.domain.invoice import GRAPH, Invoice, InvoiceInPayment, InvoiceStatus, check_payable
from gateway.domain.ledger import Entry
from gateway.domain.states import transition
from gateway.services.find import find_invoice
from gateway.services.runtime import Caller, Runtime
from gateway.store import catalogue, invoices
from gateway.store.database import Transaction

EXPIRED_AT_ONCE = 100


def void_invoice(tx: Transaction, caller: Caller, key: str) -> Invoice:
    """Withdraw an unpaid invoice. `key` is its id or any rendering of its reference.

    Raises NotFound, InvoiceAlreadyPaid, InvoiceClosed, or InvoiceInPayment while a payment for it may still succeed.
    """
    invoice = find_invoice(tx, caller, key, lock=True)
    check_payable(invoice)
    if invoice.paid_minor or invoices.has_open_payment(tx, invoice.id):
        raise InvoiceInPayment(
            f"A payment for invoice {invoice.reference_display} has begun. Wait until it is resolved, or refund it."
        )
    return _close(tx, invoice, InvoiceStatus.VOID, caller.actor)


def expire_invoices(runtime: Runtime) -> int:
    """Expire what was due before today, where its agency is. An invoice with a payment under way is left for later."""
    with runtime.db.read() as tx:
        agencies = catalogue.all_agencies(tx)
    expired = 0
    for agency in agencies:
        with runtime.db.transaction() as tx:
            for invoice in invoices.claim_overdue(tx, agency.id, agency.business_date(tx.now), EXPIRED_AT_ONCE):
                if not invoices.has_open_payment(tx, invoice.id):
                    _close(tx, invoice, InvoiceStatus.EXPIRED, "system")
                    expired += 1
    return expired


def _close(tx: Transaction, invoice: Invoice, to: InvoiceStatus, actor: str) -> Invoice:
    transition("invoice", GRAPH, invoice.status, to)
    invoices.change(tx, invoice.id, status=to)
    tx.post(
        Entry(
            key=f"invoice:{invoice.id}:{to}",
            cause=f"invoice_{to}",
            agency_id=invoice.agency_id,
            subject_id=invoice.id,
            occurred_at=tx.now,
            business_date=catalogue.agency(tx, invoice.agency_id).business_date(tx.now),
            transfers=ledger.cancelled(invoice.revenue),
        )
    )
    event = {InvoiceStatus.VOID: "invoice.voided", InvoiceStatus.EXPIRED: "invoice.expired"}[to]
    tx.emit(event, invoice.agency_id, {"invoice": str(invoice.id), "reference": invoice.reference})
    tx.audit(actor, event, "invoice", invoice.id, before={"status": invoice.status}, after={"status": to})
    return replace(invoice, status=to)
