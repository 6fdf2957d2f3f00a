"""How what we recorded differs from what the provider's own books hold, once everything was told and asked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Row

from gateway.domain.payment import Payment, PaymentStatus
from gateway.domain.refund import Refund, RefundStatus
from gateway.store import inbox, refunds
from gateway.store.database import Transaction
from providers.simulation.bank import UNHEARD_OF
from providers.simulation.books import Document

STATUS: Mapping[str, PaymentStatus] = {
    "pending": PaymentStatus.PENDING,
    "declined": PaymentStatus.DECLINED,
    "cancelled": PaymentStatus.CANCELLED,
    "expired": PaymentStatus.EXPIRED,
    UNHEARD_OF: PaymentStatus.UNKNOWN,
}
NEVER_MOVED = (PaymentStatus.CANCELLED, PaymentStatus.DECLINED)
NEVER_SENT = (RefundStatus.REQUESTED, RefundStatus.REJECTED, RefundStatus.FAILED)


Held = Mapping[str, Sequence[Document]]
"""What a provider has: its documents by kind (payment, refund, dispute)."""


def disagreements(tx: Transaction, ours: Sequence[Payment], held: Held) -> list[str]:
    """A sentence for each difference; none is. What an officer has been asked about is no difference.

    `ours` are all our payments with the provider of which it may hold something.
    """
    asked = set(tx.execute(text("SELECT key FROM discrepancies")).scalars())
    given_back = [refund for payment in ours for refund in refunds.of_payment(tx, payment.id)]
    disputed = {row.provider_dispute_id: row for row in tx.execute(text("SELECT * FROM disputes"))}
    poison = inbox.oldest_unapplied(tx)
    return [
        *([f"a notification of {poison} cannot be applied"] if poison else []),
        *_payments(ours, held["payment"], asked),
        *_refunds(given_back, held["refund"], asked),
        *_disputes(disputed, held["dispute"], asked),
    ]


def _payments(ours: Sequence[Payment], held: Sequence[Document], asked: set[str]) -> Iterator[str]:
    by_id = {str(payment.id): payment for payment in ours}
    counted = {p.provider_transaction_id for p in ours if p.status is PaymentStatus.SUCCEEDED}
    for there in held:
        here = by_id.pop(there["payment_id"])
        for movement in there["transactions"]:
            if movement["id"] in counted:
                counted.remove(movement["id"])
            elif f"amount_mismatch:payment:{here.id}:{movement['id']}" not in asked:
                yield f"{movement} of {here} is not counted"
        if not there["transactions"] and here.status is not STATUS[there["status"]]:
            yield f"{here} is {there['status']} at its provider"
    yield from (f"the movement {movement} was counted and never was" for movement in counted)
    never_there = (payment for payment in by_id.values() if payment.status is not PaymentStatus.SUCCEEDED)
    yield from (f"{payment} never was" for payment in never_there if payment.status not in NEVER_MOVED)


def _refunds(ours: Sequence[Refund], held: Sequence[Document], asked: set[str]) -> Iterator[str]:
    ours_by_id = {str(refund.id): refund for refund in ours}
    theirs = {refund.provider_refund_id: str(refund.id) for refund in ours}
    for there in held:
        here = ours_by_id.pop(there["refund_id"] or theirs.get(there["id"], ""), None)
        if here is None:
            known = any(key.startswith("refund_unknown:") and key.endswith(there["id"]) for key in asked)
            if there["status"] != RefundStatus.FAILED and not known:
                yield f"{there} is not known here"
        elif (here.status, here.amount_minor) != (there["status"], there["amount_minor"]):
            yield f"{here} is {there} at its provider"
    yield from (f"{refund} never was" for refund in ours_by_id.values() if refund.status not in NEVER_SENT)


def _disputes(ours: Mapping[str, Row[Any]], held: Sequence[Document], asked: set[str]) -> Iterator[str]:
    for there in held:
        here = ours.get(there["id"])
        same = here is not None and (here.status, here.amount_minor) == (there["status"], there["amount_minor"])
        if not same and not any(key.startswith("amount_mismatch:dispute:") and there["id"] in key for key in asked):
            yield f"{here} is {there} at its provider"
