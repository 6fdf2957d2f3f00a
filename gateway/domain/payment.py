"""The life of one payment attempt.

A payment moves along the edges of GRAPH and no other way. What a provider says is folded in by `observed`, the only
place that decides what a webhook, a poll, a browser's return or a settlement line means for the status.

Money that has moved is always true: `succeeded` is reachable from every state, also from `expired`, `cancelled` and
`declined`, because payers do finish after we have given up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.domain.money import Money
from gateway.domain.states import Graph, transition


class PaymentStatus(StrEnum):
    SUBMITTING = "submitting"  # written down before the provider is called; a crash here is resolved by a query
    PENDING = "pending"  # the provider knows the payment and waits for the payer
    UNKNOWN = "unknown"  # sent, but the answer was lost or unreadable; only the provider can resolve it
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


S = PaymentStatus
GRAPH: Graph[PaymentStatus] = {
    S.SUBMITTING: frozenset({S.PENDING, S.UNKNOWN, S.SUCCEEDED, S.DECLINED, S.CANCELLED, S.EXPIRED}),
    S.PENDING: frozenset({S.UNKNOWN, S.SUCCEEDED, S.DECLINED, S.CANCELLED, S.EXPIRED}),
    S.UNKNOWN: frozenset({S.PENDING, S.SUCCEEDED, S.DECLINED, S.CANCELLED, S.EXPIRED}),
    S.CANCELLED: frozenset({S.SUCCEEDED}),
    S.EXPIRED: frozenset({S.SUCCEEDED}),
    S.DECLINED: frozenset({S.SUCCEEDED}),
    S.SUCCEEDED: frozenset(),
}
OPEN = frozenset({S.SUBMITTING, S.PENDING, S.UNKNOWN})
"""Not yet resolved: the mop-up keeps asking the provider about these."""

IN_DOUBT = frozenset({S.SUBMITTING, S.UNKNOWN})
"""The money may have moved, and only the provider can tell: nothing may be paid again meanwhile."""

GIVEN_UP = frozenset({S.CANCELLED, S.EXPIRED})
"""We have told everyone that this attempt is over; money that still arrives is late and becomes payer credit."""


def observed(current: PaymentStatus, reported: PaymentStatus) -> PaymentStatus:
    """The status after a provider reported `reported`: `current` again if that is a repeat or old news."""
    return transition("payment", GRAPH, current, reported) if reported in GRAPH[current] else current


CHECK_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
CHECK_THEN_EVERY = timedelta(hours=1)


def next_check(checks: int) -> timedelta:
    """How long to wait before the provider is asked again, after it was asked `checks` times."""
    return CHECK_AFTER[checks] if checks < len(CHECK_AFTER) else CHECK_THEN_EVERY


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay a checkout session. `business_date` is the agency's day on which the money moved.

    `lands_on` is the ledger account that its money comes in on, and goes back from: the provider's, or a bank's.
    `credited_minor` is what of it no invoice took: it is kept for the payer. `refunded_minor` is what refunds hold or
    have paid back.
    """

    id: UUID
    session_id: UUID
    agency_id: UUID
    provider: str
    lands_on: str
    status: PaymentStatus
    amount_minor: int
    currency: str
    reference: str
    provider_payment_id: str | None
    provider_transaction_id: str | None
    next_action: Mapping[str, Any] | None
    code: str
    via_page: bool
    credited_minor: int
    refunded_minor: int
    created_at: datetime
    expires_at: datetime
    succeeded_at: datetime | None
    business_date: date | None
    checks: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def refundable(self) -> Money:
        left = self.amount_minor - self.refunded_minor if self.status is S.SUCCEEDED else 0
        return Money(left, self.currency)

    def moment(self, reported: datetime, now: datetime) -> datetime:
        """When a provider says that money moved, as far as it can be true: not before the payment was made, not after
        `now`. Clocks differ, and a wrong one must not book money on a day that is long closed."""
        return max(self.created_at, min(reported, now))


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a payment paid of an invoice: `amount_minor`, where `begins_minor` was paid before."""

    invoice_id: UUID
    begins_minor: int
    amount_minor: int


def allocate(available: int, due: Sequence[tuple[UUID, int]]) -> tuple[dict[UUID, int], int]:
    """Spread `available` minor units over what is `due`, in order; what nothing takes is the second part."""
    parts: dict[UUID, int] = {}
    for invoice_id, amount in due:
        part = min(available, amount)
        if part > 0:
            parts[invoice_id] = part
            available -= part
    return parts, available
