"""Bank credits, each once, and up to when each bank was asked for them."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.domain.credit import Credit, CreditStatus
from gateway.domain.money import Money
from gateway.store.database import Transaction
from gateway.store.locks import locked
from gateway.store.tables.credits import bank_credits, credit_fetches

_COLUMNS = [bank_credits.c[name] for name in Credit.__slots__]


def add(tx: Transaction, credit: Credit) -> bool:
    """False, and nothing written, if the bank's booking is known. Waits for whoever is writing it down just now."""
    statement = insert(bank_credits).values(**asdict(credit))
    statement = statement.on_conflict_do_nothing(index_elements=["provider", "provider_transaction_id"])
    return tx.one_or_none(statement.returning(bank_credits.c.id)) is not None


def find(tx: Transaction, provider: str, transaction_id: str, *, lock: bool = False) -> Credit | None:
    query = select(*_COLUMNS).where(
        bank_credits.c.provider == provider, bank_credits.c.provider_transaction_id == transaction_id
    )
    row = tx.one_or_none(locked(query) if lock else query)
    return Credit(**{**row._mapping, "status": CreditStatus(row.status)}) if row else None


def amounts(tx: Transaction, provider: str, transaction_ids: Collection[str]) -> dict[str, Money]:
    """The amounts of those of these bookings that are written down."""
    query = select(bank_credits.c.provider_transaction_id, bank_credits.c.amount_minor, bank_credits.c.currency).where(
        bank_credits.c.provider == provider, bank_credits.c.provider_transaction_id.in_(transaction_ids)
    )
    return {row.provider_transaction_id: Money(row.amount_minor, row.currency) for row in tx.execute(query)}


def change(tx: Transaction, credit_id: UUID, **values: Any) -> None:
    tx.execute(update(bank_credits).where(bank_credits.c.id == credit_id).values(**values))


def claim_fetch(tx: Transaction, provider: str, first: datetime, lease: timedelta) -> datetime | None:
    """Up to when the bank's list was read, `first` if never; None if it is another's to read it now.

    It is the caller's for as long as `lease`.
    """
    until = tx.now + lease
    statement = (
        insert(credit_fetches)
        .values(provider=provider, fetched_until=first, next_fetch_at=until)
        .on_conflict_do_update(
            index_elements=["provider"],
            set_={"next_fetch_at": until},
            where=credit_fetches.c.next_fetch_at <= tx.now,
        )
        .returning(credit_fetches.c.fetched_until)
    )
    row = tx.one_or_none(statement)
    return row.fetched_until if row else None


def end_fetch(tx: Transaction, provider: str, until: datetime) -> None:
    """The bank's list was read up to `until`; whoever is next may read on."""
    values = {"fetched_until": until, "next_fetch_at": tx.now}
    tx.execute(update(credit_fetches).where(credit_fetches.c.provider == provider).values(values))
