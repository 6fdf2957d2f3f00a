"""The list of the files that were handed in, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.store import statements
from gateway.store.database import Transaction

CURSOR = "statements"


def files_after(tx: Transaction, cursor: str | None, limit: int) -> tuple[Sequence[Row[Any]], str | None]:
    """At most `limit` files, and the cursor of those that follow, if any do. Raises Invalid for what is no cursor."""
    rows = statements.page_of_files(tx, _place(cursor), limit + 1)
    page = rows[:limit]
    if len(rows) == len(page):
        return page, None
    return page, encode_cursor(CURSOR, page[-1].received_at.isoformat(), str(page[-1].id))


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        received_at, file_id = decode_cursor(CURSOR, cursor, str, str)
        return datetime.fromisoformat(received_at), UUID(file_id)
    except ValueError:
        raise invalid_cursor() from None
