"""The feed of events: committed facts in an order that every reader sees alike.

An event gets its position only after its transaction has committed, by place_events() in migrations/sql/facts.sql,
which lets one placer at a time. So whoever has read up to a position has read everything below it.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.events import events


def place(tx: Transaction) -> int:
    """Give every committed event its position; how many there were. Readers wait until the transaction ends."""
    placed: int = tx.execute(select(func.place_events())).scalar_one()
    return placed


def last_position(tx: Transaction) -> int:
    last: int = tx.execute(select(func.coalesce(func.max(events.c.position), 0))).scalar_one()
    return last


def position_of(tx: Transaction, event_id: UUID, agency_id: UUID | None) -> int | None:
    """The place of an event that a caller who acts for `agency_id` (None: for all) may see."""
    found = select(events.c.position).where(events.c.id == event_id)
    position: int | None = tx.execute(_visible(found, agency_id)).scalar_one_or_none()
    return position


def after(tx: Transaction, position: int, agency_id: UUID | None, limit: int) -> list[Row[Any]]:
    """The events that follow `position`, in their order."""
    found = select(events.c.id, events.c.type, events.c.occurred_at, events.c.data)
    found = found.where(events.c.position > position).order_by(events.c.position).limit(limit)
    return tx.all(_visible(found, agency_id))


def _visible(query: Any, agency_id: UUID | None) -> Any:
    return query if agency_id is None else query.where(events.c.agency_id == agency_id)
