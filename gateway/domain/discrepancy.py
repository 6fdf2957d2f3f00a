"""What can be wrong between what we recorded and what a provider or a bank reports."""

from enum import StrEnum

from gateway.domain.states import Graph


class DiscrepancyKind(StrEnum):
    MISSING_IN_GATEWAY = "missing_in_gateway"  # the provider settled what we do not have
    MISSING_AT_PROVIDER = "missing_at_provider"  # we recorded what the provider never settled
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    STATUS_MISMATCH = "status_mismatch"  # one side says done, the other says over or never
    DUPLICATE_AT_PROVIDER = "duplicate_at_provider"  # one transaction settled twice
    DUPLICATE_PAYMENT = "duplicate_payment"  # the payer paid more than once
    FEE_MISMATCH = "fee_mismatch"  # the provider kept another fee than agreed
    PAYOUT_SHORT = "payout_short"
    PAYOUT_OVER = "payout_over"
    PAYOUT_MISSING = "payout_missing"
    UNIDENTIFIED_RECEIPT = "unidentified_receipt"
    REFUND_UNKNOWN = "refund_unknown"  # a refund that nobody here asked for, or whose end is not known
    TIMING = "timing"  # clears by itself when a later day brings the line


class DiscrepancyStatus(StrEnum):
    OPEN = "open"
    CLEARED = "cleared"  # by itself: a later line, file or answer explained it
    RESOLVED = "resolved"  # by a person's decision


S = DiscrepancyStatus
GRAPH: Graph[DiscrepancyStatus] = {
    S.OPEN: frozenset({S.CLEARED, S.RESOLVED}),
    S.CLEARED: frozenset({S.OPEN}),  # what explained it is gone: a run of that day finds it again
    S.RESOLVED: frozenset(),
}
