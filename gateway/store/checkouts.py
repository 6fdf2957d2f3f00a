"""Checkout sessions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row

from gateway.domain.checkout import CheckoutSession, CheckoutStatus
from gateway.store.database import Transaction
from gateway.store.locks import locked
from gateway.store.tables.invoices import checkout_invoices, checkout_sessions

_COLUMNS = [checkout_sessions.c[name] for name in CheckoutSession.__slots__]


def add(tx: Transaction, session: CheckoutSession, invoices: Sequence[tuple[UUID, int]]) -> None:
    """The session and what it pays: invoice ids with their amounts in minor units, in order. Money that is sent back
    as it came pays none."""
    values = {name: getattr(session, name) for name in CheckoutSession.__slots__}
    tx.execute(insert(checkout_sessions).values(**values, next_check_at=session.expires_at))
    paid = [
        {"session_id": session.id, "invoice_id": invoice_id, "position": position, "amount_minor": amount_minor}
        for position, (invoice_id, amount_minor) in enumerate(invoices, start=1)
    ]
    if paid:
        tx.execute(insert(checkout_invoices), paid)


def find(tx: Transaction, session_id: UUID, *, lock: bool = False) -> CheckoutSession | None:
    query = select(*_COLUMNS).where(checkout_sessions.c.id == session_id)
    row = tx.one_or_none(locked(query) if lock else query)
    return _session(row) if row else None


def open_one(tx: Transaction, invoice_id: UUID, created_by: UUID) -> UUID | None:
    """The newest session of `created_by` for the invoice that can still be used."""
    query = (
        select(checkout_sessions.c.id)
        .join(checkout_invoices, checkout_invoices.c.session_id == checkout_sessions.c.id)
        .where(
            checkout_invoices.c.invoice_id == invoice_id,
            checkout_sessions.c.created_by == created_by,
            checkout_sessions.c.status == CheckoutStatus.OPEN,
            checkout_sessions.c.expires_at > tx.now,
        )
        .order_by(checkout_sessions.c.id.desc())
        .limit(1)
    )
    row = tx.one_or_none(query)
    return None if row is None else row.id


def change(tx: Transaction, session_id: UUID, **values: Any) -> None:
    tx.execute(update(checkout_sessions).where(checkout_sessions.c.id == session_id).values(**values))


def extend(tx: Transaction, session_id: UUID, until: datetime) -> None:
    """A payment that was begun in time may be finished: the session lives at least until `until`."""
    expires_at = func.greatest(checkout_sessions.c.expires_at, until)
    change(tx, session_id, expires_at=expires_at, next_check_at=expires_at)


def claim_expired(tx: Transaction, lease: timedelta, limit: int) -> list[CheckoutSession]:
    """Open sessions whose time is over, put off by `lease` so that no other sweep takes them meanwhile."""
    due = (
        select(checkout_sessions.c.id)
        .where(checkout_sessions.c.status == CheckoutStatus.OPEN, checkout_sessions.c.next_check_at <= tx.now)
        .order_by(checkout_sessions.c.next_check_at)
        .limit(limit)
    )
    statement = (
        update(checkout_sessions)
        .where(checkout_sessions.c.id.in_(locked(due, skip_locked=True).scalar_subquery()))
        .values(next_check_at=tx.now + lease)
    )
    return [_session(row) for row in tx.execute(statement.returning(*_COLUMNS))]


def _session(row: Row[Any]) -> CheckoutSession:
    return CheckoutSession(**{**row._mapping, "status": CheckoutStatus(row.status), "methods": tuple(row.methods)})
