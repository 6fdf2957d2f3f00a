"""What was delivered to a portal's webhook endpoint, what was not and why, and sending it once more."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import Conflict, NotFound
from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.services.runtime import Caller
from gateway.services.webhook_endpoints import find_endpoint
from gateway.store import events, webhooks
from gateway.store.database import Transaction

CURSOR = "webhook_deliveries"


def list_deliveries(
    tx: Transaction,
    caller: Caller,
    endpoint_id: UUID,
    after: str | None = None,
    limit: int = 50,
    status: str | None = None,
) -> dict[str, Any]:
    """A page of deliveries, the newest event first, each with its attempts: {"data": [...], "next": cursor or None}.
    All, or those of one `status`.

    Raises EndpointNotFound, or Invalid for a cursor that is none.
    """
    find_endpoint(tx, caller, endpoint_id)
    found = webhooks.deliveries(tx, endpoint_id, _event_id(after), limit + 1, status)
    data = [row._asdict() for row in found[:limit]]
    return {"data": data, "next": encode_cursor(CURSOR, str(data[-1]["event_id"])) if len(found) > limit else None}


def resend(tx: Transaction, caller: Caller, endpoint_id: UUID, event_id: UUID) -> None:
    """Deliver an event (again), also one that came before the endpoint was there, or that it did not ask for.

    Raises EndpointNotFound, NotFound for an event that is not the endpoint's agency's, Conflict if it is disabled.
    """
    endpoint = find_endpoint(tx, caller, endpoint_id, lock=True)
    _check_enabled(endpoint)
    if events.position_of(tx, event_id, endpoint.agency_id) is None:
        raise NotFound("There is no such event.")
    webhooks.deliver_again(tx, endpoint_id, event_id)
    tx.audit(caller.actor, "webhook.resent", "webhook_endpoint", endpoint_id, after={"event": str(event_id)})


def resend_failed(tx: Transaction, caller: Caller, endpoint_id: UUID, first: datetime, until: datetime) -> int:
    """Deliver again what failed of the deliveries made from `first` on and before `until`. Returns how many.

    Raises EndpointNotFound, Conflict if it is disabled.
    """
    _check_enabled(find_endpoint(tx, caller, endpoint_id, lock=True))
    count = webhooks.deliver_failed_again(tx, endpoint_id, first, until)
    span = {"from": first.isoformat(), "until": until.isoformat(), "events": count}
    tx.audit(caller.actor, "webhook.failed_resent", "webhook_endpoint", endpoint_id, after=span)
    return count


def _check_enabled(endpoint: Row[Any]) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict("The webhook endpoint is disabled. Register it anew.")


def _event_id(after: str | None) -> UUID | None:
    if after is None:
        return None
    try:
        return UUID(decode_cursor(CURSOR, after, str)[0])
    except ValueError:
        raise invalid_cursor() from None
