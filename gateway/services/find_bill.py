"""What somebody sees who has nothing but the number on a slip: whether there is something to pay, and to whom.

A number that does not exist, one that is settled and one that was withdrawn are answered alike, so that trying numbers
tells nothing about anybody. Of the payer only initials are shown, and that they were is written down.
"""

from dataclasses import dataclass
from uuid import UUID

from gateway.domain.agency import Agency
from gateway.domain.checkout import CheckoutSession
from gateway.domain.errors import Conflict, NotFound
from gateway.domain.fees import Procedure
from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.masking import masked_name
from gateway.domain.reference import read
from gateway.services.find import find_invoice
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.quote_fee import parse
from gateway.services.runtime import Caller, Runtime
from gateway.store import catalogue, checkouts, invoices, vault
from gateway.store.database import Transaction

PAYER = Caller(UUID(int=2), "pay by number", frozenset(), None, kind="page")
PURPOSE = "pay by number: the initials were shown"


class NothingToPay(NotFound):
    """There is no such invoice, or nothing is due on it. Which of these is not said."""

    code = "nothing_to_pay"


class PaymentUnderWay(Conflict):
    """Somebody may have paid it at this moment; only the provider knows."""

    code = "payment_under_way"


@dataclass(frozen=True, slots=True)
class FoundBill:
    """`payer` is masked."""

    invoice: Invoice
    procedure: Procedure
    agency: Agency
    payer: str


def find_bill(tx: Transaction, runtime: Runtime, number: str) -> FoundBill:
    """The open invoice of this reference, in any writing.

    Raises MistypedReference, Invalid for what is no reference, NothingToPay, or PaymentUnderWay.
    """
    invoice = _payable(tx, number)
    (row,) = catalogue.published_procedures(tx, [(invoice.procedure, invoice.procedure_version)])
    return FoundBill(
        invoice=invoice,
        procedure=parse(row.sha256, row.definition),
        agency=catalogue.agency(tx, invoice.agency_id),
        payer=_initials(tx, runtime, invoice.payer_id),
    )


def is_by_number(session: CheckoutSession) -> bool:
    """Whether whoever holds the session's link need know nothing but a number, and must be shown no more."""
    return session.created_by == PAYER.id


def pay_by_number(tx: Transaction, runtime: Runtime, number: str, language: str) -> UUID:
    """The checkout session for the invoice of this reference: one for all who come by number, so that nobody shuts the
    others out by beginning a payment. Raises as find_bill, and MethodNotOffered."""
    invoice = _payable(tx, number)
    known = checkouts.open_one(tx, invoice.id, PAYER.id)
    if known is not None:
        return known
    wanted = CheckoutRequest([invoice.reference], f"{runtime.public_url}/", language)
    return open_checkout(tx, runtime, PAYER, wanted).id


def _payable(tx: Transaction, number: str) -> Invoice:
    read(number)
    try:
        invoice = find_invoice(tx, PAYER, number)
    except NotFound:
        raise NothingToPay("Nothing is due under this number.") from None
    if invoice.status is not InvoiceStatus.OPEN or not invoice.amount_due_minor:
        raise NothingToPay("Nothing is due under this number.")
    if checkouts.open_one(tx, invoice.id, PAYER.id) is None and invoices.in_doubt(tx, [invoice.id]):
        raise PaymentUnderWay("A payment of it has begun, and its outcome is not known yet.")
    return invoice


def _initials(tx: Transaction, runtime: Runtime, payer_id: UUID) -> str:
    payer = vault.find_payer(tx, payer_id)
    if payer is None or payer.wrapped_key is None:
        return ""
    vault.log_read(tx, payer_id, PAYER.actor, PURPOSE)
    opened = runtime.vault.open_payer(payer_id, payer.master_key_id, payer.wrapped_key, payer.sealed)
    return masked_name(opened.get("name", ""))
