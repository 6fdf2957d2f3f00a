"""A discrepancy ends because people decided about it."""

from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.discrepancy import GRAPH, DiscrepancyStatus
from gateway.domain.resolution import Action
from gateway.domain.states import transition
from gateway.store import resolutions
from gateway.store.database import Transaction


def close_discrepancy(tx: Transaction, found: Row[Any], action: Action) -> None:
    """`found` is locked. Raises IllegalTransition if it is not open."""
    status = DiscrepancyStatus.RESOLVED
    transition("discrepancy", GRAPH, DiscrepancyStatus(found.status), status)
    resolutions.change_discrepancy(tx, found.id, status=status, closed_at=tx.now)
    if found.agency_id is not None:
        facts = {"discrepancy": str(found.id), "kind": found.kind, "action": action}
        amount = {"amount_minor": found.amount_minor, "currency": found.currency}
        tx.emit("discrepancy.resolved", found.agency_id, facts | amount)
