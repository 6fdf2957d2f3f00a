"""The circuits of providers, and the records of calls by which they move (see migrations/sql/health.sql)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, update

from gateway.domain.circuit import TRIAL_AT_MOST, Circuit
from gateway.store.database import Transaction
from gateway.store.tables.health import provider_calls, provider_circuits

_COLUMNS = [provider_circuits.c[name] for name in Circuit.__slots__]
_IS_OPEN = provider_circuits.c.opened_at.is_not(None)

SHUT = select(provider_circuits.c.provider).where(_IS_OPEN)
"""The providers whose circuits are open or half open, for queries that leave them out."""


def not_closed(tx: Transaction) -> dict[str, Circuit]:
    """The circuits that are open or half open, by provider: a handful at the worst."""
    return {row.provider: Circuit(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(_IS_OPEN))}


def claim_trial(tx: Transaction, provider: str) -> bool:
    """Whether the trial of this half-open circuit is ours; until it has an end, or too much time has passed, nobody
    else gets it."""
    return provider in claim_trials(tx, [provider])


def claim_trials(tx: Transaction, providers: Collection[str]) -> list[str]:
    """Those of these providers whose circuit is half open, and whose trial is ours now."""
    is_free = provider_circuits.c.trial_until.is_(None) | (provider_circuits.c.trial_until <= tx.now)
    statement = (
        update(provider_circuits)
        .where(provider_circuits.c.provider.in_(providers), _IS_OPEN, provider_circuits.c.retry_at <= tx.now, is_free)
        .values(trial_until=tx.now + TRIAL_AT_MOST)
    )
    return list(tx.execute(statement.returning(provider_circuits.c.provider)).scalars())


def release_trial(tx: Transaction, provider: str) -> None:
    """It was not made after all."""
    tx.execute(update(provider_circuits).where(provider_circuits.c.provider == provider).values(trial_until=None))


def forget_calls(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete up to `limit` records of calls from before `before`; how many it were. Ids are nearly in order of time."""
    oldest = select(provider_calls.c.id).order_by(provider_calls.c.id).limit(limit)
    return tx.execute(
        delete(provider_calls).where(provider_calls.c.id.in_(oldest.scalar_subquery()), provider_calls.c.at < before)
    ).rowcount
