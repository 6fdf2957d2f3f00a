"""API keys: found by their keyed hash, never by what the caller holds."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.access import api_keys


def find_and_touch(tx: Transaction, key_hash: bytes, now: datetime, used_before: datetime) -> Row[Any] | None:
    """The key of this hash, in one statement that also notes its use if the last noted use is before `used_before`."""
    found = select(api_keys).where(api_keys.c.key_hash == key_hash)
    noted = (
        update(api_keys)
        .where(
            api_keys.c.key_hash == key_hash,
            or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < used_before),
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
        )
        .values(last_used_at=now)
        .cte("noted")
    )
    return tx.one_or_none(found.add_cte(noted))


def lock(tx: Transaction, key_id: UUID) -> Row[Any] | None:
    return tx.one_or_none(select(api_keys).where(api_keys.c.id == key_id).with_for_update())


def add(tx: Transaction, key: dict[str, Any]) -> bool:
    """False if a key of this very hash is there already; it stays as it is."""
    added = insert(api_keys).values(created_at=tx.now, **key).on_conflict_do_nothing(index_elements=["key_hash"])
    return tx.one_or_none(added.returning(api_keys.c.id)) is not None


def all_of(tx: Transaction, agency_id: UUID | None) -> list[Row[Any]]:
    """The keys of one agency, or of all: everything about them but their hash."""
    columns = [column for column in api_keys.c if column is not api_keys.c.key_hash]
    keys = select(*columns).order_by(api_keys.c.id)
    return tx.all(keys.where(api_keys.c.agency_id == agency_id) if agency_id else keys)


def revoke(tx: Transaction, key_id: UUID) -> None:
    tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=tx.now))


def expire_by(tx: Transaction, key_id: UUID, at: datetime) -> None:
    """Let the key end at `at`, or earlier if it ends earlier anyway."""
    tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(expires_at=func.least(api_keys.c.expires_at, at)))
