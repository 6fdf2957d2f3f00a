"""Payment attempts, their allocations to invoices, and what was learnt of them."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, tuple_, update
from sqlalchemy.engine import Row

from gateway.domain.money import Money
from gateway.domain.payment import OPEN, Allocation, Payment, PaymentStatus
from gateway.store.circuits import SHUT
from gateway.store.database import Transaction
from gateway.store.locks import locked
from gateway.store.tables.invoices import checkout_invoices
from gateway.store.tables.payments import allocations, payment_events, payments

_COLUMNS = [payments.c[name] for name in Payment.__slots__]


def add(tx: Transaction, payment: Payment, *, next_check_at: datetime | None) -> None:
    tx.execute(insert(payments).values(**asdict(payment), next_check_at=next_check_at))


def find(tx: Transaction, payment_id: UUID, *, lock: bool = False) -> Payment | None:
    return _one(tx, select(*_COLUMNS).where(payments.c.id == payment_id), lock=lock)


def get(tx: Transaction, payment_id: UUID, *, lock: bool = False) -> Payment:
    """A payment that is known to exist; rows of payments are never deleted."""
    query = select(*_COLUMNS).where(payments.c.id == payment_id)
    return _payment(tx.execute(locked(query) if lock else query).one())


def find_by_transaction(tx: Transaction, provider: str, transaction_id: str, *, lock: bool = False) -> Payment | None:
    query = select(*_COLUMNS).where(
        payments.c.provider == provider, payments.c.provider_transaction_id == transaction_id
    )
    return _one(tx, query, lock=lock)


def find_moved(tx: Transaction, provider: str, transaction_id: str | None, payment_id: UUID | None) -> Payment | None:
    """The payment of `provider` that a movement of money made good, locked.

    The movement says it best, for one attempt can be paid twice, and then our id names only the first payment of it.
    """
    found = None
    if transaction_id is not None:
        found = find_by_transaction(tx, provider, transaction_id, lock=True)
    if found is None and payment_id is not None:
        found = find(tx, payment_id, lock=True)
    return found if found is not None and found.provider == provider else None


def find_by_provider_id(tx: Transaction, provider: str, provider_payment_id: str) -> Payment | None:
    query = select(*_COLUMNS).where(
        payments.c.provider == provider, payments.c.provider_payment_id == provider_payment_id
    )
    return _one(tx, query)


def of_session(tx: Transaction, session_id: UUID) -> list[Payment]:
    query = select(*_COLUMNS).where(payments.c.session_id == session_id)
    return [_payment(row) for row in tx.execute(query.order_by(payments.c.created_at, payments.c.id))]


def of_invoice(tx: Transaction, invoice_id: UUID, limit: int) -> list[Payment]:
    """The attempts of every session that the invoice was in, the oldest first."""
    query = (
        select(*_COLUMNS)
        .join(checkout_invoices, checkout_invoices.c.session_id == payments.c.session_id)
        .where(checkout_invoices.c.invoice_id == invoice_id)
        .order_by(payments.c.created_at, payments.c.id)
    )
    return [_payment(row) for row in tx.execute(query.limit(limit))]


def by_provider_name(tx: Transaction, providers: Collection[str], name: str) -> list[Payment]:
    """The payments that one of these providers calls `name`, as a payment or as a transaction of its own."""
    of_theirs = (payments.c.provider_payment_id == name) | (payments.c.provider_transaction_id == name)
    query = select(*_COLUMNS).where(payments.c.provider.in_(providers), of_theirs)
    return [_payment(row) for row in tx.execute(query.order_by(payments.c.id))]


def open_attempts(
    tx: Transaction, provider: str, invoice_id: UUID, amount: Money, lands_on: str | None = None
) -> list[tuple[UUID, UUID]]:
    """Id and session of the payments of `provider` over `amount` for the invoice that have no end yet, the newest
    first; all, or those that land on this ledger account."""
    query = (
        select(payments.c.id, payments.c.session_id)
        .join(checkout_invoices, checkout_invoices.c.session_id == payments.c.session_id)
        .where(
            checkout_invoices.c.invoice_id == invoice_id,
            payments.c.provider == provider,
            payments.c.lands_on == (payments.c.lands_on if lands_on is None else lands_on),
            payments.c.status.in_(OPEN),
            payments.c.amount_minor == amount.amount_minor,
            payments.c.currency == amount.currency,
        )
        .order_by(payments.c.created_at.desc(), payments.c.id.desc())
    )
    return [(row.id, row.session_id) for row in tx.execute(query)]


def page(
    tx: Transaction,
    agency_id: UUID | None,
    *,
    status: PaymentStatus | None = None,
    provider: str | None = None,
    session_id: UUID | None = None,
    created_from: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Payment]:
    """In the order of creation, from the one after `after` on."""
    query = select(*_COLUMNS).order_by(payments.c.created_at, payments.c.id).limit(limit)
    wanted = (
        (payments.c.agency_id, agency_id),
        (payments.c.status, status),
        (payments.c.provider, provider),
        (payments.c.session_id, session_id),
    )
    for column, value in wanted:
        query = query if value is None else query.where(column == value)
    if created_from is not None:
        query = query.where(payments.c.created_at >= created_from)
    if after is not None:
        query = query.where(tuple_(payments.c.created_at, payments.c.id) > after)
    return [_payment(row) for row in tx.execute(query)]


def change(tx: Transaction, payment_id: UUID, **values: Any) -> None:
    tx.execute(update(payments).where(payments.c.id == payment_id).values(**values))


def claim_due(tx: Transaction, lease: timedelta, limit: int, old: timedelta) -> list[Payment]:
    """Payments whose provider is to be asked now, put off by `lease` so that no other sweep asks meanwhile.

    Those of a provider that does not answer stay due, and take no place from the others, until they are `old`.
    """
    may_be_asked = payments.c.provider.not_in(SHUT) | (payments.c.created_at < tx.now - old)
    due = (
        select(payments.c.id)
        .where(payments.c.next_check_at <= tx.now, may_be_asked)
        .order_by(payments.c.next_check_at)
        .limit(limit)
    )
    statement = (
        update(payments)
        .where(payments.c.id.in_(locked(due, skip_locked=True).scalar_subquery()))
        .values(next_check_at=tx.now + lease, checks=payments.c.checks + 1)
    )
    return [_payment(row) for row in tx.execute(statement.returning(*_COLUMNS))]


def put_back(tx: Transaction, payment_id: UUID) -> None:
    """It was claimed and not asked about: it is due again, if it still is to be asked about at all."""
    statement = update(payments).where(payments.c.id == payment_id, payments.c.next_check_at.is_not(None))
    tx.execute(statement.values(next_check_at=tx.now, checks=payments.c.checks - 1))


def to_try_with(tx: Transaction, provider: str) -> Payment | None:
    """A payment about which to ask a provider whether it answers again: any that is to be asked about, so that one that
    cannot be answered does not stand in the way for ever; or else the newest."""
    of_provider = select(*_COLUMNS).where(payments.c.provider == provider).limit(1)
    waiting = of_provider.where(payments.c.next_check_at.is_not(None)).order_by(func.random())
    return _one(tx, waiting) or _one(tx, of_provider.order_by(payments.c.id.desc()))


def allocate(tx: Transaction, payment_id: UUID, parts: Sequence[Allocation], resolution_id: UUID | None = None) -> None:
    """`resolution_id` is the decision by which money that no invoice took is taken by these invoices after all."""
    if parts:
        about = {"payment_id": payment_id, "resolution_id": resolution_id}
        tx.execute(insert(allocations), [about | asdict(part) for part in parts])


def allocations_of(tx: Transaction, payment_id: UUID) -> list[Allocation]:
    """What the payment paid, by the invoices' ids."""
    columns = (allocations.c[name] for name in Allocation.__slots__)
    query = select(*columns).where(allocations.c.payment_id == payment_id).order_by(allocations.c.invoice_id)
    return [Allocation(**row._mapping) for row in tx.execute(query)]


def that_paid(tx: Transaction, invoice_id: UUID) -> list[tuple[Payment, int]]:
    """The payments that the invoice was paid with, the oldest first, each with how much of it went there."""
    query = (
        select(allocations.c.amount_minor.label("part_minor"), *_COLUMNS)
        .join(allocations, allocations.c.payment_id == payments.c.id)
        .where(allocations.c.invoice_id == invoice_id)
        .order_by(payments.c.succeeded_at, payments.c.id)
    )
    return [(_payment(row), row.part_minor) for row in tx.execute(query)]


def add_event(tx: Transaction, **values: Any) -> None:
    tx.execute(insert(payment_events).values(**values))


def events_of(tx: Transaction, payment_id: UUID) -> list[Row[Any]]:
    """What was learnt of a payment and its refunds, oldest first."""
    query = select(payment_events).where(payment_events.c.payment_id == payment_id)
    return tx.all(query.order_by(payment_events.c.id))


def _one(tx: Transaction, query: Select[Any], *, lock: bool = False) -> Payment | None:
    row = tx.one_or_none(locked(query) if lock else query)
    return _payment(row) if row else None


def _payment(row: Row[Any]) -> Payment:
    values = {name: row._mapping[name] for name in Payment.__slots__}
    return Payment(**{**values, "status": PaymentStatus(row.status)})
