"""Open a checkout session for one or more invoices, and close it when the payer gives up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from gateway.domain.checkout import (
    GRAPH,
    LIFETIME,
    MAX_INVOICES,
    CheckoutSession,
    CheckoutStatus,
    PaymentOutcomeUnknown,
    check_open,
)
from gateway.domain.errors import Invalid
from gateway.domain.invoice import Invoice, check_payable
from gateway.domain.money import Money
from gateway.domain.payment import IN_DOUBT, OPEN
from gateway.domain.states import transition
from gateway.services.find import find_invoice, find_session
from gateway.services.offer_methods import methods_for
from gateway.services.runtime import Caller, Runtime
from gateway.store import catalogue, checkouts, payments
from gateway.store.database import Transaction, new_id


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """`invoices` are ids, or references in any writing; `methods` None offers all that the agency has enabled."""

    invoices: Sequence[str]
    return_url: str
    locale: str
    methods: Sequence[str] | None = None


def open_checkout(tx: Transaction, runtime: Runtime, caller: Caller, request: CheckoutRequest) -> CheckoutSession:
    """A new session, open for checkout.LIFETIME.

    Raises InvoiceNotFound, InvoiceAlreadyPaid, InvoiceClosed, MethodNotOffered, or Invalid if the invoices are of
    different agencies or currencies.
    """
    if not 1 <= len(request.invoices) <= MAX_INVOICES:
        raise Invalid("A session pays one or more invoices.", fields={"invoices": f"must be 1 to {MAX_INVOICES}"})
    found = [find_invoice(tx, caller, key) for key in request.invoices]
    _check_belong_together(found)
    for invoice in found:
        check_payable(invoice)
    agency = catalogue.agency(tx, found[0].agency_id)
    amount = Money(sum(invoice.amount_due_minor for invoice in found), found[0].currency)
    session = CheckoutSession(
        id=new_id(),
        agency_id=agency.id,
        status=CheckoutStatus.OPEN,
        currency=found[0].currency,
        amount_minor=amount.amount_minor,
        return_url=request.return_url,
        locale=request.locale,
        methods=methods_for(runtime, agency, amount, request.methods, bills=len(found)),
        created_by=caller.id,
        created_at=tx.now,
        expires_at=tx.now + LIFETIME,
    )
    checkouts.add(tx, session, [(invoice.id, invoice.amount_due_minor) for invoice in found])
    tx.audit(caller.actor, "checkout_session.opened", "checkout_session", session.id)
    return session


def cancel_checkout(tx: Transaction, caller: Caller, session_id: UUID) -> CheckoutSession:
    """Close an open session. Its pending payments are closed at their providers by the next sweep.

    Raises SessionNotPayable if it is over, PaymentOutcomeUnknown while a payment of it may have moved the money.
    """
    session = find_session(tx, caller, session_id, lock=True)
    check_open(session, tx.now)
    for payment in payments.of_session(tx, session_id):
        if payment.status in IN_DOUBT:
            raise PaymentOutcomeUnknown("The outcome of a payment is not known yet; its provider is being asked.")
        if payment.status in OPEN:
            payments.change(tx, payment.id, next_check_at=tx.now)
    return close_session(tx, session, CheckoutStatus.CANCELLED, caller.actor)


def close_session(tx: Transaction, session: CheckoutSession, to: CheckoutStatus, actor: str) -> CheckoutSession:
    """Move an open session to its end and tell the portals."""
    transition("checkout session", GRAPH, session.status, to)
    checkouts.change(tx, session.id, status=to, next_check_at=None)
    tx.emit(f"checkout_session.{to}", session.agency_id, {"checkout_session": str(session.id)})
    tx.audit(actor, f"checkout_session.{to}", "checkout_session", session.id)
    return replace(session, status=to)


def _check_belong_together(found: Sequence[Invoice]) -> None:
    if len({invoice.id for invoice in found}) < len(found):
        raise Invalid("An invoice is named twice.", fields={"invoices": "must all differ"})
    if len({(invoice.agency_id, invoice.currency) for invoice in found}) > 1:
        raise Invalid(
            "The invoices of one session are of one agency and one currency.",
            fields={"invoices": "must be of one agency and one currency"},
        )
