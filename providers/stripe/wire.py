"""What Stripe puts on the wire, and how its words read in ours.

Amounts are whole minor units, and for the currencies listed here Stripe's minor unit is ISO 4217's (for others, like
ISK and UGX, it is not). Times are seconds since 1970. Our payment and refund ids travel as metadata, on the session and
on the payment intent, because events tell of either.

Stripe hands over what the payer typed into its page (name, e-mail). `kept` drops all but the fields named in KEPT, so
that none of it is stored or logged here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import stripe

from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities, FeeContract, Flow, Need, SettlementBy
from gateway.ports.provider import (
    DisputeObservation,
    DisputeStatus,
    Observation,
    PaymentObservation,
    RefundObservation,
    RejectionReason,
    WebhookRejected,
)
from providers.reading import Unreadable, instant, listed, money, nested, optional_text, text

API_VERSION = "2026-10-28.endive"
"""The version whose objects this file reads, and for which the SDK was generated; a test holds the two together."""

TOLERANCE = timedelta(seconds=300)
SIGNATURE = "stripe-signature"

_CURRENCIES = ("VND", "USD", "EUR", "GBP", "SGD", "JPY", "KWD")
CAPABILITIES = Capabilities(
    needs=(Need.CARD,),
    currencies=frozenset(_CURRENCIES),
    flow=Flow.REDIRECT,
    minimum_minor={"USD": 50, "EUR": 50, "GBP": 30, "SGD": 50, "JPY": 50},
    maximum_minor=dict.fromkeys(_CURRENCIES, 99_999_999),  # eight digits, in whatever currency
    partial_refunds=True,
    idempotency_window=timedelta(hours=24),
    # The search for a session whose creation was not answered covers all the time in which it can have been created.
    not_found_proves_absence=True,
    not_found_after=timedelta(minutes=5),
    payment_lifetime=timedelta(hours=1),
    settlement=SettlementBy.API,
    settlement_lag_days=4,  # paid out two working days later, with a weekend between
    time_zone="UTC",
    fee=FeeContract(basis_points=340),
)
THREE_DECIMALS = frozenset({"KWD"})
"""Stripe takes three decimals, but the last must be 0."""

WEBHOOK_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
    "payout.paid",
    "payout.failed",
    "payout.reconciliation_completed",
)
"""What the webhook endpoint subscribes to. refund.created is what tells of a refund made in the dashboard."""

_INTENT_STATUS: Mapping[str, PaymentStatus] = {
    "requires_payment_method": PaymentStatus.DECLINED,
    "requires_confirmation": PaymentStatus.PENDING,
    "requires_action": PaymentStatus.PENDING,
    "processing": PaymentStatus.PENDING,
    "canceled": PaymentStatus.CANCELLED,
    "succeeded": PaymentStatus.SUCCEEDED,
}
_SESSION_STATUS: Mapping[tuple[str, str], PaymentStatus] = {
    ("open", "unpaid"): PaymentStatus.PENDING,
    ("complete", "unpaid"): PaymentStatus.PENDING,  # the payer is done, the bank is not
    ("complete", "paid"): PaymentStatus.SUCCEEDED,
    ("expired", "unpaid"): PaymentStatus.EXPIRED,
}
_REFUND_STATUS: Mapping[str, RefundStatus] = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
_DISPUTE_STATUS: Mapping[str, DisputeStatus] = {
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "appeal_needs_response": DisputeStatus.OPEN,
    "appeal_under_review": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
"""An inquiry (warning_...) has taken no money, and one that was prevented never will."""

KEPT = frozenset(
    {
        *("id", "object", "type", "created", "data", "status", "metadata", "amount", "currency"),
        *("payment_status", "amount_total", "payment_intent", "client_reference_id"),
        *("amount_received", "last_payment_error", "code", "decline_code", "latest_charge", "cancellation_reason"),
        *("amount_refunded", "refunds", "failure_reason", "charge", "reason"),
        *("payment_id", "refund_id"),
    }
)


def check_signature(header: str, secrets: Sequence[str], body: bytes, now: datetime) -> None:
    """Stripe's own verifier says who signed; the time is compared here, as it refuses only what is old and asks its own
    clock. Raises WebhookRejected."""
    usable = [secret for secret in secrets if secret.strip()]
    if not usable:
        raise WebhookRejected(RejectionReason.NO_SECRET)
    if not _is_utf8(body):
        raise WebhookRejected(RejectionReason.MALFORMED, "the body is not UTF-8")
    if not any(_is_signed(header, secret, body) for secret in usable):
        raise WebhookRejected(RejectionReason.BAD_SIGNATURE)
    # As the verifier reads it: the first timestamp of the header is the one that was signed.
    timestamp = next(int(part.split("=")[1]) for part in header.split(",") if part.startswith("t="))
    if abs(timestamp - int(now.timestamp())) > TOLERANCE.total_seconds():
        raise WebhookRejected(RejectionReason.STALE)


def kept(value: Any) -> Any:
    """`value` without everything that KEPT does not name."""
    if isinstance(value, Mapping):
        return {name: kept(member) for name, member in value.items() if name in KEPT}
    return [kept(member) for member in value] if isinstance(value, list) else value


def session_observation(session: Mapping[str, Any], seen_at: datetime) -> PaymentObservation:
    """A session as Stripe describes it now, with its payment intent expanded. Raises Unreadable.

    Stripe lets the payer try again on an open session, so a declined attempt can still turn into a success.
    """
    status, word = _session_status(session)
    intent = session.get("payment_intent")
    if not isinstance(intent, Mapping):
        if status is PaymentStatus.SUCCEEDED:
            raise Unreadable("a paid session has no payment intent")
        return _of_session({**session, "payment_intent": None}, seen_at, status, word)
    if status is PaymentStatus.PENDING:
        status, word = _attempt(intent, word)
    observed = _of_session({**session, "payment_intent": text(intent, "id")}, seen_at, status, word)
    if status is not PaymentStatus.SUCCEEDED:
        return observed
    charge = intent.get("latest_charge")
    paid_at = instant(charge, "created") if isinstance(charge, Mapping) else seen_at
    return replace(observed, occurred_at=paid_at, amount=money(intent, "amount_received", "currency"))


def refund_observation(refund: Mapping[str, Any], occurred_at: datetime) -> RefundObservation:
    """One refund with its own amount; one made in the dashboard carries no id of ours. Raises Unreadable."""
    word = text(refund, "status")
    return RefundObservation(
        status=_REFUND_STATUS.get(word, RefundStatus.UNKNOWN),
        occurred_at=occurred_at,
        amount=money(refund, "amount", "currency"),
        refund_id=_ours(refund, "refund_id"),
        provider_refund_id=text(refund, "id"),
        payment_id=_ours(refund, "payment_id"),
        provider_transaction_id=optional_text(refund, "payment_intent"),
        code=optional_text(refund, "failure_reason") or word,
    )


def observations(event: Mapping[str, Any]) -> list[Observation]:
    """What an event says: nothing if it is of a type that does not concern us. Raises Unreadable."""
    read = _EVENTS.get(text(event, "type"))
    if read is None:
        return []
    return read(nested(nested(event, "data"), "object"), instant(event, "created"))


def _session_status(session: Mapping[str, Any]) -> tuple[PaymentStatus, str]:
    words = text(session, "status"), text(session, "payment_status")
    return _SESSION_STATUS.get(words, PaymentStatus.UNKNOWN), "/".join(words)


def _session_event(session: Mapping[str, Any], at: datetime) -> list[Observation]:
    status, word = _session_status(session)
    return [_of_session(session, at, status, word)]


def _session_failed(session: Mapping[str, Any], at: datetime) -> list[Observation]:
    """A debit that the payer's bank refused days later; the session itself only says that it is complete and unpaid."""
    return [_of_session(session, at, PaymentStatus.DECLINED, "async_payment_failed")]


def _of_session(session: Mapping[str, Any], at: datetime, status: PaymentStatus, code: str) -> PaymentObservation:
    return PaymentObservation(
        status=status,
        occurred_at=at,
        payment_id=_ours(session, "payment_id"),
        provider_payment_id=text(session, "id"),
        provider_transaction_id=optional_text(session, "payment_intent"),
        amount=money(session, "amount_total", "currency"),
        code=code,
    )


def _intent_event(intent: Mapping[str, Any], at: datetime) -> list[Observation]:
    status, code = _attempt(intent, text(intent, "status"))
    received = "amount_received" if status is PaymentStatus.SUCCEEDED else "amount"
    return [
        PaymentObservation(
            status=status,
            occurred_at=at,
            payment_id=_ours(intent, "payment_id"),
            provider_transaction_id=text(intent, "id"),
            amount=money(intent, received, "currency"),
            code=code,
        )
    ]


def _refund_event(refund: Mapping[str, Any], at: datetime) -> list[Observation]:
    return [refund_observation(refund, at)]


def _refunded_charge(charge: Mapping[str, Any], at: datetime) -> list[Observation]:
    """The charge's own amount_refunded is the sum of all refunds so far and names none of them, so nothing can be
    counted from it. The refunds listed with it, if they are, each say theirs; refund.created tells of each anyway."""
    refunds = charge.get("refunds")
    return [refund_observation(one, at) for one in listed(refunds, "data")] if isinstance(refunds, Mapping) else []


def _dispute_event(dispute: Mapping[str, Any], at: datetime) -> list[Observation]:
    status = _DISPUTE_STATUS.get(text(dispute, "status"))
    if status is None:
        return []
    return [
        DisputeObservation(
            status=status,
            occurred_at=at,
            amount=money(dispute, "amount", "currency"),
            provider_dispute_id=text(dispute, "id"),
            provider_transaction_id=optional_text(dispute, "payment_intent"),
            code=optional_text(dispute, "reason") or "",
        )
    ]


_EVENTS: Mapping[str, Callable[[Mapping[str, Any], datetime], list[Observation]]] = {
    "checkout.session.completed": _session_event,
    "checkout.session.async_payment_succeeded": _session_event,
    "checkout.session.async_payment_failed": _session_failed,
    "checkout.session.expired": _session_event,
    "payment_intent.succeeded": _intent_event,
    "payment_intent.payment_failed": _intent_event,
    "payment_intent.canceled": _intent_event,
    "charge.refunded": _refunded_charge,
    "refund.created": _refund_event,
    "refund.updated": _refund_event,
    "refund.failed": _refund_event,
    "charge.refund.updated": _refund_event,
    "charge.dispute.created": _dispute_event,
    "charge.dispute.closed": _dispute_event,
}
"""Payouts are not here: the settlement is fetched, not told."""


def _attempt(intent: Mapping[str, Any], word: str) -> tuple[PaymentStatus, str]:
    """How the payer's latest attempt stands, and why."""
    name = text(intent, "status")
    error = intent.get("last_payment_error")
    if name == "requires_payment_method" and not isinstance(error, Mapping):
        return PaymentStatus.PENDING, word  # not tried yet
    if isinstance(error, Mapping) and name == "requires_payment_method":
        word = optional_text(error, "decline_code") or optional_text(error, "code") or name
    return _INTENT_STATUS.get(name, PaymentStatus.UNKNOWN), word


def _ours(thing: Mapping[str, Any], name: str) -> UUID | None:
    """An id of ours from the metadata. Others may use the same Stripe account, with metadata of their own."""
    metadata = thing.get("metadata")
    value = metadata.get(name) if isinstance(metadata, Mapping) else None
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_signed(header: str, secret: str, body: bytes) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None)
    except (stripe.SignatureVerificationError, TypeError):  # a signature with letters that no digest has
        return False
    return True
