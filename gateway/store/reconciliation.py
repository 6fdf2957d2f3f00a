"""Runs, matches and discrepancies in the database."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.store.database import Transaction, new_id
from gateway.store.tables.reconciliation import discrepancies


@dataclass(frozen=True, slots=True)
class NewDiscrepancy:
    """A finding to be written; the columns of `discrepancies` that the finder knows."""

    key: str
    kind: DiscrepancyKind
    provider: str
    agency_id: UUID | None
    business_date: date
    run_id: UUID | None
    payment_id: UUID | None
    refund_id: UUID | None
    amount_minor: int
    currency: str
    evidence: dict[str, Any]


def insert_discrepancy(tx: Transaction, found: NewDiscrepancy) -> UUID | None:
    """The id of the new row; None if its key is already there."""
    statement = (
        insert(discrepancies)
        .values(id=new_id(), status=DiscrepancyStatus.OPEN, opened_at=tx.now, **asdict(found))
        .on_conflict_do_nothing(index_elements=[discrepancies.c.key])
        .returning(discrepancies.c.id)
    )
    row = tx.one_or_none(statement)
    return None if row is None else row.id
