"""What only one may do at a time: change a row, do the work of a name."""

from typing import Any

from sqlalchemy import Select, text

from gateway.store.database import Transaction

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


def locked(query: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
    """`query`, with its rows locked until the transaction ends; `skip_locked` passes over what others have locked.

    No key of a row ever changes here, so the lock is one (NO KEY UPDATE) for which rows that only refer to this one do
    not have to wait: a foreign key's check would otherwise wait, and come round in a circle, where no order of locks
    that we can choose would help.
    """
    return query.with_for_update(key_share=True, skip_locked=skip_locked)


def try_lock(tx: Transaction, name: str) -> bool:
    """Take the lock of this name until the transaction ends; False if somebody else has it."""
    taken: bool = tx.execute(_TRY_LOCK, {"name": name}).scalar_one()
    return taken
