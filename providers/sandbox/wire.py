"""What the sandbox puts on the wire: names, signatures, and how its words read in ours.

JSON over HTTP, amounts as whole minor units, times in seconds since 1970. Requests and notifications are signed as
providers/signing.py says.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, FeeContract, Flow, SettlementBy
from gateway.ports.provider import (
    DisputeObservation,
    DisputeStatus,
    NotSent,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    ProviderError,
    RefundObservation,
    Rejected,
    Unsupported,
)
from providers.reading import instant, money, nested, optional_text, optional_uuid, text

SIGNATURE = "sandbox-signature"
MERCHANT = "sandbox-merchant"
IDEMPOTENCY_KEY = "idempotency-key"

# A rehearsal for portals of any country of the demo, and for currencies with no decimals, two and three.
LEAST_MINOR: Mapping[str, int] = {"VND": 1_000, "USD": 1, "EUR": 1, "KWD": 1, "DKK": 1, "SGD": 1, "KRW": 1}

CAPABILITIES = Capabilities(
    currencies=frozenset(LEAST_MINOR),
    flow=Flow.REDIRECT,
    minimum_minor=LEAST_MINOR,
    maximum_minor=dict.fromkeys(LEAST_MINOR, 10**12),
    partial_refunds=True,
    idempotency_window=timedelta(hours=24),
    not_found_proves_absence=True,
    not_found_after=timedelta(minutes=5),
    payment_lifetime=timedelta(hours=1),
    settlement=SettlementBy.API,
    settlement_lag_days=0,
    time_zone="Asia/Ho_Chi_Minh",
    fee=FeeContract(basis_points=110),
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
DISPUTE_STATUS: Mapping[str, DisputeStatus] = {
    "open": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}

NOT_FOUND = "not_found"
ERROR: Mapping[str, type[ProviderError]] = {
    # A wrong key or clock is refused before the request is looked at, so nothing happened and it can be sent again.
    "bad_signature": NotSent,
    "unknown_merchant": NotSent,
    "unsupported_currency": Unsupported,
    "amount_out_of_range": Rejected,
    "invalid_request": Rejected,
    "not_refundable": Rejected,
    "over_refund": Rejected,
    "rejected": Rejected,
    NOT_FOUND: Rejected,
    # The key was used for another request: something of ours did happen, and only a query says what.
    "idempotency_mismatch": OutcomeUnknown,
}
"""What each error code means for the request that met it. A code that is not here is OutcomeUnknown."""


def payment_observation(payment: Mapping[str, Any]) -> PaymentObservation:
    """A payment as the sandbox describes it. Raises Unreadable."""
    word = text(payment, "status")
    status = PAYMENT_STATUS.get(word, PaymentStatus.UNKNOWN)
    paid = nested(payment, "transaction") if status is PaymentStatus.SUCCEEDED else None
    return PaymentObservation(
        status=status,
        occurred_at=instant(payment, "updated"),
        payment_id=optional_uuid(payment, "payment_id"),
        provider_payment_id=text(payment, "id"),
        provider_transaction_id=None if paid is None else text(paid, "id"),
        amount=money(payment if paid is None else paid, "amount_minor", "currency"),
        code=optional_text(payment, "code") or word,
    )


def refund_observation(refund: Mapping[str, Any]) -> RefundObservation:
    """A refund as the sandbox describes it; one made in its console has no refund id of ours. Raises Unreadable."""
    word = text(refund, "status")
    return RefundObservation(
        status=REFUND_STATUS.get(word, RefundStatus.UNKNOWN),
        occurred_at=instant(refund, "updated"),
        amount=money(refund, "amount_minor", "currency"),
        refund_id=optional_uuid(refund, "refund_id"),
        provider_refund_id=text(refund, "id"),
        payment_id=optional_uuid(refund, "payment_id"),
        provider_transaction_id=text(refund, "transaction_id"),
        code=optional_text(refund, "code") or word,
    )


def observations(event: Mapping[str, Any]) -> list[Observation]:
    """What a notification says: nothing if it is of a kind that does not concern us. Raises Unreadable."""
    kind = text(event, "type").partition(".")[0]
    data = nested(event, "data")
    if kind == "payment":
        return [payment_observation(data)]
    if kind == "refund":
        return [refund_observation(data)]
    if kind == "dispute" and text(data, "status") in DISPUTE_STATUS:
        return [_dispute_observation(data)]
    return []


def _dispute_observation(dispute: Mapping[str, Any]) -> DisputeObservation:
    return DisputeObservation(
        status=DISPUTE_STATUS[text(dispute, "status")],
        occurred_at=instant(dispute, "updated"),
        amount=money(dispute, "amount_minor", "currency"),
        provider_dispute_id=text(dispute, "id"),
        payment_id=optional_uuid(dispute, "payment_id"),
        provider_transaction_id=text(dispute, "transaction_id"),
        code=optional_text(dispute, "code") or "",
    )
