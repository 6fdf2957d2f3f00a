"""A credit of which nobody knew what it was for turns out to be a provider's payout, whose settlement came after it."""

from datetime import date
from typing import Any

from gateway.domain import ledger
from gateway.domain.credit import CreditStatus
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.ledger import UNIDENTIFIED_RECEIPTS, Entry, Transfer
from gateway.store import credits, reconciliation
from gateway.store.database import Transaction

CAUSE = "credit_is_payout"


def credit_is_payout(
    tx: Transaction, provider: str, transaction_id: str, dated: date, evidence: dict[str, Any]
) -> bool:
    """Undo what was booked for it, so that it can be booked as what it is, and end its discrepancy, which keeps
    `evidence`. False if it is not unidentified any more."""
    credit = credits.find(tx, provider, transaction_id, lock=True)
    if credit is None or credit.status is not CreditStatus.UNIDENTIFIED:
        return False
    credits.change(tx, credit.id, status=CreditStatus.PAYOUT, master_key_id=None, sealed_remittance=None)
    for kind in (DiscrepancyKind.UNIDENTIFIED_RECEIPT, DiscrepancyKind.MISSING_IN_GATEWAY):
        reconciliation.clear_discrepancy(tx, f"{kind}:{provider}:{transaction_id}", evidence)
    if credit.agency_id is not None:
        tx.post(
            Entry(
                key=f"credit:{credit.id}:payout",
                cause=CAUSE,
                agency_id=credit.agency_id,
                subject_id=credit.id,
                occurred_at=tx.now,
                business_date=dated,
                transfers=(Transfer(UNIDENTIFIED_RECEIPTS, ledger.bank(credit.account), credit.amount),),
            )
        )
    return True
