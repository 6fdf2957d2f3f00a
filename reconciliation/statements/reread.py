"""Reads a loaded file once more, line by line, out of where it is kept sealed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.errors import Conflict
from gateway.ports.statement import Statement
from gateway.ports.statements import read_statement
from gateway.services.runtime import Runtime
from gateway.store import statements
from reconciliation.statements.accounts import Account, find_account
from reconciliation.statements.bookings import Booking, bookings
from reconciliation.statements.kept import opened


class LayoutGone(Conflict):
    """The column map by which a file was loaded is not configured any more."""

    code = "layout_gone"


@dataclass(frozen=True, slots=True)
class Line:
    """A movement of a statement that the file brought. `place` counts these in the file, from 1."""

    place: int
    statement: UUID
    account: Account
    booking: Booking


def lines_of(runtime: Runtime, file: Row[Any]) -> Iterator[Line]:
    """The movements of the statements that `file`, a row of the loaded ones, brought. Raises LayoutGone, VaultError."""
    column_map = runtime.statement_layouts.get(file.layout)
    if file.layout and column_map is None:
        raise LayoutGone(f"The layout {file.layout}, by which the file was loaded, is gone: put it back.")
    with runtime.db.read() as tx:
        own = {(row.account, row.statement_id): row.id for row in statements.statements_of(tx, file.id)}
    with opened(runtime, file.id, file.sha256) as stream:
        rows = bookings(read_statement(stream, column_map), newest_first=bool(column_map and column_map.newest_first))
        yield from _own(runtime, rows, own)


def _own(runtime: Runtime, rows: Iterator[Statement | Booking], own: Mapping[tuple[str, str], UUID]) -> Iterator[Line]:
    account: Account | None = None
    statement: UUID | None = None
    place = 0
    for row in rows:
        if isinstance(row, Statement):
            with runtime.db.read() as tx:
                account = find_account(tx, runtime.payouts, row.account)
            statement = own.get((account.number, row.id)) if account else None
        elif account is not None and statement is not None:
            place += 1
            yield Line(place, statement, account, row)
