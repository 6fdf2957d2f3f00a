"""Officers and their sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.officers import officer_sessions, officers


def add(tx: Transaction, officer: dict[str, Any]) -> None:
    tx.execute(insert(officers).values(created_at=tx.now, **officer))


def find(tx: Transaction, officer_id: UUID, *, lock: bool = False) -> Row[Any] | None:
    found = select(officers).where(officers.c.id == officer_id)
    return tx.one_or_none(found.with_for_update() if lock else found)


def by_email(tx: Transaction, email: str) -> Row[Any] | None:
    """`email` in small letters; None also for what can be no address and cannot be asked for."""
    return tx.one_or_none(select(officers).where(officers.c.email == email)) if email.isprintable() else None


def all_of(tx: Transaction, agency_id: UUID | None, after: UUID, limit: int) -> list[Row[Any]]:
    """Officers of one agency, or all, in the order in which they were added, from after `after` on."""
    listed = select(officers).where(officers.c.id > after).order_by(officers.c.id).limit(limit)
    return tx.all(listed.where(officers.c.agency_id == agency_id) if agency_id else listed)


def lock_holders(tx: Transaction, role: str) -> list[Row[Any]]:
    """Officers who hold `role`, act for every agency and are not disabled; they stay so until the transaction ends."""
    holds = (officers.c.roles.contains([role]), officers.c.disabled_at.is_(None), officers.c.agency_id.is_(None))
    return tx.all(select(officers).where(*holds).order_by(officers.c.id).with_for_update())


def change(tx: Transaction, officer_id: UUID, **changed: Any) -> None:
    tx.execute(update(officers).where(officers.c.id == officer_id).values(**changed))


def begin_session(tx: Transaction, token_hash: bytes, officer_id: UUID, *, proven: bool = True) -> None:
    session = {"token_hash": token_hash, "officer_id": officer_id, "begun_at": tx.now, "seen_at": tx.now}
    tx.execute(insert(officer_sessions).values(proven_at=tx.now if proven else None, **session))


def of_session(
    tx: Transaction, token_hash: bytes, begun_after: datetime, seen_after: datetime, *, proven: bool = True
) -> Row[Any] | None:
    """The officer of a session that still lasts, with its `begun_at` and `seen_at`."""
    is_proven = officer_sessions.c.proven_at.is_not(None) if proven else officer_sessions.c.proven_at.is_(None)
    lasting = (
        select(officers, officer_sessions.c.begun_at, officer_sessions.c.seen_at)
        .join_from(officer_sessions, officers)
        .where(
            officer_sessions.c.token_hash == token_hash,
            officer_sessions.c.ended_at.is_(None),
            is_proven,
            officer_sessions.c.begun_at > begun_after,
            officer_sessions.c.seen_at > seen_after,
            officers.c.disabled_at.is_(None),
        )
    )
    return tx.one_or_none(lasting)


def touch_session(tx: Transaction, token_hash: bytes, seen_before: datetime) -> None:
    """Note that the officer was here, unless that was noted after `seen_before`."""
    stale = officer_sessions.c.seen_at <= seen_before
    tx.execute(
        update(officer_sessions).where(officer_sessions.c.token_hash == token_hash, stale).values(seen_at=tx.now)
    )


def end_session(tx: Transaction, token_hash: bytes) -> None:
    tx.execute(update(officer_sessions).where(officer_sessions.c.token_hash == token_hash).values(ended_at=tx.now))


def end_sessions_of(tx: Transaction, officer_id: UUID, but: bytes | None = None) -> None:
    """All sessions of the officer end, except that of the hash `but`."""
    lasting = (officer_sessions.c.officer_id == officer_id, officer_sessions.c.ended_at.is_(None))
    others = (*lasting, officer_sessions.c.token_hash != but) if but else lasting
    tx.execute(update(officer_sessions).where(*others).values(ended_at=tx.now))


def sessions_of(tx: Transaction, officer_id: UUID, begun_after: datetime, seen_after: datetime) -> list[Row[Any]]:
    """The sessions of the officer that last, the newest first."""
    lasting = (
        officer_sessions.c.officer_id == officer_id,
        officer_sessions.c.ended_at.is_(None),
        officer_sessions.c.proven_at.is_not(None),
        officer_sessions.c.begun_at > begun_after,
        officer_sessions.c.seen_at > seen_after,
    )
    return tx.all(select(officer_sessions).where(*lasting).order_by(officer_sessions.c.begun_at.desc()))
