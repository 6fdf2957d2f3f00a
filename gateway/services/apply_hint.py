"""A provider says that something may have become of a payment, in words that its signature does not cover.

Such a word is believed nothing but "ask now": the payment becomes due for a question in this transaction, and is asked
about once it is over (ask_provider.ask_about_hint). If nobody answers then, the sweep asks again.
"""

from gateway.domain.payment import Payment, PaymentStatus
from gateway.ports.provider import AckResult, PaymentHint
from gateway.store import payments
from gateway.store.database import Transaction


def apply_hint(tx: Transaction, provider: str, hint: PaymentHint, source: str) -> AckResult:
    """Make the payment due. Also one that was given up, because money can still come; never one that succeeded."""
    payment = make_due(tx, provider, hint)
    if payment is None:
        return AckResult.NOT_FOUND
    if payment.status is PaymentStatus.SUCCEEDED:
        return AckResult.DUPLICATE
    payments.add_event(
        tx,
        payment_id=payment.id,
        source=source,
        reported="hint",
        status=payment.status,
        changed=False,
        code=hint.code,
        amount_minor=None,
        occurred_at=tx.now,
        received_at=tx.now,
    )
    return AckResult.APPLIED


def make_due(tx: Transaction, provider: str, hint: PaymentHint) -> Payment | None:
    """The payment, to be asked about at the next sweep if it has not succeeded."""
    payment = find_hinted(tx, provider, hint)
    if payment is not None and payment.status is not PaymentStatus.SUCCEEDED:
        payments.change(tx, payment.id, next_check_at=tx.now)
    return payment


def find_hinted(tx: Transaction, provider: str, hint: PaymentHint) -> Payment | None:
    found = None if hint.payment_id is None else payments.find(tx, hint.payment_id)
    if found is None and hint.provider_payment_id is not None:
        found = payments.find_by_provider_id(tx, provider, hint.provider_payment_id)
    return found if found is not None and found.provider == provider else None
