"""The life of a refund: one person asks, another approves, the provider pays back.

A provider can take a success back (the payer's bank refused the money), so `succeeded` has an edge to `failed`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from gateway.domain.errors import Conflict, Forbidden, Invalid
from gateway.domain.money import Money
from gateway.domain.states import Graph, transition


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


S = RefundStatus
GRAPH: Graph[RefundStatus] = {
    S.REQUESTED: frozenset({S.APPROVED, S.REJECTED}),
    S.APPROVED: frozenset({S.SUBMITTING}),
    S.SUBMITTING: frozenset(
        {S.APPROVED, S.PENDING, S.UNKNOWN, S.SUCCEEDED, S.FAILED}
    ),  # approved again: nothing was sent
    S.PENDING: frozenset({S.UNKNOWN, S.SUCCEEDED, S.FAILED}),
    S.UNKNOWN: frozenset({S.PENDING, S.SUCCEEDED, S.FAILED}),
    S.SUCCEEDED: frozenset({S.FAILED}),
    S.REJECTED: frozenset(),
    S.FAILED: frozenset(),
}
HOLDS_MONEY = frozenset(S) - {S.REJECTED, S.FAILED}
"""A refund in one of these takes its amount out of what can still be refunded."""

AT_PROVIDER = frozenset({S.SUBMITTING, S.PENDING, S.UNKNOWN})
"""Sent and not resolved: the mop-up keeps asking the provider about these."""


class OverRefund(Invalid):
    code = "over_refund"


class SamePerson(Forbidden):
    code = "same_person"


class NotRefundable(Conflict):
    code = "not_refundable"


def observed(current: RefundStatus, reported: RefundStatus) -> RefundStatus:
    """The status after a provider reported `reported`: `current` again if that is a repeat or old news."""
    return transition("refund", GRAPH, current, reported) if reported in GRAPH[current] else current


def check_amount(amount: Money, refundable: Money) -> None:
    """Raises OverRefund unless 0 < `amount` <= `refundable`."""
    if amount.amount_minor <= 0:
        raise OverRefund("A refund is of a positive amount.", fields={"amount_minor": "must be at least 1"})
    if refundable < amount:
        raise OverRefund(
            f"At most {refundable} of this payment can still be refunded.",
            fields={"amount_minor": f"must be at most {refundable.amount_minor}"},
        )


def check_approver(requested_by: str, decided_by: str) -> None:
    """Raises SamePerson if who decides also asked: four eyes on money that leaves."""
    if requested_by == decided_by:
        raise SamePerson("Whoever asks for a refund cannot decide on it. Another person or key must.")


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to a payer. `requested_by` names an officer's key, or the provider that did it alone."""

    id: UUID
    payment_id: UUID
    agency_id: UUID
    status: RefundStatus
    amount_minor: int
    currency: str
    reason: str
    requested_by: str
    decided_by: str | None
    provider_refund_id: str | None
    code: str
    created_at: datetime
    sent_at: datetime | None
    succeeded_at: datetime | None
    business_date: date | None
    checks: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


@dataclass(frozen=True, slots=True)
class RefundPart:
    """Where a refund's money is taken from: an invoice's revenue account, or the payer's credit (no invoice)."""

    invoice_id: UUID | None
    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Source:
    """What a payment brought in on one account and has not been refunded yet."""

    invoice_id: UUID | None
    account: str
    left_minor: int


def split(amount: Money, sources: list[Source]) -> list[RefundPart]:
    """Take `amount` from `sources` in their order. Raises OverRefund if they do not hold that much."""
    parts: list[RefundPart] = []
    wanted = amount.amount_minor
    for source in sources:
        part = min(wanted, source.left_minor)
        if part > 0:
            parts.append(RefundPart(source.invoice_id, source.account, Money(part, amount.currency)))
            wanted -= part
    if wanted:
        check_amount(amount, Money(amount.amount_minor - wanted, amount.currency))
    return parts
