"""Fold what a provider says of a payment into what we know. Only apply_observation and apply_credit come here.

The payment is locked, its status moves along the graph if the news is news, and the ledger, the portals' events and the
payment's story are written in the same transaction. Applying the same observation again changes nothing.

A movement of money on a bank account of the agency is written down as a bank credit as well, because the bank tells of
it in more than one way; see gateway.domain.credit.
"""

from dataclasses import replace
from datetime import datetime

import structlog

from gateway.domain.credit import Credit, CreditStatus
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict
from gateway.domain.ledger import account_in_bank
from gateway.domain.payment import OPEN, Payment, PaymentStatus, observed
from gateway.ports.provider import AckResult, PaymentObservation
from gateway.services.booking_day import booking_day
from gateway.services.collect_payment import collect_payment
from gateway.services.open_discrepancy import clear_discrepancy, open_discrepancy, unresolved_payment
from gateway.store import catalogue, checkouts, credits, payments
from gateway.store.database import Transaction, new_id

log = structlog.get_logger()


class CreditCountedElsewhere(Conflict):
    """Another transaction has booked this very movement at this moment. Nothing is written; the next news is right."""

    code = "credit_counted_elsewhere"


def apply_payment(
    tx: Transaction, provider: str, observation: PaymentObservation, source: str, held_on: str | None = None
) -> AckResult:
    """Raises CreditCountedElsewhere; what cannot be true is kept as a discrepancy. `held_on`: see collect_payment."""
    payment = _find_locked(tx, provider, observation)
    if payment is None:
        return AckResult.NOT_FOUND
    moved_at = payment.moment(observation.occurred_at, tx.now)
    if observation.status is PaymentStatus.SUCCEEDED:
        if observation.amount != payment.amount:
            return _contradicted(tx, payment, observation, source, _mismatch(payment, observation))
        if is_spent(tx, payment, observation.provider_transaction_id):
            return AckResult.DUPLICATE
        paid = _paid_by(tx, payment, observation.provider_transaction_id)
        if paid is None:
            return _contradicted(tx, payment, observation, source, DiscrepancyKind.DUPLICATE_AT_PROVIDER)
        payment = paid
        _count_once(tx, payment, observation.provider_transaction_id, moved_at)
    status = observed(payment.status, observation.status)
    changed = status is not payment.status
    _keep_story(tx, replace(payment, status=status), observation, source, changed=changed)
    _learn(tx, payment, status, observation, moved_at)
    if not changed:
        return AckResult.DUPLICATE
    if status is PaymentStatus.SUCCEEDED:
        collect_payment(tx, payment, moved_at, held_on)
    facts = {"payment": str(payment.id), "checkout_session": str(payment.session_id), "provider": payment.provider}
    amount = {"amount_minor": payment.amount_minor, "currency": payment.currency}
    tx.emit(f"payment.{status}", payment.agency_id, facts | amount)
    log.info("payment moved", payment=str(payment.id), was=payment.status, now=status, source=source)
    return AckResult.APPLIED


def is_spent(tx: Transaction, payment: Payment, movement: str | None) -> bool:
    """Whether a movement on a bank account is known to be something else than this payment's money.

    A bank answers about a payment by its reference. Whoever pays one invoice in two sessions has two payments with one
    reference, and the credit that made the first of them good says nothing about the second.
    """
    if movement is None or account_in_bank(payment.lands_on) is None:
        return False
    known = credits.find(tx, payment.provider, movement)
    if known is None:
        return False
    owner = None if known.payment_id is None else payments.find(tx, known.payment_id)
    return owner is None or owner.session_id != payment.session_id


def _count_once(tx: Transaction, payment: Payment, movement: str | None, moved_at: datetime) -> None:
    """Write the movement down as a bank credit, unless it is one that was found to be this payment's."""
    account = account_in_bank(payment.lands_on)
    if movement is None or account is None:
        return
    credit = Credit(
        id=new_id(),
        provider=payment.provider,
        provider_transaction_id=movement,
        account=account,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        occurred_at=moved_at,
        business_date=catalogue.agency(tx, payment.agency_id).business_date(moved_at),
        status=CreditStatus.IDENTIFIED,
        agency_id=payment.agency_id,
        payment_id=payment.id,
        received_at=tx.now,
    )
    if credits.add(tx, credit):
        return
    known = credits.find(tx, payment.provider, movement)
    if known is None or known.payment_id != payment.id:
        raise CreditCountedElsewhere(f"Movement {movement} of {payment.provider} is being booked by somebody else.")


def _find_locked(tx: Transaction, provider: str, observation: PaymentObservation) -> Payment | None:
    found = _find(tx, provider, observation)
    if found is None or found.provider != provider:
        return None
    checkouts.find(tx, found.session_id, lock=True)
    return payments.get(tx, found.id, lock=True)


def _find(tx: Transaction, provider: str, observation: PaymentObservation) -> Payment | None:
    found = None
    if observation.payment_id is not None:
        found = payments.find(tx, observation.payment_id)
    if found is None and observation.provider_payment_id is not None:
        found = payments.find_by_provider_id(tx, provider, observation.provider_payment_id)
    if found is None and observation.provider_transaction_id is not None:
        found = payments.find_by_transaction(tx, provider, observation.provider_transaction_id)
    return found


def _paid_by(tx: Transaction, payment: Payment, movement: str | None) -> Payment | None:
    """The payment that a movement of money makes good: this one, or a second one if the payer paid the same attempt
    twice, for each movement is a payment of its own, which can be refunded. None if it paid another session already."""
    if movement is None or movement == payment.provider_transaction_id:
        return payment
    known = payments.find_by_transaction(tx, payment.provider, movement, lock=True)
    if known is not None:
        return known if known.session_id == payment.session_id else None
    if payment.status is PaymentStatus.SUCCEEDED and payment.provider_transaction_id is not None:
        return _second_payment(tx, payment)
    return payment


def _second_payment(tx: Transaction, first: Payment) -> Payment:
    second = replace(
        first,
        id=new_id(),
        status=PaymentStatus.PENDING,
        provider_payment_id=None,
        provider_transaction_id=None,
        next_action=None,
        credited_minor=0,
        refunded_minor=0,
        created_at=tx.now,
        succeeded_at=None,
        business_date=None,
        checks=0,
    )
    payments.add(tx, second, next_check_at=None)
    return second


def _learn(
    tx: Transaction, payment: Payment, status: PaymentStatus, observation: PaymentObservation, moved_at: datetime
) -> None:
    values: dict[str, object] = {}
    if payment.provider_payment_id is None and observation.provider_payment_id is not None:
        taken = payments.find_by_provider_id(tx, payment.provider, observation.provider_payment_id)
        if taken is None:
            values["provider_payment_id"] = observation.provider_payment_id
    if payment.provider_transaction_id is None and observation.status is PaymentStatus.SUCCEEDED:
        values["provider_transaction_id"] = observation.provider_transaction_id
    if status is not payment.status:
        values |= {"status": status, "code": observation.code}
        if status is PaymentStatus.SUCCEEDED:
            values["succeeded_at"] = moved_at
            values["business_date"] = booking_day(tx, payment.agency_id, payment.provider, moved_at)
        if status not in OPEN:
            values["next_check_at"] = None
            if payment.checks:  # else nobody can have named it
                clear_discrepancy(tx, unresolved_payment(payment.id), {"ended": status, "code": observation.code})
    if values:
        payments.change(tx, payment.id, **values)


def _keep_story(
    tx: Transaction, payment: Payment, observation: PaymentObservation, source: str, *, changed: bool
) -> None:
    payments.add_event(
        tx,
        payment_id=payment.id,
        source=source,
        reported=observation.status,
        status=payment.status,
        changed=changed,
        code=observation.code,
        amount_minor=observation.amount.amount_minor if observation.amount else None,
        occurred_at=observation.occurred_at,
        received_at=tx.now,
    )


def _mismatch(payment: Payment, observation: PaymentObservation) -> DiscrepancyKind:
    reported = observation.amount
    same_currency = reported is None or reported.currency == payment.currency
    return DiscrepancyKind.AMOUNT_MISMATCH if same_currency else DiscrepancyKind.CURRENCY_MISMATCH


def _contradicted(
    tx: Transaction, payment: Payment, observation: PaymentObservation, source: str, kind: DiscrepancyKind
) -> AckResult:
    """The provider reports a success that cannot be that of this payment: keep its word, and ask an officer."""
    _keep_story(tx, payment, observation, source, changed=False)
    reported = observation.amount
    open_discrepancy(
        tx,
        kind=kind,
        key=f"{kind}:payment:{payment.id}:{observation.provider_transaction_id or ''}",
        provider=payment.provider,
        agency_id=payment.agency_id,
        business_date=catalogue.agency(tx, payment.agency_id).business_date(tx.now),
        amount=reported or payment.amount,
        payment_id=payment.id,
        evidence={
            "expected_minor": payment.amount_minor,
            "expected_currency": payment.currency,
            "reported_minor": reported.amount_minor if reported else None,
            "reported_currency": reported.currency if reported else None,
            "provider_transaction_id": observation.provider_transaction_id,
        },
    )
    return AckResult.AMOUNT_MISMATCH
