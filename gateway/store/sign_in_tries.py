"""How often somebody tried to sign in, and until when they must wait."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.identity import sign_in_tries as table


def blocked_until(tx: Transaction, kind: str, who: bytes) -> datetime | None:
    """Locks the row, so that tries of one account that come at once are counted one after the other."""
    found = select(table.c.blocked_until).where(table.c.kind == kind, table.c.who == who).with_for_update()
    return tx.execute(found).scalar_one_or_none()


def count(tx: Transaction, kind: str, who: bytes, forgotten_before: datetime) -> Row[Any]:
    """One more try, with how many it are now; what was last before `forgotten_before` does not count."""
    first = {"kind": kind, "who": who, "tries": 1, "last_at": tx.now}
    tries = case((table.c.last_at < forgotten_before, 1), else_=table.c.tries + 1)
    again = (
        insert(table)
        .values(**first)
        .on_conflict_do_update(index_elements=["kind", "who"], set_={"tries": tries, "last_at": tx.now})
    )
    return tx.execute(again.returning(table)).one()


def block(tx: Transaction, kind: str, who: bytes, until: datetime) -> None:
    tx.execute(update(table).where(table.c.kind == kind, table.c.who == who).values(blocked_until=until))


def take_back(tx: Transaction, kind: str, who: bytes) -> None:
    """One try less."""
    fewer = func.greatest(table.c.tries - 1, 0)
    tx.execute(update(table).where(table.c.kind == kind, table.c.who == who).values(tries=fewer))


def forget(tx: Transaction, kind: str, who: bytes) -> None:
    tx.execute(delete(table).where(table.c.kind == kind, table.c.who == who))


def purge(tx: Transaction, before: datetime) -> int:
    """How many rows went: those without a try since `before`."""
    return tx.execute(delete(table).where(table.c.last_at < before)).rowcount
