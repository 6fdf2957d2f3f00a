"""The feed from which a portal catches up: every event once, in one order, and none that is not committed."""

from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import Invalid
from gateway.services.runtime import Caller
from gateway.store import events
from gateway.store.database import Transaction


def list_events(tx: Transaction, caller: Caller, after: str | None = None, limit: int = 50) -> dict[str, Any]:
    """The events that follow the event `after`, or from the beginning: {"data": [...], "next": id or None}.

    The cursor is the id of an event. `next` is None at the end of what there is; later a portal goes on from the last
    event it has, also from one that a webhook brought. Raises Invalid if `after` is no event of the caller's agency.
    """
    events.place(tx)
    position = 0 if after is None else _position(tx, caller, after)
    found = events.after(tx, position, caller.agency_id, limit + 1)
    data = [event_as_json(row) for row in found[:limit]]
    return {"data": data, "next": data[-1]["id"] if len(found) > limit else None}


def event_as_json(event: Row[Any]) -> dict[str, Any]:
    """An event as the feed and the webhooks carry it, in the form that Standard Webhooks recommends."""
    return {
        "id": str(event.id),
        "type": event.type,
        "timestamp": event.occurred_at.isoformat(),
        "data": event.data,
    }


def _position(tx: Transaction, caller: Caller, after: str) -> int:
    try:
        position = events.position_of(tx, UUID(after), caller.agency_id)
    except ValueError:
        position = None
    if position is None:
        raise Invalid("There is no such event to go on from.", fields={"after": "is not the id of an event of yours"})
    return position
