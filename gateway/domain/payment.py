"""The life of one payment attempt.

A payment moves along the edges of GRAPH and no other way. What a provider says is folded in by `observed`, the only
place that decides what a webhook, a poll, a browser's return or a settlement line means for the status.

Money that has moved is always true: `succeeded` is reachable from every state, also from `expired`, `cancelled` and
`declined`, because payers do finish after we have given up.
"""

from enum import StrEnum

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

GIVEN_UP = frozenset({S.CANCELLED, S.EXPIRED})
"""We have told everyone that this attempt is over; money that still arrives is late and becomes payer credit."""


def observed(current: PaymentStatus, reported: PaymentStatus) -> PaymentStatus:
    """The status after a provider reported `reported`: `current` again if that is a repeat or old news."""
    return transition("payment", GRAPH, current, reported) if reported in GRAPH[current] else current
