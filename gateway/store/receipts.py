"""Receipts: due when an invoice is paid, then numbered."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.domain.receipt import Receipt
from gateway.store.database import Transaction, new_id
from gateway.store.locks import locked
from gateway.store.tables.receipts import receipts

_COLUMNS = [receipts.c[name] for name in Receipt.__slots__]

# Whoever takes numbers holds the row until they are committed; the next one waits, and goes on from there.
_TAKE_NUMBERS = text(
    """
    INSERT INTO receipt_counters AS counter (agency_id, series, year, last_number)
    VALUES (:agency_id, :series, :year, :wanted)
    ON CONFLICT (agency_id, series, year) DO UPDATE SET last_number = counter.last_number + :wanted
    RETURNING last_number
    """
)


def add_due(tx: Transaction, invoice_id: UUID, agency_id: UUID, amount_minor: int, currency: str) -> None:
    """Nothing happens if the invoice has one already."""
    statement = insert(receipts).values(
        id=new_id(),
        invoice_id=invoice_id,
        agency_id=agency_id,
        amount_minor=amount_minor,
        currency=currency,
        due_at=tx.now,
    )
    tx.execute(statement.on_conflict_do_nothing(index_elements=["invoice_id"]))


def agencies_with_due(tx: Transaction) -> Sequence[UUID]:
    """The agencies that owe a receipt."""
    query = select(receipts.c.agency_id).where(receipts.c.number.is_(None)).distinct().order_by(receipts.c.agency_id)
    return list(tx.execute(query).scalars())


def claim_due(tx: Transaction, agency_id: UUID, limit: int) -> Sequence[Row[Any]]:
    """The id and invoice_id of its receipts without a number, the oldest first. Nobody else gets them until the
    transaction ends."""
    query = (
        select(receipts.c.id, receipts.c.invoice_id)
        .where(receipts.c.number.is_(None), receipts.c.agency_id == agency_id)
        .order_by(receipts.c.id)
        .limit(limit)
    )
    return tx.all(locked(query, skip_locked=True))


def take_numbers(tx: Transaction, agency_id: UUID, series: str, year: int, wanted: int) -> int:
    """The first of `wanted` numbers in a row, which are given up again if the transaction is rolled back."""
    parameters = {"agency_id": agency_id, "series": series, "year": year, "wanted": wanted}
    last: int = tx.execute(_TAKE_NUMBERS, parameters).scalar_one()
    return last - wanted + 1


def put_numbers(tx: Transaction, numbered: Sequence[Mapping[str, Any]], **common: Any) -> None:
    """Each has `receipt_id` and `its_number`; in common are series, year, issued_at, business_date."""
    statement = update(receipts).where(receipts.c.id == bindparam("receipt_id"))
    tx.execute(statement.values(number=bindparam("its_number"), **common), list(numbered))


def of_invoice(tx: Transaction, invoice_id: UUID) -> Receipt | None:
    """None as long as it has no number."""
    return _receipt(tx.one_or_none(select(*_COLUMNS).where(receipts.c.invoice_id == invoice_id)))


def find(tx: Transaction, receipt_id: UUID) -> Receipt | None:
    """None as long as it has no number."""
    query = select(*_COLUMNS).where(receipts.c.id == receipt_id)
    return _receipt(tx.one_or_none(query))


def _receipt(row: Row[Any] | None) -> Receipt | None:
    return Receipt(**row._mapping) if row is not None and row.number is not None else None
