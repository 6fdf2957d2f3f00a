"""Find what a caller names, if it is the caller's to see. What belongs to another agency is not found."""

from uuid import UUID

from gateway.domain import reference as references
from gateway.domain.checkout import CheckoutSession
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.invoice import Invoice
from gateway.domain.payment import Payment
from gateway.domain.reference import Reading
from gateway.domain.refund import Refund
from gateway.services.runtime import Caller
from gateway.store import checkouts, invoices, payments, refunds
from gateway.store.database import Transaction


class InvoiceNotFound(NotFound):
    code = "invoice_not_found"


class SessionNotFound(NotFound):
    code = "session_not_found"


class PaymentNotFound(NotFound):
    code = "payment_not_found"


class RefundNotFound(NotFound):
    code = "refund_not_found"


def find_invoice(tx: Transaction, caller: Caller, key: str, *, lock: bool = False) -> Invoice:
    """By id or by any rendering of its reference. Raises InvoiceNotFound or MistypedReference."""
    asked = _id_or_reference(key)
    identity = asked.reference if isinstance(asked, Reading) else asked
    found = invoices.find(tx, identity, lock=lock)
    if found is None or not _visible(caller, found.agency_id) or _names_another_issuer(asked, found):
        hint = " Compare every digit with the slip." if isinstance(asked, Reading) else ""
        raise InvoiceNotFound(f"There is no invoice {key}.{hint}")
    return found


def find_session(tx: Transaction, caller: Caller, session_id: UUID, *, lock: bool = False) -> CheckoutSession:
    found = checkouts.find(tx, session_id, lock=lock)
    if found is None or not _visible(caller, found.agency_id):
        raise SessionNotFound(f"There is no checkout session {session_id}.")
    return found


def find_payment(tx: Transaction, caller: Caller, payment_id: UUID, *, lock: bool = False) -> Payment:
    found = payments.find(tx, payment_id, lock=lock)
    if found is None or not _visible(caller, found.agency_id):
        raise PaymentNotFound(f"There is no payment {payment_id}.")
    return found


def find_refund(tx: Transaction, caller: Caller, refund_id: UUID, *, lock: bool = False) -> Refund:
    found = refunds.find(tx, refund_id, lock=lock)
    if found is None or not _visible(caller, found.agency_id):
        raise RefundNotFound(f"There is no refund {refund_id}.")
    return found


def _visible(caller: Caller, agency_id: UUID) -> bool:
    return caller.agency_id in (None, agency_id)


def _names_another_issuer(asked: UUID | Reading, found: Invoice) -> bool:
    """A number that begins with another organisation, or a slip line of another creditor, is not this invoice's."""
    return isinstance(asked, Reading) and asked.issuer not in ("", found.reference_issuer)


def _id_or_reference(key: str) -> UUID | Reading:
    try:
        return UUID(key)
    except ValueError:
        pass
    try:
        return references.read(key)
    except references.MistypedReference:
        raise
    except Invalid as error:
        raise InvoiceNotFound(f"{key[:40]!r} is neither the id of an invoice nor a reference. {error.detail}") from None
