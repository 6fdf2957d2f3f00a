"""Money has arrived: settle what it was meant for, and keep for the payer what nothing takes.

A payment that we had told everyone was over (expired, cancelled) is late: its money becomes payer credit, and a
discrepancy asks an officer to accept or refund it. So does what exceeds the open invoices: that is how a second payment
of one invoice shows, and a transfer of more than was due. Less than is due leaves its invoice open for the rest.
Nothing is dropped.
"""

from dataclasses import replace
from datetime import date, datetime

from gateway.domain import ledger
from gateway.domain.checkout import CheckoutStatus
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.invoice import GRAPH, Invoice, InvoiceStatus
from gateway.domain.ledger import Entry
from gateway.domain.money import Money
from gateway.domain.payment import GIVEN_UP, Allocation, Payment, allocate
from gateway.domain.states import transition
from gateway.services.booking_day import booking_day
from gateway.services.open_checkout import close_session
from gateway.services.open_discrepancy import open_discrepancy
from gateway.store import catalogue, checkouts, invoices, payments, receipts
from gateway.store.database import Transaction


def collect_payment(tx: Transaction, payment: Payment, occurred_at: datetime, held_on: str | None = None) -> None:
    """Allocate, book and close. `payment` is locked and as it stood before the money moved.

    `held_on` is the account on which the money was kept as long as nobody knew what it was for: it came in before, and
    what is booked now is of today. Of a payment of no invoice nobody is asked: an officer has it sent back.
    """
    agency = catalogue.agency(tx, payment.agency_id)
    business_date = (
        agency.business_date(tx.now) if held_on else booking_day(tx, agency.id, payment.provider, occurred_at)
    )
    session = checkouts.find(tx, payment.session_id, lock=True)
    owed = invoices.of_session(tx, payment.session_id, lock=True)
    late = payment.status in GIVEN_UP
    due = [] if late else [(invoice.id, min(to_pay, invoice.amount_due_minor)) for invoice, to_pay in owed]
    parts, credit = allocate(payment.amount_minor, due)
    paid = [Allocation(owes.id, owes.paid_minor, parts[owes.id]) for owes, _ in owed if owes.id in parts]
    payments.allocate(tx, payment.id, paid)
    after = [pay_invoice(tx, invoice, parts.get(invoice.id, 0)) for invoice, _ in owed]
    if credit:
        payments.change(tx, payment.id, credited_minor=credit)
    if credit and owed:
        _ask_an_officer(tx, payment, [invoice for invoice, _ in owed], credit, business_date, late=late)
    tx.post(
        Entry(
            key=f"payment:{payment.id}:succeeded",
            cause="receipt_assigned" if held_on else "payment_succeeded",
            agency_id=payment.agency_id,
            subject_id=payment.id,
            occurred_at=occurred_at,
            business_date=business_date,
            transfers=ledger.collected(
                held_on or payment.lands_on,
                due=Money(payment.amount_minor - credit, payment.currency),
                excess=Money(credit, payment.currency),
            ),
        )
    )
    if session and session.status is CheckoutStatus.OPEN and all(i.status is InvoiceStatus.PAID for i in after):
        close_session(tx, session, CheckoutStatus.COMPLETED, "system")


def pay_invoice(tx: Transaction, invoice: Invoice, amount_minor: int) -> Invoice:
    """`invoice`, which is locked, with `amount_minor` paid on it, and the portals told."""
    if not amount_minor:
        return invoice
    paid = replace(invoice, paid_minor=invoice.paid_minor + amount_minor)
    told: dict[str, object] = {"invoice": str(invoice.id), "reference": invoice.reference, "dossier": invoice.dossier}
    told |= {"total_minor": invoice.total_minor, "currency": invoice.currency}
    if paid.paid_minor == paid.total_minor:
        paid = replace(paid, status=transition("invoice", GRAPH, paid.status, InvoiceStatus.PAID))
        tx.emit("invoice.paid", invoice.agency_id, told)
        receipts.add_due(tx, invoice.id, invoice.agency_id, invoice.total_minor, invoice.currency)
    else:
        tx.emit("invoice.part_paid", invoice.agency_id, told | {"paid_minor": paid.paid_minor})
    invoices.change(tx, invoice.id, paid_minor=paid.paid_minor, status=paid.status)
    return paid


def _ask_an_officer(
    tx: Transaction, payment: Payment, owed: list[Invoice], credit: int, business_date: date, *, late: bool
) -> None:
    kind, proposed = _what_is_wrong(owed, late=late)
    open_discrepancy(
        tx,
        kind=kind,
        key=f"{kind}:payment:{payment.id}",
        provider=payment.provider,
        agency_id=payment.agency_id,
        business_date=business_date,
        amount=Money(credit, payment.currency),
        payment_id=payment.id,
        evidence={
            "late": late,
            "payment_was": payment.status,
            "credited_minor": credit,
            "provider_transaction_id": payment.provider_transaction_id,
            "expected_minor": payment.amount_minor - credit,
            "reported_minor": payment.amount_minor,
            "invoices": [{"reference": invoice.reference, "status": invoice.status} for invoice in owed],
            "proposed": proposed,
        },
    )


def _what_is_wrong(owed: list[Invoice], *, late: bool) -> tuple[DiscrepancyKind, str]:
    """Why something of a payment was left over, and what an officer may do about it."""
    statuses = {invoice.status for invoice in owed}
    if InvoiceStatus.PAID in statuses:
        return DiscrepancyKind.DUPLICATE_PAYMENT, "refund_duplicate"
    if late or statuses != {InvoiceStatus.OPEN}:
        return DiscrepancyKind.STATUS_MISMATCH, "accept_late_payment"
    return DiscrepancyKind.AMOUNT_MISMATCH, "refund_excess"
