"""Work that only one process may do at a time."""

from sqlalchemy import text

from gateway.store.database import Transaction

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


def try_lock(tx: Transaction, name: str) -> bool:
    """Take the lock of this name until the transaction ends; False if somebody else has it."""
    taken: bool = tx.execute(_TRY_LOCK, {"name": name}).scalar_one()
    return taken
