"""What Example Bank puts on the wire, and how its words read in ours.

JSON over HTTP. A request shows the key of the agency in its Authorization header. PUT opens a payment or a refund under
an id of ours and may be repeated, GET tells what became of it. A notification carries the same document, and the
HMAC-SHA256 of its body in hex.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, FeeContract, Flow, SettlementBy
from gateway.ports.provider import (
    NotSent,
    Observation,
    PaymentObservation,
    ProviderError,
    RefundObservation,
    Rejected,
    RejectionReason,
    WebhookRejected,
)
from providers.reading import instant, money, nested, optional_uuid, text

SIGNATURE = "x-example-signature"

CAPABILITIES = Capabilities(
    currencies=frozenset({"VND"}),
    flow=Flow.REDIRECT,
    minimum_minor={"VND": 1_000},
    not_found_proves_absence=True,
    payment_lifetime=timedelta(hours=1),
    settlement=SettlementBy.FILE,
    settlement_lag_days=1,
    time_zone="Asia/Ho_Chi_Minh",
    fee=FeeContract(basis_points=50),
)

PAYMENT_STATUS: Mapping[str, PaymentStatus] = {
    "pending": PaymentStatus.PENDING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "declined": PaymentStatus.DECLINED,
    "cancelled": PaymentStatus.CANCELLED,
    "expired": PaymentStatus.EXPIRED,
}
REFUND_STATUS: Mapping[str, RefundStatus] = {
    "pending": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
}

NOT_FOUND = "not_found"
ERROR: Mapping[str, type[ProviderError]] = {
    "unauthorized": NotSent,  # refused at the door: nothing happened, and it can be sent again
    "rejected": Rejected,
    "not_refundable": Rejected,
    "over_refund": Rejected,
    NOT_FOUND: Rejected,
}
"""What each code means for the request that met it. A code that is not here is OutcomeUnknown."""


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def check_signature(given: str, secrets: Sequence[str], body: bytes) -> None:
    """Raises WebhookRejected unless one of `secrets` signed `body`."""
    usable = [secret for secret in secrets if secret.strip()]
    if not usable:
        raise WebhookRejected(RejectionReason.NO_SECRET)
    if not any(hmac.compare_digest(signature(secret, body).encode(), given.encode()) for secret in usable):
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE)


def payment(data: Mapping[str, Any]) -> PaymentObservation:
    """A payment as the bank describes it. Raises Unreadable."""
    word = text(data, "status")
    status = PAYMENT_STATUS.get(word, PaymentStatus.UNKNOWN)
    paid = nested(data, "transaction") if status is PaymentStatus.SUCCEEDED else None
    return PaymentObservation(
        status=status,
        occurred_at=instant(data, "updated"),
        payment_id=optional_uuid(data, "payment_id"),
        provider_payment_id=text(data, "id"),
        provider_transaction_id=None if paid is None else text(paid, "id"),
        amount=money(data if paid is None else paid, "amount_minor", "currency"),
        code=word,
    )


def refund(data: Mapping[str, Any]) -> RefundObservation:
    """A refund as the bank describes it; one that its staff made has no id of ours. Raises Unreadable."""
    word = text(data, "status")
    return RefundObservation(
        status=REFUND_STATUS.get(word, RefundStatus.UNKNOWN),
        occurred_at=instant(data, "updated"),
        amount=money(data, "amount_minor", "currency"),
        refund_id=optional_uuid(data, "refund_id"),
        provider_refund_id=text(data, "id"),
        payment_id=optional_uuid(data, "payment_id"),
        provider_transaction_id=text(data, "transaction_id"),
        code=word,
    )


def observations(event: Mapping[str, Any]) -> list[Observation]:
    """What a notification says: nothing if it is of a kind that does not concern us. Raises Unreadable."""
    if "payment" in event:
        return [payment(nested(event, "payment"))]
    if "refund" in event:
        return [refund(nested(event, "refund"))]
    return []
