"""Write down that two records of the same money disagree, once.

A discrepancy is identified by its key, which names what it is about ("duplicate_payment:{payment id}"), so that the
same finding made again (a repeated webhook, a second run over the same day) is the same row and tells the portals once.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.store import reconciliation
from gateway.store.database import Transaction


def open_discrepancy(
    tx: Transaction,
    *,
    kind: DiscrepancyKind,
    key: str,
    provider: str,
    agency_id: UUID | None,
    business_date: date,
    amount: Money,
    payment_id: UUID | None = None,
    refund_id: UUID | None = None,
    run_id: UUID | None = None,
    evidence: Mapping[str, Any],
) -> UUID | None:
    """Open a discrepancy and return its id; None if `key` is known, in which case nothing is written.

    `amount` is the money in question, signed: towards us is positive. `business_date` is the agency's day. `evidence`
    is JSON and holds no personal data. `agency_id` None: the money could not be laid at any agency's door, so that no
    portal is told either.
    """
    found = reconciliation.NewDiscrepancy(
        key=key,
        kind=kind,
        provider=provider,
        agency_id=agency_id,
        business_date=business_date,
        run_id=run_id,
        payment_id=payment_id,
        refund_id=refund_id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        evidence=dict(evidence),
    )
    opened = reconciliation.insert_discrepancy(tx, found)
    if opened is not None:
        tell_opened(tx, opened, found)
    return opened


def unresolved_payment(payment_id: UUID) -> str:
    """The key of the discrepancy that says: nobody can tell what became of this payment."""
    return f"status_mismatch:unresolved:{payment_id}"


def unresolved_refund(refund_id: UUID) -> str:
    return f"refund_unknown:unresolved:{refund_id}"


def clear_discrepancy(tx: Transaction, key: str, evidence: Mapping[str, Any]) -> None:
    """The news has come: close what is open under `key`, if anything is, with what explained it."""
    reconciliation.clear_discrepancy(tx, key, dict(evidence))


def tell_opened(tx: Transaction, opened: UUID, found: reconciliation.NewDiscrepancy) -> None:
    """Tell the portals of its agency, if it has one."""
    if found.agency_id is None:
        return
    facts = {
        "discrepancy": str(opened),
        "kind": found.kind.value,
        "provider": found.provider,
        "payment": found.payment_id and str(found.payment_id),
        "refund": found.refund_id and str(found.refund_id),
        "amount_minor": found.amount_minor,
        "currency": found.currency,
        "business_date": found.business_date.isoformat(),
    }
    tx.emit("discrepancy.opened", found.agency_id, facts)
