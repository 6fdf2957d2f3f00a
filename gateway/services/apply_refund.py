"""Fold what a provider says of a refund into what we know; also of one that was made in the provider's own console."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.ledger import REFUNDS_PAYABLE, Entry, Transfer
from gateway.domain.money import Money
from gateway.domain.payment import CHECK_AFTER, Payment, PaymentStatus
from gateway.domain.query_window import QueryWindow
from gateway.domain.refund import AT_PROVIDER, Refund, RefundPart, RefundStatus, observed, split
from gateway.ports.provider import AckResult, RefundObservation
from gateway.services.booking_day import booking_day
from gateway.services.open_discrepancy import clear_discrepancy, open_discrepancy, unresolved_refund
from gateway.services.refund_sources import refund_sources
from gateway.store import catalogue, invoices, payments, refunds
from gateway.store.database import Transaction, new_id


def apply_refund(tx: Transaction, provider: str, observation: RefundObservation, source: str) -> AckResult:
    """The payment is locked first, as everywhere, so that nobody counts on money that is leaving."""
    payment = _payment_locked(tx, provider, observation)
    if payment is None:
        return AckResult.NOT_FOUND
    refund = _find(tx, payment, observation)
    if refund is None:
        if payment.status is not PaymentStatus.SUCCEEDED:
            return AckResult.NOT_FOUND  # the news of the payment itself is still on its way
        refund = _adopt(tx, payment, observation)
        if refund is None and observation.status is RefundStatus.FAILED:
            return AckResult.DUPLICATE  # no money moved
        payment = payments.get(tx, payment.id)  # it holds the refund's amount now
    if refund is None or refund.amount != observation.amount:
        _report(tx, payment, observation, refund)
        return AckResult.AMOUNT_MISMATCH
    status = observed(refund.status, observation.status)
    changed = status is not refund.status
    payments.add_event(
        tx,
        payment_id=payment.id,
        refund_id=refund.id,
        source=source,
        reported=observation.status,
        status=status,
        changed=changed,
        code=observation.code,
        amount_minor=observation.amount.amount_minor,
        occurred_at=observation.occurred_at,
        received_at=tx.now,
    )
    if refund.provider_refund_id is None and observation.provider_refund_id is not None:
        refunds.change(tx, refund.id, provider_refund_id=observation.provider_refund_id)
    if not changed:
        return AckResult.DUPLICATE
    move_refund(tx, payment, refund, status, payment.moment(observation.occurred_at, tx.now), code=observation.code)
    return AckResult.APPLIED


def move_refund(
    tx: Transaction, payment: Payment, refund: Refund, to: RefundStatus, occurred_at: datetime, *, code: str = ""
) -> None:
    """Write a refund's new status with all that follows from it. `payment` is locked; `to` is a legal next status."""
    business_date = booking_day(tx, refund.agency_id, payment.provider, occurred_at)
    values: dict[str, object] = {"status": to, "code": code}
    if to not in AT_PROVIDER and to is not RefundStatus.APPROVED:
        values["next_check_at"] = None
        clear_discrepancy(tx, unresolved_refund(refund.id), {"ended": to, "code": code})
    if to is RefundStatus.SUCCEEDED:
        values |= {"succeeded_at": occurred_at, "business_date": business_date}
        _pay_out(tx, payment, refund, occurred_at)
    if to is RefundStatus.FAILED:
        _take_back(tx, payment, refund, occurred_at)
    refunds.change(tx, refund.id, **values)
    if to is RefundStatus.APPROVED:
        return  # again, because nothing was sent: no news for anybody
    facts = {"refund": str(refund.id), "payment": str(payment.id), "status": to}
    tx.emit(
        f"refund.{to}", refund.agency_id, facts | {"amount_minor": refund.amount_minor, "currency": refund.currency}
    )


def book_approval(
    tx: Transaction, payment: Payment, refund: Refund, parts: list[RefundPart], occurred_at: datetime
) -> None:
    """What was collected is owed back from now on."""
    transfers = tuple(Transfer(part.account, REFUNDS_PAYABLE, part.amount) for part in parts)
    _post(tx, payment, refund, "approved", occurred_at, transfers)


def _pay_out(tx: Transaction, payment: Payment, refund: Refund, occurred_at: datetime) -> None:
    transfer = Transfer(REFUNDS_PAYABLE, payment.lands_on, refund.amount)
    _post(tx, payment, refund, "succeeded", occurred_at, (transfer,))
    _count_on_invoices(tx, refund, +1)


def _take_back(tx: Transaction, payment: Payment, refund: Refund, occurred_at: datetime) -> None:
    """The refund did not happen, or was undone: reverse what was booked, and let the amount be refunded again."""
    parts = refunds.parts_of(tx, refund)
    transfers = tuple(Transfer(REFUNDS_PAYABLE, part.account, part.amount) for part in parts)
    if refund.status is RefundStatus.SUCCEEDED:
        _count_on_invoices(tx, refund, -1)
        transfers += (Transfer(payment.lands_on, REFUNDS_PAYABLE, refund.amount),)
    _post(tx, payment, refund, "failed", occurred_at, transfers)
    payments.change(tx, payment.id, refunded_minor=payment.refunded_minor - refund.amount_minor)
    kept = sum(part.amount.amount_minor for part in parts if part.invoice_id is None)
    if kept:
        _name_credit(tx, payment, refund, Money(kept, refund.currency), occurred_at)


def _name_credit(tx: Transaction, payment: Payment, refund: Refund, kept: Money, occurred_at: datetime) -> None:
    """What was the payer's is so again, and whatever had named it may have been resolved by this very refund."""
    open_discrepancy(
        tx,
        kind=DiscrepancyKind.DUPLICATE_PAYMENT,
        key=f"{DiscrepancyKind.DUPLICATE_PAYMENT}:refund:{refund.id}",
        provider=payment.provider,
        agency_id=refund.agency_id,
        business_date=catalogue.agency(tx, refund.agency_id).business_date(occurred_at),
        amount=kept,
        payment_id=payment.id,
        refund_id=refund.id,
        evidence={
            "credited_minor": kept.amount_minor,
            "provider_transaction_id": payment.provider_transaction_id,
            "proposed": "refund_duplicate",
        },
    )


def _count_on_invoices(tx: Transaction, refund: Refund, sign: int) -> None:
    by_invoice: dict[UUID, int] = {}
    for part in refunds.parts_of(tx, refund):
        if part.invoice_id is not None:
            by_invoice[part.invoice_id] = by_invoice.get(part.invoice_id, 0) + part.amount.amount_minor
    for invoice_id in sorted(by_invoice):
        invoice = invoices.find(tx, invoice_id, lock=True)
        if invoice is not None:
            invoices.change(tx, invoice_id, refunded_minor=invoice.refunded_minor + sign * by_invoice[invoice_id])


def _post(
    tx: Transaction,
    payment: Payment,
    refund: Refund,
    what: str,
    occurred_at: datetime,
    transfers: tuple[Transfer, ...],
) -> None:
    tx.post(
        Entry(
            key=f"refund:{refund.id}:{what}",
            cause=f"refund_{what}",
            agency_id=refund.agency_id,
            subject_id=refund.id,
            occurred_at=occurred_at,
            business_date=booking_day(tx, refund.agency_id, payment.provider, occurred_at),
            transfers=transfers,
        )
    )


def _payment_locked(tx: Transaction, provider: str, observation: RefundObservation) -> Payment | None:
    refund = None if observation.refund_id is None else refunds.find(tx, observation.refund_id)
    if refund is not None:
        return payments.find_moved(tx, provider, None, refund.payment_id)
    return payments.find_moved(tx, provider, observation.provider_transaction_id, observation.payment_id)


def _find(tx: Transaction, payment: Payment, observation: RefundObservation) -> Refund | None:
    for refund in refunds.of_payment(tx, payment.id, lock=True):
        if refund.id == observation.refund_id:
            return refund
        if refund.provider_refund_id is not None and refund.provider_refund_id == observation.provider_refund_id:
            return refund
    return None


def _adopt(tx: Transaction, payment: Payment, observation: RefundObservation) -> Refund | None:
    """Nobody here asked for this refund, but the provider has it: book it, and ask an officer why.

    So is one that has failed, so that the news of its beginning is known as old if it comes later.

    None if it cannot be booked; then only the discrepancy is written.
    """
    if not _can_adopt(payment, observation):
        return None
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        agency_id=payment.agency_id,
        status=RefundStatus.UNKNOWN,
        amount_minor=observation.amount.amount_minor,
        currency=observation.amount.currency,
        reason="made at the provider",
        requested_by=f"provider:{payment.provider}",
        decided_by=None,
        provider_refund_id=observation.provider_refund_id,
        code="",
        created_at=tx.now,
        sent_at=None,
        succeeded_at=None,
        business_date=None,
        checks=0,
    )
    parts = split(observation.amount, refund_sources(tx, payment))
    refunds.add(tx, refund, parts, next_check_at=tx.now + CHECK_AFTER[0])
    payments.change(tx, payment.id, refunded_minor=payment.refunded_minor + refund.amount_minor)
    book_approval(tx, payment, refund, parts, payment.moment(observation.occurred_at, tx.now))
    _report(tx, replace(payment, refunded_minor=payment.refunded_minor + refund.amount_minor), observation, refund)
    return refund


def name_unresolved(tx: Transaction, payment: Payment, refund: Refund, window: QueryWindow) -> None:
    """Nobody can say what became of a refund: ask an officer to ask the provider's people."""
    known = {"provider_refund_id": refund.provider_refund_id, "refund_is": refund.status, "asked": refund.checks}
    evidence = known | {"proposed": "open_trace"} | window.evidence(tx.now)
    _open_discrepancy(tx, payment, unresolved_refund(refund.id), refund.amount, refund, evidence)


def _can_adopt(payment: Payment, observation: RefundObservation) -> bool:
    """Whether it can be told from a repetition of itself, and the payment still holds as much."""
    amount, left = observation.amount, payment.refundable
    fits = amount.currency == left.currency and 0 < amount.amount_minor <= left.amount_minor
    return fits and observation.provider_refund_id is not None


def _report(tx: Transaction, payment: Payment, observation: RefundObservation, refund: Refund | None) -> None:
    identity = observation.provider_refund_id or (refund.id if refund else payment.id)
    evidence = {
        "provider_refund_id": observation.provider_refund_id,
        "reported_status": observation.status,
        "reported_minor": observation.amount.amount_minor,
        "requested_here": refund is not None and not refund.requested_by.startswith("provider:"),
        "payment_minor": payment.amount_minor,
    }
    key = f"refund_unknown:{payment.provider}:{identity}"
    _open_discrepancy(tx, payment, key, observation.amount, refund, evidence)


def _open_discrepancy(
    tx: Transaction,
    payment: Payment,
    key: str,
    amount: Money,
    refund: Refund | None,
    evidence: Mapping[str, object],
) -> None:
    open_discrepancy(
        tx,
        kind=DiscrepancyKind.REFUND_UNKNOWN,
        key=key,
        provider=payment.provider,
        agency_id=payment.agency_id,
        business_date=catalogue.agency(tx, payment.agency_id).business_date(tx.now),
        amount=-amount,
        payment_id=payment.id,
        refund_id=refund.id if refund else None,
        evidence=evidence,
    )
