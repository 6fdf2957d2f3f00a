"""Officers and their sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, or_, select, update
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.officers import officer_sessions, officers


def add(tx: Transaction, officer: dict[str, Any]) -> None:
    tx.execute(insert(officers).values(created_at=tx.now, **officer))


def begin_session(tx: Transaction, token_hash: bytes, officer_id: UUID) -> None:
    session = {"token_hash": token_hash, "officer_id": officer_id, "begun_at": tx.now, "seen_at": tx.now}
    tx.execute(insert(officer_sessions).values(**session))


def of_session(tx: Transaction, token_hash: bytes, begun_after: datetime, seen_after: datetime) -> Row[Any] | None:
    """The officer of a session that still lasts, with its `begun_at` and `seen_at`."""
    lasting = (
        select(officers, officer_sessions.c.begun_at, officer_sessions.c.seen_at)
        .join_from(officer_sessions, officers)
        .where(
            officer_sessions.c.token_hash == token_hash,
            officer_sessions.c.ended_at.is_(None),
            officer_sessions.c.begun_at > begun_after,
            officer_sessions.c.seen_at > seen_after,
            officers.c.disabled_at.is_(None),
        )
    )
    return tx.one_or_none(lasting)


def touch_session(tx: Transaction, token_hash: bytes, seen_before: datetime) -> None:
    """Note that the officer was here, unless that was noted after `seen_before`."""
    stale = or_(officer_sessions.c.seen_at.is_(None), officer_sessions.c.seen_at <= seen_before)
    tx.execute(
        update(officer_sessions).where(officer_sessions.c.token_hash == token_hash, stale).values(seen_at=tx.now)
    )


def end_session(tx: Transaction, token_hash: bytes) -> None:
    tx.execute(update(officer_sessions).where(officer_sessions.c.token_hash == token_hash).values(ended_at=tx.now))
