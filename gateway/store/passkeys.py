"""Officers' passkeys: found by the credential's id."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.identity import officer_passkeys as table


def all_of(tx: Transaction, officer_id: UUID) -> list[Row[Any]]:
    return tx.all(select(table).where(table.c.officer_id == officer_id).order_by(table.c.id))


def add(tx: Transaction, passkey: dict[str, Any]) -> bool:
    """False if this credential is known already."""
    added = insert(table).values(added_at=tx.now, **passkey).on_conflict_do_nothing(index_elements=["credential_id"])
    return tx.one_or_none(added.returning(table.c.id)) is not None


def lock(tx: Transaction, credential_id: bytes) -> Row[Any] | None:
    return tx.one_or_none(select(table).where(table.c.credential_id == credential_id).with_for_update())


def note_use(tx: Transaction, passkey_id: UUID, sign_count: int) -> None:
    tx.execute(update(table).where(table.c.id == passkey_id).values(sign_count=sign_count, used_at=tx.now))


def remove(tx: Transaction, passkey_id: UUID, officer_id: UUID) -> bool:
    """False if the officer has no such passkey."""
    mine = (table.c.id == passkey_id, table.c.officer_id == officer_id)
    return tx.one_or_none(delete(table).where(*mine).returning(table.c.id)) is not None
