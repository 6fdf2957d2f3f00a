"""What happened to one thing, gathered from every table that remembers it.

All of it is bounded: of a story that is longer than its limit the oldest part is read.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.access import audit_log
from gateway.store.tables.payments import payment_events
from gateway.store.tables.receipts import receipts
from gateway.store.tables.reconciliation import discrepancies

_ENTRY_IDS = text("SELECT id FROM ledger_entries WHERE subject_id = ANY(:subjects) ORDER BY id LIMIT :limit")

# As in the index events_about_idx. A delivery is found by its endpoint, of which an agency has few.
_TOLD = text(
    """
    SELECT event.id, event.type, event.occurred_at, delivery.endpoint_id, delivery.status, delivery.attempts,
           endpoint.url
      FROM events AS event
      LEFT JOIN webhook_endpoints AS endpoint
        ON endpoint.agency_id IS NULL OR endpoint.agency_id = event.agency_id
      LEFT JOIN webhook_deliveries AS delivery
        ON delivery.endpoint_id = endpoint.id AND delivery.event_id = event.id
     WHERE coalesce(event.data ->> 'payment', event.data ->> 'invoice') = ANY(:about)
     ORDER BY event.sequence, endpoint.id LIMIT :limit
    """
)


def entry_ids_about(tx: Transaction, subjects: Collection[UUID], limit: int) -> list[int]:
    """The ids of the ledger entries whose subject is one of these."""
    return [row.id for row in tx.execute(_ENTRY_IDS, {"subjects": list(subjects), "limit": limit})]


def audits_about(tx: Transaction, subjects: Collection[tuple[str, UUID]], limit: int) -> list[Row[Any]]:
    """The audit records about these subjects, each a type and an id."""
    named = [(kind, str(id)) for kind, id in subjects]
    about = tuple_(audit_log.c.subject_type, audit_log.c.subject_id).in_(named)
    return tx.all(select(audit_log).where(about).order_by(audit_log.c.id).limit(limit))


def told_about(tx: Transaction, ids: Collection[UUID], limit: int) -> list[Row[Any]]:
    """The events about these invoices and payments with their deliveries: a row for each, and for each endpoint that
    could get it; `status` is None where it was not for that endpoint."""
    return tx.all(_TOLD, {"about": [str(id) for id in ids], "limit": limit})


def learnt_about(tx: Transaction, payment_ids: Collection[UUID], limit: int) -> list[Row[Any]]:
    """What was learnt of these payments and their refunds."""
    query = select(payment_events).where(payment_events.c.payment_id.in_(payment_ids))
    return tx.all(query.order_by(payment_events.c.id).limit(limit))


def discrepancies_about(tx: Transaction, payment_ids: Collection[UUID], limit: int) -> list[Row[Any]]:
    query = select(discrepancies).where(discrepancies.c.payment_id.in_(payment_ids))
    return tx.all(query.order_by(discrepancies.c.opened_at, discrepancies.c.id).limit(limit))


def receipts_of(tx: Transaction, invoice_ids: Collection[UUID]) -> list[Row[Any]]:
    """The receipts of these invoices; `number` is None as long as one is due."""
    return tx.all(select(receipts).where(receipts.c.invoice_id.in_(invoice_ids)).order_by(receipts.c.id))
