"""Refunds, the accounts they are taken from, and disputes."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, insert, select, tuple_, update
from sqlalchemy.engine import Row

from gateway.domain.money import Money
from gateway.domain.refund import HOLDS_MONEY, Refund, RefundPart, RefundStatus
from gateway.store.circuits import SHUT
from gateway.store.database import Transaction
from gateway.store.locks import locked
from gateway.store.tables.payments import disputes, payments, refund_parts, refunds

_COLUMNS = [refunds.c[name] for name in Refund.__slots__]


def add(tx: Transaction, refund: Refund, parts: Sequence[RefundPart], *, next_check_at: datetime | None = None) -> None:
    tx.execute(insert(refunds).values(**asdict(refund), next_check_at=next_check_at))
    rows = [
        {
            "refund_id": refund.id,
            "position": position,
            "invoice_id": part.invoice_id,
            "account": part.account,
            "amount_minor": part.amount.amount_minor,
        }
        for position, part in enumerate(parts, start=1)
    ]
    tx.execute(insert(refund_parts), rows)


def find(tx: Transaction, refund_id: UUID, *, lock: bool = False) -> Refund | None:
    query = select(*_COLUMNS).where(refunds.c.id == refund_id)
    row = tx.one_or_none(locked(query) if lock else query)
    return _refund(row) if row else None


def of_payment(tx: Transaction, payment_id: UUID, *, lock: bool = False) -> list[Refund]:
    query = select(*_COLUMNS).where(refunds.c.payment_id == payment_id).order_by(refunds.c.created_at, refunds.c.id)
    return [_refund(row) for row in tx.execute(locked(query) if lock else query)]


def page(
    tx: Transaction,
    agency_id: UUID | None,
    *,
    status: RefundStatus | None = None,
    payment_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Refund]:
    """In the order of creation, from the one after `after` on."""
    query = select(*_COLUMNS).order_by(refunds.c.created_at, refunds.c.id).limit(limit)
    for column, value in (
        (refunds.c.agency_id, agency_id),
        (refunds.c.status, status),
        (refunds.c.payment_id, payment_id),
    ):
        query = query if value is None else query.where(column == value)
    if after is not None:
        query = query.where(tuple_(refunds.c.created_at, refunds.c.id) > after)
    return [_refund(row) for row in tx.execute(query)]


def change(tx: Transaction, refund_id: UUID, **values: Any) -> None:
    tx.execute(update(refunds).where(refunds.c.id == refund_id).values(**values))


def parts_of(tx: Transaction, refund: Refund) -> list[RefundPart]:
    query = select(refund_parts).where(refund_parts.c.refund_id == refund.id).order_by(refund_parts.c.position)
    return [
        RefundPart(row.invoice_id, row.account, Money(row.amount_minor, refund.currency)) for row in tx.execute(query)
    ]


def taken_from(tx: Transaction, payment_id: UUID) -> dict[tuple[UUID | None, str], int]:
    """What refunds of this payment that hold money took, by invoice and account, in minor units."""
    query = (
        select(refund_parts.c.invoice_id, refund_parts.c.account, func.sum(refund_parts.c.amount_minor).label("taken"))
        .join(refunds, refunds.c.id == refund_parts.c.refund_id)
        .where(refunds.c.payment_id == payment_id, refunds.c.status.in_(HOLDS_MONEY))
        .group_by(refund_parts.c.invoice_id, refund_parts.c.account)
    )
    return {(row.invoice_id, row.account): int(row.taken) for row in tx.execute(query)}


def claim_due(tx: Transaction, lease: timedelta, limit: int, old: timedelta) -> list[Refund]:
    """Refunds to send, or to ask about, now; put off by `lease` so that no other sweep takes them meanwhile.

    Those of a provider that does not answer stay due, and take no place from the others, until they are `old`.
    """
    waits = exists().where(payments.c.id == refunds.c.payment_id, payments.c.provider.in_(SHUT))
    due = (
        select(refunds.c.id)
        .where(refunds.c.next_check_at <= tx.now, ~waits | (refunds.c.created_at < tx.now - old))
        .order_by(refunds.c.next_check_at)
        .limit(limit)
    )
    statement = (
        update(refunds)
        .where(refunds.c.id.in_(locked(due, skip_locked=True).scalar_subquery()))
        .values(next_check_at=tx.now + lease, checks=refunds.c.checks + 1)
    )
    return [_refund(row) for row in tx.execute(statement.returning(*_COLUMNS))]


def put_back(tx: Transaction, refund_id: UUID) -> None:
    """It was claimed and neither sent nor asked about: it is due again, if it still is to be taken up at all."""
    statement = update(refunds).where(refunds.c.id == refund_id, refunds.c.next_check_at.is_not(None))
    tx.execute(statement.values(next_check_at=tx.now, checks=refunds.c.checks - 1))


def add_dispute(tx: Transaction, **values: Any) -> None:
    tx.execute(insert(disputes).values(**values))


def find_dispute(tx: Transaction, provider: str, provider_dispute_id: str) -> Row[Any] | None:
    """Locked until the transaction ends."""
    return tx.one_or_none(locked(select(disputes).where(*_dispute(provider, provider_dispute_id))))


def disputes_of(tx: Transaction, payment_id: UUID) -> list[Row[Any]]:
    """What the payer's bank contested of the payment, the oldest first."""
    query = select(disputes).where(disputes.c.payment_id == payment_id)
    return tx.all(query.order_by(disputes.c.opened_at, disputes.c.id))


def close_dispute(tx: Transaction, provider: str, provider_dispute_id: str, **values: Any) -> None:
    tx.execute(update(disputes).where(*_dispute(provider, provider_dispute_id)).values(**values))


def _dispute(provider: str, provider_dispute_id: str) -> tuple[ColumnElement[bool], ...]:
    return disputes.c.provider == provider, disputes.c.provider_dispute_id == provider_dispute_id


def _refund(row: Row[Any]) -> Refund:
    return Refund(**{**row._mapping, "status": RefundStatus(row.status)})
