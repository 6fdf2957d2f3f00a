"""A payer's bank takes money back (a chargeback), and perhaps returns it when the dispute is won."""

from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.ledger import DISPUTES, Entry, Transfer
from gateway.domain.money import Money
from gateway.domain.payment import Payment
from gateway.ports.provider import AckResult, DisputeObservation, DisputeStatus
from gateway.services.booking_day import booking_day
from gateway.services.open_discrepancy import open_discrepancy
from gateway.services.return_credit import return_credit
from gateway.store import catalogue, payments, refunds
from gateway.store.database import Transaction, new_id


def apply_dispute(tx: Transaction, provider: str, observation: DisputeObservation, source: str) -> AckResult:
    """Opened: the amount moves from where the payment landed to `disputes`. Won: back again. Lost: it stays there.

    What cannot be true (another amount than was paid, or than was disputed before) is kept as a discrepancy.
    """
    payment = payments.find_moved(tx, provider, observation.provider_transaction_id, observation.payment_id)
    if payment is None:
        return return_credit(tx, provider, observation)
    known = refunds.find_dispute(tx, provider, observation.provider_dispute_id)
    if not _is_possible(payment, known, observation):
        _keep_story(tx, payment, observation, source, changed=False)
        _ask_an_officer(tx, payment, observation)
        return AckResult.AMOUNT_MISMATCH
    if known is None:
        _open(tx, payment, observation)  # also when the news of its end comes first: then it was opened before
    ended = observation.status is not DisputeStatus.OPEN and (known is None or known.status == DisputeStatus.OPEN)
    if ended:
        _close(tx, payment, observation)
    changed = known is None or ended
    _keep_story(tx, payment, observation, source, changed=changed)
    return AckResult.APPLIED if changed else AckResult.DUPLICATE


def _is_possible(payment: Payment, known: Row[Any] | None, observation: DisputeObservation) -> bool:
    amount = observation.amount
    if known is None:
        return amount.currency == payment.currency and 0 < amount.amount_minor <= payment.amount_minor
    return bool(known.payment_id == payment.id and Money(known.amount_minor, known.currency) == amount)


def _open(tx: Transaction, payment: Payment, observation: DisputeObservation) -> None:
    refunds.add_dispute(
        tx,
        id=new_id(),
        payment_id=payment.id,
        agency_id=payment.agency_id,
        provider=payment.provider,
        provider_dispute_id=observation.provider_dispute_id,
        status=DisputeStatus.OPEN,
        amount_minor=observation.amount.amount_minor,
        currency=observation.amount.currency,
        opened_at=payment.moment(observation.occurred_at, tx.now),
    )
    _post(tx, payment, observation, "opened", (DISPUTES, payment.lands_on))


def _close(tx: Transaction, payment: Payment, observation: DisputeObservation) -> None:
    closed_at = payment.moment(observation.occurred_at, tx.now)
    refunds.close_dispute(
        tx, payment.provider, observation.provider_dispute_id, status=observation.status, closed_at=closed_at
    )
    if observation.status is DisputeStatus.WON:
        _post(tx, payment, observation, "won", (payment.lands_on, DISPUTES))
    else:
        _tell(tx, payment, observation, "lost")


def _post(
    tx: Transaction, payment: Payment, observation: DisputeObservation, what: str, accounts: tuple[str, str]
) -> None:
    occurred_at = payment.moment(observation.occurred_at, tx.now)
    tx.post(
        Entry(
            key=f"dispute:{payment.provider}:{observation.provider_dispute_id}:{what}",
            cause=f"dispute_{what}",
            agency_id=payment.agency_id,
            subject_id=payment.id,
            occurred_at=occurred_at,
            business_date=booking_day(tx, payment.agency_id, payment.provider, occurred_at),
            transfers=(Transfer(*accounts, observation.amount),),
        )
    )
    _tell(tx, payment, observation, what)


def _tell(tx: Transaction, payment: Payment, observation: DisputeObservation, what: str) -> None:
    tx.emit(
        f"dispute.{what}",
        payment.agency_id,
        {
            "payment": str(payment.id),
            "amount_minor": observation.amount.amount_minor,
            "currency": observation.amount.currency,
        },
    )


def _keep_story(
    tx: Transaction, payment: Payment, observation: DisputeObservation, source: str, *, changed: bool
) -> None:
    payments.add_event(
        tx,
        payment_id=payment.id,
        source=source,
        reported=f"dispute_{observation.status}",
        status=payment.status,
        changed=changed,
        code=observation.code,
        amount_minor=observation.amount.amount_minor,
        occurred_at=observation.occurred_at,
        received_at=tx.now,
    )


def _ask_an_officer(tx: Transaction, payment: Payment, observation: DisputeObservation) -> None:
    same_currency = observation.amount.currency == payment.currency
    kind = DiscrepancyKind.AMOUNT_MISMATCH if same_currency else DiscrepancyKind.CURRENCY_MISMATCH
    open_discrepancy(
        tx,
        kind=kind,
        key=f"{kind}:dispute:{payment.provider}:{observation.provider_dispute_id}:{payment.id}",
        provider=payment.provider,
        agency_id=payment.agency_id,
        business_date=catalogue.agency(tx, payment.agency_id).business_date(tx.now),
        amount=-observation.amount,
        payment_id=payment.id,
        evidence={
            "provider_dispute_id": observation.provider_dispute_id,
            "reported_status": observation.status,
            "reported_minor": observation.amount.amount_minor,
            "payment_minor": payment.amount_minor,
        },
    )
