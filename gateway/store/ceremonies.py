"""Challenges and nonces of sign-ins that are under way: each counts once."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from gateway.store.database import Transaction
from gateway.store.tables.identity import sign_in_ceremonies as table


def keep(tx: Transaction, token_hash: bytes, kind: str, content: dict[str, Any], stale_before: datetime) -> None:
    """In place of an earlier one of the same browser; what was made before `stale_before` goes."""
    tx.execute(delete(table).where(table.c.made_at < stale_before))
    kept = {"content": content, "made_at": tx.now}
    added = insert(table).values(token_hash=token_hash, kind=kind, **kept)
    tx.execute(added.on_conflict_do_update(index_elements=["token_hash", "kind"], set_=kept))


def take(tx: Transaction, token_hash: bytes, kind: str, made_after: datetime) -> dict[str, Any] | None:
    """What was kept, which is gone with this."""
    mine = (table.c.token_hash == token_hash, table.c.kind == kind)
    row = tx.one_or_none(delete(table).where(*mine).returning(table.c.content, table.c.made_at))
    return dict(row.content) if row and row.made_at > made_after else None
