"""The kept answers to requests that must not be carried out twice."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.access import idempotency_keys

_CLAIM = text("SELECT * FROM claim_idempotency_key(:caller, :key)")


def claim(tx: Transaction, caller: UUID, key: str) -> Row[Any]:
    """`state` is new (the key is ours until the transaction ends), in_flight, or known with what was kept."""
    return tx.execute(_CLAIM, {"caller": caller, "key": key}).one()


def forget(tx: Transaction, caller: UUID, key: str) -> None:
    tx.execute(delete(idempotency_keys).where(idempotency_keys.c.caller == caller, idempotency_keys.c.key == key))


def purge(tx: Transaction, before: datetime) -> int:
    return tx.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before)).rowcount
