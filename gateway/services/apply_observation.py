"""Fold what a provider says into what we know: the one door for webhook, poll, return, settlement and officer.

What it is about is locked, moves if the news is news, and the ledger, the portals' events and the story are written in
the same transaction. Applying the same observation again changes nothing.

Everybody who locks does so in one order, so that nobody waits in a circle: the session, its payments, their refunds,
the bank credit, the invoices by their ids.
"""

from typing import overload

from gateway.ports.provider import (
    AckResult,
    CreditObservation,
    DisputeObservation,
    Observation,
    PaymentHint,
    PaymentObservation,
    RefundObservation,
)
from gateway.services.apply_credit import apply_credit
from gateway.services.apply_dispute import apply_dispute
from gateway.services.apply_hint import apply_hint
from gateway.services.apply_payment import apply_payment
from gateway.services.apply_refund import apply_refund
from gateway.services.runtime import Runtime
from gateway.store.database import Transaction


@overload
def apply_observation(
    tx: Transaction,
    provider: str,
    observation: PaymentObservation | RefundObservation | DisputeObservation,
    source: str,
) -> AckResult: ...
@overload
def apply_observation(
    tx: Transaction, provider: str, observation: Observation, source: str, runtime: Runtime
) -> AckResult: ...
def apply_observation(
    tx: Transaction, provider: str, observation: Observation, source: str, runtime: Runtime | None = None
) -> AckResult:
    """Apply what `provider` says; `source` is how we learnt it (api, webhook, poll, return, list, settlement).

    Whoever may hear of a bank credit hands in the `runtime`: what a payer wrote is kept sealed by its vault. Never
    raises for what a provider may say, unless two say the same at one moment (CreditCountedElsewhere): what cannot be
    true is kept as a discrepancy.
    """
    match observation:
        case PaymentObservation():
            return apply_payment(tx, provider, observation, source)
        case RefundObservation():
            return apply_refund(tx, provider, observation, source)
        case DisputeObservation():
            return apply_dispute(tx, provider, observation, source)
        case PaymentHint():
            return apply_hint(tx, provider, observation, source)
        case CreditObservation():
            if runtime is None:
                raise TypeError("A bank credit is applied with the runtime.")
            return apply_credit(tx, runtime, provider, observation, source)
