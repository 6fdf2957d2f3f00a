"""Portals' webhook endpoints, and what is to be delivered to each."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.events import events, webhook_attempts, webhook_deliveries, webhook_endpoints

_SECRET_COLUMNS = ("master_key_id", "sealed_secret")

# Each endpoint remembers how far in the feed its deliveries are made, so that an event costs nothing where nobody
# listens, and a new endpoint begins with now. Endpoints that another process is at are left to it.
_FAN_OUT = text(
    """
    WITH top AS (
        SELECT coalesce(max(position), 0) AS position FROM events WHERE position IS NOT NULL
    ), endpoint AS (
        SELECT id, agency_id, event_types, last_position FROM webhook_endpoints
         WHERE disabled_at IS NULL AND last_position < (SELECT position FROM top)
           FOR UPDATE SKIP LOCKED
    ), found AS (
        SELECT endpoint.id AS endpoint_id, endpoint.event_types, event.*
          FROM endpoint CROSS JOIN LATERAL (
            SELECT id AS event_id, type, position FROM events
             WHERE position > endpoint.last_position
               AND (endpoint.agency_id IS NULL OR agency_id = endpoint.agency_id)
             ORDER BY position LIMIT :limit
        ) AS event
    ), added AS (
        INSERT INTO webhook_deliveries (endpoint_id, event_id, status, next_attempt_at, created_at)
        SELECT endpoint_id, event_id, 'pending', :now, :now FROM found
         WHERE cardinality(event_types) = 0 OR type = ANY(event_types)
        ON CONFLICT DO NOTHING RETURNING 1
    ), moved AS (
        UPDATE webhook_endpoints
           SET last_position = CASE WHEN seen.events = :limit THEN seen.position
                                    ELSE (SELECT position FROM top) END
          FROM (SELECT endpoint.id, count(found.event_id) AS events, max(found.position) AS position
                  FROM endpoint LEFT JOIN found ON found.endpoint_id = endpoint.id GROUP BY endpoint.id) AS seen
         WHERE webhook_endpoints.id = seen.id
    )
    SELECT count(*) FROM added
    """
)

# A few of each endpoint, so that one that is slow or far behind does not fill the sweep. Pushing next_attempt_at is the
# lease: whoever claims has until then, and if it dies the delivery is simply due again.
_CLAIM = text(
    """
    WITH due AS (
        SELECT delivery.endpoint_id, delivery.event_id
          FROM webhook_endpoints AS endpoint CROSS JOIN LATERAL (
            SELECT endpoint_id, event_id FROM webhook_deliveries
             WHERE endpoint_id = endpoint.id AND status = 'pending' AND next_attempt_at <= :now
             ORDER BY next_attempt_at, event_id LIMIT :per_endpoint
               FOR UPDATE SKIP LOCKED
        ) AS delivery
         WHERE endpoint.disabled_at IS NULL
         LIMIT :limit
    )
    UPDATE webhook_deliveries AS delivery SET next_attempt_at = :lease_until
      FROM due
      JOIN webhook_endpoints AS endpoint ON endpoint.id = due.endpoint_id
      JOIN events AS event ON event.id = due.event_id
     WHERE delivery.endpoint_id = due.endpoint_id AND delivery.event_id = due.event_id
    RETURNING delivery.endpoint_id, delivery.attempts, endpoint.url, endpoint.master_key_id, endpoint.sealed_secret,
              event.id, event.type, event.occurred_at, event.data, event.position
    """
)


def add_endpoint(tx: Transaction, endpoint: dict[str, Any]) -> None:
    tx.execute(insert(webhook_endpoints).values(created_at=tx.now, **endpoint))


def endpoints(tx: Transaction, agency_id: UUID | None) -> list[Row[Any]]:
    """The endpoints of one agency, or of all; without their secrets."""
    columns = [column for column in webhook_endpoints.c if column.name not in _SECRET_COLUMNS]
    found = select(*columns).order_by(webhook_endpoints.c.id)
    return tx.all(found if agency_id is None else found.where(webhook_endpoints.c.agency_id == agency_id))


def find_endpoint(tx: Transaction, endpoint_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    found = select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)
    return tx.one_or_none(found.with_for_update() if lock else found)


def replace_secret(tx: Transaction, endpoint_id: UUID, master_key_id: str, sealed_secret: bytes) -> None:
    changed = update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)
    tx.execute(changed.values(master_key_id=master_key_id, sealed_secret=sealed_secret))


def disable(tx: Transaction, endpoint_id: UUID) -> None:
    """Nothing is sent to the endpoint any more; what was to be sent has failed."""
    tx.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(disabled_at=tx.now))
    waiting = (webhook_deliveries.c.endpoint_id == endpoint_id) & (webhook_deliveries.c.status == "pending")
    tx.execute(update(webhook_deliveries).where(waiting).values(status="failed", next_attempt_at=None))


def fan_out(tx: Transaction, limit: int) -> int:
    """Make the deliveries of the next events of each endpoint, at most `limit` events; how many were made."""
    made: int = tx.execute(_FAN_OUT, {"limit": limit, "now": tx.now}).scalar_one()
    return made


def claim(tx: Transaction, lease_until: datetime, *, per_endpoint: int, limit: int) -> list[Row[Any]]:
    """Deliveries that are due, ours until `lease_until`, by endpoint and place in the feed."""
    which = {"now": tx.now, "lease_until": lease_until, "per_endpoint": per_endpoint, "limit": limit}
    return sorted(tx.all(_CLAIM, which), key=lambda row: (row.endpoint_id, row.position))


def log_attempt(tx: Transaction, endpoint_id: UUID, event_id: UUID, attempt: dict[str, Any]) -> None:
    tx.execute(insert(webhook_attempts).values(endpoint_id=endpoint_id, event_id=event_id, at=tx.now, **attempt))


def record(tx: Transaction, endpoint_id: UUID, event_id: UUID, status: str, next_attempt_at: datetime | None) -> None:
    """The result of one attempt, unless the delivery was ended meanwhile."""
    columns = webhook_deliveries.c
    changed = update(webhook_deliveries).where(
        columns.endpoint_id == endpoint_id, columns.event_id == event_id, columns.status == "pending"
    )
    tx.execute(changed.values(status=status, next_attempt_at=next_attempt_at, attempts=columns.attempts + 1))


def put_off(tx: Transaction, endpoint_id: UUID, event_ids: Iterable[UUID], until: datetime) -> None:
    """Give claimed deliveries back untried."""
    columns = webhook_deliveries.c
    ours = tuple_(columns.endpoint_id, columns.event_id).in_([(endpoint_id, event_id) for event_id in event_ids])
    tx.execute(update(webhook_deliveries).where(ours, columns.status == "pending").values(next_attempt_at=until))


def deliver_again(tx: Transaction, endpoint_id: UUID, event_id: UUID) -> None:
    """Deliver the event to the endpoint from now on, whatever was before."""
    again = {"status": "pending", "attempts": 0, "next_attempt_at": tx.now}
    delivery = insert_or_update(webhook_deliveries).values(endpoint_id=endpoint_id, event_id=event_id, **again)
    tx.execute(delivery.on_conflict_do_update(index_elements=["endpoint_id", "event_id"], set_=again))


def deliver_failed_again(tx: Transaction, endpoint_id: UUID, first: datetime, until: datetime) -> int:
    """What failed of the deliveries made from `first` on and before `until` is due again; how many that are."""
    columns = webhook_deliveries.c
    again = update(webhook_deliveries).where(
        columns.endpoint_id == endpoint_id,
        columns.status == "failed",
        columns.created_at >= first,
        columns.created_at < until,
    )
    return tx.execute(again.values(status="pending", attempts=0, next_attempt_at=tx.now)).rowcount


def deliveries(
    tx: Transaction, endpoint_id: UUID, before: UUID | None, limit: int, status: str | None = None
) -> list[Row[Any]]:
    """The endpoint's deliveries, the newest event first, each with the log of its attempts; all or of one `status`."""
    delivery, attempt = webhook_deliveries.c, webhook_attempts.c
    one = func.jsonb_build_object(
        "at", attempt.at, "http_status", attempt.http_status, "error", attempt.error, "duration_ms", attempt.duration_ms
    )
    log = (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(one, attempt.id)), text("'[]'::jsonb")))
        .where(attempt.endpoint_id == delivery.endpoint_id, attempt.event_id == delivery.event_id)
        .scalar_subquery()
    )
    found = (
        select(delivery.event_id, events.c.type, delivery.status, delivery.attempts, delivery.next_attempt_at)
        .add_columns(log.label("log"))
        .join(events, events.c.id == delivery.event_id)
        .where(delivery.endpoint_id == endpoint_id)
        .order_by(delivery.event_id.desc())
        .limit(limit)
    )
    if status is not None:
        found = found.where(delivery.status == status)
    return tx.all(found if before is None else found.where(delivery.event_id < before))
