"""Help somebody pay at a counter: an officer finds or issues the invoice, and the payer pays by a phone or a bank.

No cash is taken, and no card of a payer is typed in by an officer: the payer does that on an own phone. That an invoice
was paid with help is written on it, told to the portals, and each help is in the audit trail with its officer.
"""

from uuid import UUID

from gateway.domain.checkout import CheckoutSession
from gateway.domain.events import EventType
from gateway.domain.invoice import Invoice
from gateway.services.browse import Window, page_of_invoices
from gateway.services.find import SessionNotFound, find_invoice, find_session
from gateway.services.find_bill import PaymentUnderWay
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.runtime import Caller, Runtime
from gateway.store import checkouts, invoices
from gateway.store.database import Transaction

FOUND_AT_MOST = 20


def invoices_asked_for(tx: Transaction, caller: Caller, asked: str) -> list[Invoice]:
    """Those of a dossier, at most FOUND_AT_MOST, or else the one whose reference this is, in any writing.

    Raises MistypedReference, InvoiceNotFound.
    """
    of_dossier = page_of_invoices(tx, caller, Window(FOUND_AT_MOST), dossier=asked.strip()).items
    return list(of_dossier) or [find_invoice(tx, caller, asked)]


def issue_at_counter(tx: Transaction, runtime: Runtime, caller: Caller, request: InvoiceRequest) -> Invoice:
    """A new invoice for somebody who stands at the counter. Raises as issue_invoice."""
    invoice = issue_invoice(tx, runtime.vault, caller, request)
    _mark(tx, caller, invoice)
    return invoice


def assist_payment(tx: Transaction, runtime: Runtime, caller: Caller, key: str, language: str) -> UUID:
    """The checkout session in which the payer pays with the officer's help; the officer's open one, if there is one.

    Raises InvoiceNotFound, InvoiceAlreadyPaid, InvoiceClosed, MethodNotOffered, or PaymentUnderWay if somebody may be
    paying it at this moment.
    """
    invoice = find_invoice(tx, caller, key, lock=True)
    known = checkouts.open_one(tx, invoice.id, caller.id)
    if known is not None:
        return known
    if invoices.in_doubt(tx, [invoice.id]):
        raise PaymentUnderWay("A payment of it has begun, and its outcome is not known yet. Let nobody pay it again.")
    wanted = CheckoutRequest([str(invoice.id)], f"{runtime.public_url}/", language)
    session = open_checkout(tx, runtime, caller, wanted)
    _mark(tx, caller, invoice)
    return session.id


def assisted_session(tx: Transaction, caller: Caller, session_id: UUID) -> CheckoutSession:
    """One that the officer opened. Raises SessionNotFound, also for one that somebody else did: the sitting of a payer
    is not for officers to look into, or to close."""
    session = find_session(tx, caller, session_id)
    if session.created_by != caller.id:
        raise SessionNotFound("You opened no such session. Find the invoice once more to help its payer.")
    return session


def _mark(tx: Transaction, caller: Caller, invoice: Invoice) -> None:
    tx.audit(caller.actor, "invoice.assisted", "invoice", invoice.id)
    if not invoice.assisted:
        invoices.change(tx, invoice.id, assisted=True)
        told = {"invoice": str(invoice.id), "reference": invoice.reference, "dossier": invoice.dossier}
        tx.emit(EventType.INVOICE_ASSISTED, invoice.agency_id, told | {"officer": str(caller.id)})
