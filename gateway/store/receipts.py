"""Receipts: due when an invoice is paid, then numbered."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.domain.receipt import Receipt
from gateway.store.database import Transaction, new_id
from gateway.store.locks import locked
from gateway.store.tables.receipts import receipt_mails, receipts

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

_PUT_OFF_MAIL = text(
    """
    UPDATE receipt_mails
       SET outcome = CASE WHEN made_at < :before THEN :given_up END,
           next_try_at = CASE WHEN made_at >= :before
                              THEN CAST(:now AS timestamptz) + interval '1 minute' * least(power(3, tries), 360) END
     WHERE receipt_id = :receipt_id
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


def add_mails(tx: Transaction, receipt_ids: Sequence[UUID]) -> None:
    """To be sent from now on."""
    rows = [{"receipt_id": receipt_id, "made_at": tx.now, "next_try_at": tx.now} for receipt_id in receipt_ids]
    tx.execute(insert(receipt_mails), rows)


def claim_mails(tx: Transaction, lease: timedelta, limit: int) -> list[UUID]:
    """The receipts that are to be sent now, put off by `lease` so that nobody else sends them meanwhile."""
    due = select(receipt_mails.c.receipt_id).where(receipt_mails.c.next_try_at <= tx.now)
    due = due.order_by(receipt_mails.c.next_try_at).limit(limit)
    statement = (
        update(receipt_mails)
        .where(receipt_mails.c.receipt_id.in_(locked(due, skip_locked=True).scalar_subquery()))
        .values(next_try_at=tx.now + lease, tries=receipt_mails.c.tries + 1)
    )
    return list(tx.execute(statement.returning(receipt_mails.c.receipt_id)).scalars())


def put_off_mail(tx: Transaction, receipt_id: UUID, given_up_before: datetime, given_up: str) -> None:
    """Later each time; what was made before `given_up_before` ends as `given_up`."""
    parameters = {"receipt_id": receipt_id, "before": given_up_before, "given_up": given_up, "now": tx.now}
    tx.execute(_PUT_OFF_MAIL, parameters)


def end_mail(tx: Transaction, receipt_id: UUID, outcome: str) -> None:
    ended = update(receipt_mails).where(receipt_mails.c.receipt_id == receipt_id)
    tx.execute(ended.values(outcome=outcome, next_try_at=None))


def of_invoice(tx: Transaction, invoice_id: UUID) -> Receipt | None:
    """None as long as it has no number."""
    return _receipt(tx.one_or_none(select(*_COLUMNS).where(receipts.c.invoice_id == invoice_id)))


def find(tx: Transaction, receipt_id: UUID) -> Receipt | None:
    """None as long as it has no number."""
    query = select(*_COLUMNS).where(receipts.c.id == receipt_id)
    return _receipt(tx.one_or_none(query))


def _receipt(row: Row[Any] | None) -> Receipt | None:
    return Receipt(**row._mapping) if row is not None and row.number is not None else None
