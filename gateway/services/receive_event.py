"""Take a provider's notification: prove its sender, make it durable, apply it, answer.

The answer is success only once the event is stored. Applying happens in a second transaction; if that fails, the sweep
applies what was left, and the provider need not send it again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.engine import Row

from gateway.domain.agency import business_date
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    AckResult,
    CreditObservation,
    DisputeObservation,
    DisputeStatus,
    Observation,
    PaymentHint,
    PaymentObservation,
    RawRequest,
    RefundObservation,
    RejectionReason,
    Reply,
    Verified,
    WebhookReceiver,
    WebhookRejected,
)
from gateway.services.apply_hint import make_due
from gateway.services.apply_observation import apply_observation
from gateway.services.ask_provider import ask_about_hint
from gateway.services.open_discrepancy import open_discrepancy
from gateway.services.runtime import Runtime
from gateway.services.sweep import each
from gateway.services.vault import provider_event_purpose
from gateway.store import inbox
from gateway.store.database import Transaction, new_id

log = structlog.get_logger()

LEASE = timedelta(minutes=1)
AT_ONCE = 50
# A notification can overtake the row it is about by moments, not by days; after these tries it is about nothing here.
RETRY_AFTER = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))


class WebhookRefused(Invalid):
    """The sender is not who it should be. Nothing was stored; `reply` is what the provider's protocol wants to hear."""

    code = "webhook_refused"

    def __init__(self, reason: RejectionReason, detail: str, reply: Reply) -> None:
        super().__init__(detail, fields={"signature": reason.value})
        self.reply = reply


class NoWebhooks(NotFound):
    code = "no_webhooks"


def receive_event(runtime: Runtime, provider_name: str, request: RawRequest) -> Reply:
    """The reply that the protocol asks for. Raises NoWebhooks, or WebhookRefused if it is not to be believed."""
    receiver = _receiver(runtime, provider_name)
    try:
        verified = receiver.verify(request, runtime.db.now())
    except WebhookRejected as error:
        log.warning("webhook refused", provider=provider_name, reason=error.reason)
        reply = receiver.ack(AckResult.REJECTED)
        raise WebhookRefused(error.reason, f"The notification was refused: {error}.", reply) from error
    event_uuid = _store(runtime, provider_name, verified)
    try:
        result = apply_event(runtime, event_uuid)
    except Exception:  # whatever went wrong, the event is durable and the sweep applies it: sending again is no help
        log.exception("event left for the sweep", provider=provider_name, event_id=str(event_uuid))
        result = AckResult.APPLIED
    if result is AckResult.DUPLICATE:
        _look_again(runtime, provider_name, receiver.parse(verified))
    return receiver.ack(result)


def _look_again(runtime: Runtime, provider_name: str, told: Sequence[Observation]) -> None:
    """A hint that comes again may be about something else by now: its payment is due for a question, of which the sweep
    asks one, however often the hint comes."""
    for hint in told:
        if isinstance(hint, PaymentHint):
            with runtime.db.transaction() as tx:
                make_due(tx, provider_name, hint)


def apply_waiting_events(runtime: Runtime) -> int:
    """Apply what could not be applied when it came. Returns how many were taken up."""
    with runtime.db.transaction() as tx:
        due = inbox.claim_due(tx, LEASE, AT_ONCE)
    return each(due, lambda event_uuid: apply_event(runtime, event_uuid), "apply_waiting_events")


def apply_event(runtime: Runtime, event_uuid: UUID) -> AckResult:
    """Apply a stored event once; a duplicate if someone has done so already. Where it only hints, ask the provider."""
    with runtime.db.transaction() as tx:
        event = inbox.lock_unapplied(tx, event_uuid)
        if event is None:
            return AckResult.DUPLICATE
        observations = _observations(runtime, event)
        results = [
            apply_observation(tx, event.provider, observation, "webhook", runtime) for observation in observations
        ]
        result = _worst(results)
        if result is AckResult.NOT_FOUND and event.attempts < len(RETRY_AFTER):
            inbox.change(tx, event_uuid, result=result, next_attempt_at=tx.now + RETRY_AFTER[event.attempts])
        else:
            for observation, meant in zip(observations, results, strict=True):
                if meant is AckResult.NOT_FOUND:
                    report_stray(tx, runtime, event.provider, observation, "webhook")
            kept = _emptied(runtime, event_uuid) if any(map(_is_credit, observations)) else {}
            inbox.change(tx, event_uuid, result=result, applied_at=tx.now, next_attempt_at=None, **kept)

    for observation, meant in zip(observations, results, strict=True):
        if isinstance(observation, PaymentHint) and meant is AckResult.APPLIED:
            ask_about_hint(runtime, event.provider, observation)
    return result


def _is_credit(observation: Observation) -> bool:
    return isinstance(observation, CreditObservation)


def _emptied(runtime: Runtime, event_uuid: UUID) -> dict[str, Any]:
    """A bank hands on what its payers wrote. Once the credit is booked that is not to be kept here: what of it may
    still be needed is kept with the credit."""
    master_key_id, sealed = runtime.vault.seal_bytes(provider_event_purpose(event_uuid), b"{}")
    return {"master_key_id": master_key_id, "sealed_payload": sealed}


def _observations(runtime: Runtime, event: Row[Any]) -> Sequence[Observation]:
    sealed = runtime.vault.open_bytes(provider_event_purpose(event.id), event.master_key_id, event.sealed_payload)
    verified = Verified(event.event_id, event.event_type, json.loads(sealed))
    return _receiver(runtime, event.provider).parse(verified)


def _receiver(runtime: Runtime, provider_name: str) -> WebhookReceiver:
    provider = runtime.provider(provider_name)
    if not isinstance(provider, WebhookReceiver):
        raise NoWebhooks(f"{provider_name} sends no notifications.")
    return provider


def _store(runtime: Runtime, provider_name: str, verified: Verified) -> UUID:
    payload = json.dumps(verified.payload).encode()
    event_uuid = new_id()
    master_key_id, sealed = runtime.vault.seal_bytes(provider_event_purpose(event_uuid), payload)
    with runtime.db.transaction() as tx:
        stored = inbox.store(
            tx,
            id=event_uuid,
            provider=provider_name,
            event_id=verified.event_id,
            event_type=verified.event_type,
            master_key_id=master_key_id,
            sealed_payload=sealed,
            received_at=tx.now,
            next_attempt_at=tx.now + RETRY_AFTER[0],
        )
        known: UUID = stored or inbox.find(tx, provider_name, verified.event_id).id
        return known


def _worst(results: list[AckResult]) -> AckResult:
    for result in (AckResult.NOT_FOUND, AckResult.AMOUNT_MISMATCH, AckResult.APPLIED, AckResult.DUPLICATE):
        if result in results:
            return result
    return AckResult.APPLIED  # an event that does not concern us is done with


@dataclass(frozen=True, slots=True)
class _Stray:
    """Money that a provider says has moved; `identity` is what the provider calls the movement."""

    kind: DiscrepancyKind
    identity: object
    amount: Money
    occurred_at: datetime


def _stray(observation: Observation) -> _Stray | None:
    """None if no money moved."""
    match observation:
        case PaymentObservation(status=PaymentStatus.SUCCEEDED, amount=Money() as amount, occurred_at=at):
            transaction_id = observation.provider_transaction_id
            identity = transaction_id or observation.provider_payment_id or observation.payment_id
            return _Stray(DiscrepancyKind.MISSING_IN_GATEWAY, identity, amount, at)
        case RefundObservation(status=RefundStatus.PENDING | RefundStatus.SUCCEEDED, amount=amount, occurred_at=at):
            transaction_id = observation.provider_transaction_id
            identity = observation.provider_refund_id or transaction_id or observation.payment_id
            return _Stray(DiscrepancyKind.REFUND_UNKNOWN, identity, -amount, at)
        case DisputeObservation(status=DisputeStatus.OPEN | DisputeStatus.LOST, amount=amount, occurred_at=at):
            return _Stray(DiscrepancyKind.MISSING_IN_GATEWAY, observation.provider_dispute_id, -amount, at)
    return None


def report_stray(tx: Transaction, runtime: Runtime, provider: str, observation: Observation, source: str) -> None:
    """A provider reports money for something that we never started; `source` is how we learnt it."""
    stray = _stray(observation)
    if stray is None:
        return
    zone = runtime.provider(provider).capabilities.time_zone
    open_discrepancy(
        tx,
        kind=stray.kind,
        key=f"{stray.kind}:{provider}:{stray.identity}",
        provider=provider,
        agency_id=None,
        business_date=business_date(min(stray.occurred_at, tx.now), zone),
        amount=stray.amount,
        evidence={"provider_reference": str(stray.identity), "source": source},
    )
