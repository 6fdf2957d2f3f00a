"""What an entry of a bank's statement says, as the bank's notification of it would have said it."""

from datetime import UTC, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.domain.refund import RefundStatus
from gateway.ports.bookings import BookingKind, kind_of
from gateway.ports.provider import (
    CreditObservation,
    DisputeObservation,
    DisputeStatus,
    RefundObservation,
)
from gateway.ports.statement import StatementEntry

NOON = time(12)

Told = CreditObservation | DisputeObservation | RefundObservation


def moment_of(entry: StatementEntry, zone: ZoneInfo) -> datetime:
    """When it was booked: at noon of the day in `zone`, if the bank states no more than the day."""
    return (entry.booked_at or datetime.combine(entry.booked_on, NOON, zone)).astimezone(UTC)


def original_of(entry: StatementEntry, booking: str) -> str:
    """The booking that a return or a reversal undoes; where the bank names none, it bears the same name."""
    return entry.transaction_id or booking


def told_by(entry: StatementEntry, booking: str, zone: ZoneInfo, kind: BookingKind | None = None) -> Told | None:
    """None if it is about no payer's money, as a charge. `booking` is the bank's name of it; `kind` what it is, if more
    is known than the entry says."""
    kind = kind_of(entry) if kind is None else kind
    at, original = moment_of(entry, zone), original_of(entry, booking)
    if kind is BookingKind.CREDIT:
        return CreditObservation(
            provider_transaction_id=booking,
            account=entry.account,
            amount=entry.amount,
            occurred_at=at,
            remittance=entry.remittance,
            reference=entry.reference or None,
        )
    if kind is BookingKind.REVERSAL:
        return DisputeObservation(
            status=DisputeStatus.WON if entry.credit else DisputeStatus.OPEN,
            occurred_at=at,
            amount=entry.amount,
            provider_dispute_id=booking,
            provider_transaction_id=original,
        )
    if kind is BookingKind.RETURN:
        return RefundObservation(
            status=RefundStatus.FAILED if entry.credit else RefundStatus.SUCCEEDED,
            occurred_at=at,
            amount=entry.amount,
            refund_id=_uuid(entry.instruction_id),
            provider_refund_id=booking,
            provider_transaction_id=original,
        )
    return None


def _uuid(instruction: str) -> UUID | None:
    """Ours, which stands in 35 characters without its hyphens; a return made at the counter has another, or none."""
    try:
        return UUID(instruction)
    except ValueError:
        return None
