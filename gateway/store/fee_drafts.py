"""Drafts of changes of fees."""

from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from gateway.domain.fee_draft import DraftStatus, FeeDraft
from gateway.store.database import Transaction
from gateway.store.locks import locked
from gateway.store.tables.fee_drafts import fee_drafts

_COLUMNS = [fee_drafts.c[name] for name in FeeDraft.__slots__]


def add(tx: Transaction, draft: FeeDraft) -> None:
    tx.execute(insert(fee_drafts).values(**{name: getattr(draft, name) for name in FeeDraft.__slots__}))


def find(tx: Transaction, draft_id: UUID, *, lock: bool = False) -> FeeDraft | None:
    query = select(*_COLUMNS).where(fee_drafts.c.id == draft_id)
    row = tx.one_or_none(locked(query) if lock else query)
    return _draft(row) if row else None


def change(tx: Transaction, draft_id: UUID, **values: Any) -> None:
    tx.execute(update(fee_drafts).where(fee_drafts.c.id == draft_id).values(**values))


def of_procedure(tx: Transaction, procedure: str, limit: int) -> list[FeeDraft]:
    """The newest first."""
    query = select(*_COLUMNS).where(fee_drafts.c.procedure == procedure).order_by(fee_drafts.c.id.desc()).limit(limit)
    return [_draft(row) for row in tx.all(query)]


def waiting(tx: Transaction, agency_id: UUID | None, limit: int) -> list[FeeDraft]:
    """Those that a second editor has to decide on, of one agency or of all; the oldest first."""
    query = select(*_COLUMNS).where(fee_drafts.c.status == DraftStatus.DRAFT).order_by(fee_drafts.c.id).limit(limit)
    return [_draft(row) for row in tx.all(query if agency_id is None else query.where(_of(agency_id)))]


def published(tx: Transaction) -> list[FeeDraft]:
    """All that were published and not withdrawn, in the order in which they were."""
    query = select(*_COLUMNS).where(fee_drafts.c.status == DraftStatus.PUBLISHED)
    return [_draft(row) for row in tx.all(query.order_by(fee_drafts.c.decided_at, fee_drafts.c.id))]


def _of(agency_id: UUID) -> Any:
    return fee_drafts.c.agency_id == agency_id


def _draft(row: Row[Any]) -> FeeDraft:
    return FeeDraft(**{**row._mapping, "status": DraftStatus(row.status)})
