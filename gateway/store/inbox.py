"""Notifications from providers: stored once each, applied in their own transaction, taken up again if that failed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.events import provider_events


def store(tx: Transaction, **values: Any) -> UUID | None:
    """The event's id, or None if the provider sent this event before."""
    statement = insert(provider_events).values(**values)
    statement = statement.on_conflict_do_nothing(index_elements=["provider", "event_id"])
    row = tx.one_or_none(statement.returning(provider_events.c.id))
    return row.id if row else None


def find(tx: Transaction, provider: str, event_id: str) -> Row[Any]:
    query = select(provider_events).where(
        provider_events.c.provider == provider, provider_events.c.event_id == event_id
    )
    return tx.execute(query).one()


def lock_unapplied(tx: Transaction, event_uuid: UUID) -> Row[Any] | None:
    """The event, locked; None if someone has applied it meanwhile."""
    query = select(provider_events).where(provider_events.c.id == event_uuid, provider_events.c.applied_at.is_(None))
    return tx.one_or_none(query.with_for_update())


def change(tx: Transaction, event_uuid: UUID, **values: Any) -> None:
    tx.execute(update(provider_events).where(provider_events.c.id == event_uuid).values(**values))


def claim_due(tx: Transaction, lease: timedelta, limit: int) -> list[UUID]:
    """Events that wait to be applied, put off by `lease` so that no other sweep takes them meanwhile."""
    due = (
        select(provider_events.c.id)
        .where(provider_events.c.applied_at.is_(None), provider_events.c.next_attempt_at <= tx.now)
        .order_by(provider_events.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(provider_events)
        .where(provider_events.c.id.in_(due.scalar_subquery()))
        .values(next_attempt_at=tx.now + lease, attempts=provider_events.c.attempts + 1)
    )
    return [row.id for row in tx.execute(statement.returning(provider_events.c.id))]


def oldest_unapplied(tx: Transaction) -> datetime | None:
    """When the oldest event that still waits was received; operators are warned by its age."""
    query = select(provider_events.c.received_at).where(provider_events.c.applied_at.is_(None))
    row = tx.one_or_none(query.order_by(provider_events.c.received_at).limit(1))
    return row.received_at if row else None
