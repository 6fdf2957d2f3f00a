"""Learns from the settlement what no notification told: a payment that was made, a refund that was paid, money that a
payer's bank took back.

A line that is settled proves that the money moved. It goes through the same door as every other news,
apply_observation, which books it; then it matches. That it was needed is written down as a discrepancy that is already
cleared, so that an officer sees how often notifications are lost.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    AckResult,
    DisputeObservation,
    DisputeStatus,
    PaymentObservation,
    RefundObservation,
)
from gateway.services.apply_observation import apply_observation
from gateway.store import reconciliation
from gateway.store.database import Database
from reconciliation.findings import Context, discrepancy_of
from reconciliation.matching.engine import Finding
from reconciliation.matching.names import is_another_writing
from reconciliation.matching.sides import Line, Movement

SOURCE = "settlement"
LONE = frozenset({DiscrepancyKind.MISSING_IN_GATEWAY, DiscrepancyKind.REFUND_UNKNOWN})


def repair(db: Database, context: Context, findings: Iterable[Finding]) -> int:
    """Apply what the findings prove, each in a transaction of its own. Returns how many changed something here."""
    return sum(_repair(db, context, finding) for finding in findings)


def _repair(db: Database, context: Context, finding: Finding) -> bool:
    line = finding.line
    observation = _observation(line) if line and finding.kind in LONE and not finding.entry else None
    if line is None or observation is None:
        return False
    with db.transaction() as tx:
        result = apply_observation(tx, context.provider, observation, SOURCE)
        if result not in (AckResult.APPLIED, AckResult.AMOUNT_MISMATCH):
            return False
        reconciliation.link_repaired(tx, context.run_id, context.provider)
        was_known = line.movement not in (Movement.REFUND, Movement.REFUND_RETURN) or line.refund is not None
        if result is AckResult.APPLIED and was_known:
            learnt = discrepancy_of(replace(finding, kind=DiscrepancyKind.STATUS_MISMATCH), context)
            evidence = learnt.evidence | {"repaired": True}
            written = reconciliation.insert_discrepancy(
                tx, replace(learnt, evidence=evidence), DiscrepancyStatus.CLEARED
            )
            if written:
                reconciliation.link(tx, context.run_id, written)
    return result is AckResult.APPLIED


def _observation(line: Line) -> PaymentObservation | RefundObservation | DisputeObservation | None:
    """What the line proves; None where it does not say enough, or where somebody is still finding out."""
    if not line.settled or line.later or line.payment is None or _is_garbled(line):
        return None
    occurred_at = datetime.fromisoformat(line.occurred_at)
    match line.movement:
        case Movement.PAYMENT:
            return PaymentObservation(
                status=PaymentStatus.SUCCEEDED,
                occurred_at=occurred_at,
                payment_id=line.payment,
                provider_transaction_id=line.transaction_id,
                amount=Money(line.gross, line.currency),
                code=line.status,
            )
        case Movement.REFUND | Movement.REFUND_RETURN:
            return _refund(line, occurred_at)
        case Movement.CHARGEBACK | Movement.CHARGEBACK_RETURN:
            return _dispute(line, occurred_at)
    return None


def _is_garbled(line: Line) -> bool:
    """Whether the line may repeat the payment's own movement under a garbled name, so that it is no second one."""
    if line.movement is not Movement.PAYMENT or line.transaction_id is None or line.payment_transaction is None:
        return False
    is_other = line.transaction_id != line.payment_transaction
    return is_other and is_another_writing(line.transaction_id, line.payment_transaction)


def _refund(line: Line, occurred_at: datetime) -> RefundObservation | None:
    """A refund of ours whose answer was lost has no name of the provider's yet. A line that could be it must not become
    a second refund: the gateway keeps asking the provider, and the next run will know."""
    known_or_new = line.refund is not None or (line.movement is Movement.REFUND and not line.refund_unresolved)
    if not line.refund_reference or not known_or_new:
        return None
    return RefundObservation(
        status=RefundStatus.SUCCEEDED if line.movement is Movement.REFUND else RefundStatus.FAILED,
        occurred_at=occurred_at,
        amount=Money(abs(line.gross), line.currency),
        refund_id=line.refund,
        provider_refund_id=line.refund_reference,
        payment_id=line.payment,
        provider_transaction_id=line.transaction_id,
        code=line.status,
    )


def _dispute(line: Line, occurred_at: datetime) -> DisputeObservation | None:
    """A dispute is booked only under the provider's name of it, by which a late notification is known for the same."""
    if not line.refund_reference:
        return None
    return DisputeObservation(
        status=DisputeStatus.OPEN if line.movement is Movement.CHARGEBACK else DisputeStatus.WON,
        occurred_at=occurred_at,
        amount=Money(abs(line.gross), line.currency),
        provider_dispute_id=line.refund_reference,
        payment_id=line.payment,
        provider_transaction_id=line.transaction_id,
        code=line.status,
    )
