"""What was delivered to a portal's webhook endpoint, what was not and why, and sending it once more."""

from typing import Any
from uuid import UUID

from gateway.domain.errors import Conflict, NotFound
from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.services.runtime import Caller
from gateway.services.webhook_endpoints import find_endpoint
from gateway.store import events, webhooks
from gateway.store.database import Transaction

CURSOR = "webhook_deliveries"


def list_deliveries(
    tx: Transaction, caller: Caller, endpoint_id: UUID, after: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """A page of deliveries, the newest event first, each with its attempts: {"data": [...], "next": cursor or None}.

    Raises EndpointNotFound, or Invalid for a cursor that is none.
    """
    find_endpoint(tx, caller, endpoint_id)
    found = webhooks.deliveries(tx, endpoint_id, _event_id(after), limit + 1)
    data = [row._asdict() for row in found[:limit]]
    return {"data": data, "next": encode_cursor(CURSOR, str(data[-1]["event_id"])) if len(found) > limit else None}


def resend(tx: Transaction, caller: Caller, endpoint_id: UUID, event_id: UUID) -> None:
    """Deliver an event (again), also one that came before the endpoint was there, or that it did not ask for.

    Raises EndpointNotFound, NotFound for an event that is not the endpoint's agency's, Conflict if it is disabled.
    """
    endpoint = find_endpoint(tx, caller, endpoint_id, lock=True)
    if endpoint.disabled_at is not None:
        raise Conflict("The webhook endpoint is disabled. Register it anew.")
    if events.position_of(tx, event_id, endpoint.agency_id) is None:
        raise NotFound("There is no such event.")
    webhooks.deliver_again(tx, endpoint_id, event_id)
    tx.audit(caller.actor, "webhook.resent", "webhook_endpoint", endpoint_id, after={"event": str(event_id)})


def _event_id(after: str | None) -> UUID | None:
    if after is None:
        return None
    try:
        return UUID(decode_cursor(CURSOR, after, str)[0])
    except ValueError:
        raise invalid_cursor() from None
