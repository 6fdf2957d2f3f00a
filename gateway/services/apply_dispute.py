"""A payer's bank takes money back (a chargeback), and perhaps returns it when the dispute is won."""

from gateway.domain import ledger
from gateway.domain.ledger import DISPUTES, Entry, Transfer
from gateway.domain.payment import Payment
from gateway.ports.provider import AckResult, DisputeObservation, DisputeStatus
from gateway.store import catalogue, payments, refunds
from gateway.store.database import Transaction, new_id


def apply_dispute(tx: Transaction, provider: str, observation: DisputeObservation, source: str) -> AckResult:
    """Opened: the amount moves from the provider's account to `disputes`. Won: back again. Lost: it stays there."""
    payment = _payment_locked(tx, provider, observation)
    if payment is None or observation.amount.currency != payment.currency:
        return AckResult.NOT_FOUND if payment is None else AckResult.AMOUNT_MISMATCH
    opened = _open(tx, payment, observation)
    closed = observation.status is not DisputeStatus.OPEN and _close(tx, payment, observation)
    payments.add_event(
        tx,
        payment_id=payment.id,
        source=source,
        reported=f"dispute_{observation.status}",
        status=payment.status,
        changed=opened or closed,
        code=observation.code,
        amount_minor=observation.amount.amount_minor,
        occurred_at=observation.occurred_at,
        received_at=tx.now,
    )
    return AckResult.APPLIED if opened or closed else AckResult.DUPLICATE


def _open(tx: Transaction, payment: Payment, observation: DisputeObservation) -> bool:
    """Also when the news of its end comes first: then it was opened before."""
    is_new = refunds.add_dispute(
        tx,
        id=new_id(),
        payment_id=payment.id,
        agency_id=payment.agency_id,
        provider=payment.provider,
        provider_dispute_id=observation.provider_dispute_id,
        status=DisputeStatus.OPEN,
        amount_minor=observation.amount.amount_minor,
        currency=observation.amount.currency,
        opened_at=min(observation.occurred_at, tx.now),
    )
    if is_new:
        _post(tx, payment, observation, "opened", (DISPUTES, ledger.in_transit(payment.provider)))
    return is_new


def _close(tx: Transaction, payment: Payment, observation: DisputeObservation) -> bool:
    dispute = refunds.find_dispute(tx, payment.provider, observation.provider_dispute_id)
    if dispute is None or dispute.status != DisputeStatus.OPEN:
        return False
    refunds.close_dispute(tx, dispute.id, status=observation.status, closed_at=min(observation.occurred_at, tx.now))
    if observation.status is DisputeStatus.WON:
        _post(tx, payment, observation, "won", (ledger.in_transit(payment.provider), DISPUTES))
    else:
        _tell(tx, payment, observation, "lost")
    return True


def _post(
    tx: Transaction, payment: Payment, observation: DisputeObservation, what: str, accounts: tuple[str, str]
) -> None:
    occurred_at = min(observation.occurred_at, tx.now)
    tx.post(
        Entry(
            key=f"dispute:{payment.provider}:{observation.provider_dispute_id}:{what}",
            cause=f"dispute_{what}",
            agency_id=payment.agency_id,
            subject_id=payment.id,
            occurred_at=occurred_at,
            business_date=catalogue.agency(tx, payment.agency_id).business_date(occurred_at),
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


def _payment_locked(tx: Transaction, provider: str, observation: DisputeObservation) -> Payment | None:
    payment = None
    if observation.payment_id is not None:
        payment = payments.find(tx, observation.payment_id, lock=True)
    if payment is None and observation.provider_transaction_id is not None:
        payment = payments.find_by_transaction(tx, provider, observation.provider_transaction_id, lock=True)
    return payment if payment is not None and payment.provider == provider else None
