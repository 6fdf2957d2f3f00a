"""The life of a fee invoice: open until it is paid in full, voided, or past its time."""

from enum import StrEnum

from gateway.domain.errors import Conflict
from gateway.domain.states import Graph


class InvoiceStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    EXPIRED = "expired"


S = InvoiceStatus
GRAPH: Graph[InvoiceStatus] = {
    S.OPEN: frozenset({S.PAID, S.VOID, S.EXPIRED}),
    S.PAID: frozenset(),
    S.VOID: frozenset(),
    S.EXPIRED: frozenset(),
}


class InvoiceAlreadyPaid(Conflict):
    code = "invoice_already_paid"


class InvoiceClosed(Conflict):
    code = "invoice_closed"


class InvoiceInPayment(Conflict):
    """A payment for it has begun and is not resolved, so its terms must not change now."""

    code = "invoice_in_payment"


def check_payable(status: InvoiceStatus, reference_display: str) -> None:
    """Raises InvoiceAlreadyPaid or InvoiceClosed unless the invoice is open."""
    if status is S.PAID:
        raise InvoiceAlreadyPaid(f"Invoice {reference_display} is already paid. Nothing more is due.")
    if status is not S.OPEN:
        raise InvoiceClosed(f"Invoice {reference_display} is {status}. Ask the agency for a new one.")
