"""Reads a statement to its end and checks all of it, before anything is written.

Its lines are set aside in a file, in the form in which the database takes them. None of the bank's words is in it but
the names that were looked for.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import BinaryIO
from uuid import UUID

from gateway.ports.statement import Statement, UnreadableStatement
from gateway.store.copy_text import copy_row
from gateway.store.database import new_id
from gateway.store.statements import StagedStatement
from reconciliation.bank.payout_names import KnownNames
from reconciliation.statements.accounts import Account
from reconciliation.statements.bookings import Booking
from reconciliation.statements.names import references_in, words_of

LINES_AT_ONCE = 1_000

FindAccount = Callable[[str], Account]
Existing = Callable[[frozenset[str]], frozenset[str]]


@dataclass(slots=True)
class _Open:
    """A statement of which lines are still to come."""

    id: UUID
    head: Statement
    account: Account
    start: int
    currency: str | None
    last_day: date | None
    lines: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, booking: Booking, names: list[str]) -> bytes:
        """The line as the database takes it. What it names may become more as time goes by, and is no part of what it
        states. Raises UnreadableStatement."""
        entry = booking.entry
        self.lines = booking.line
        self.currency = self.currency or entry.amount.currency
        if entry.amount.currency != self.currency:
            raise UnreadableStatement(f"entry {entry.number}: it is in another currency than its account")
        if self.head.business_date is None:
            self.last_day = max(self.last_day or entry.booked_on, entry.booked_on)
        stated = copy_row(_values(booking, self.account.number))
        self.digest.update(stated)
        return b"%s\t%s\t%s" % (str(self.id).encode(), stated.removesuffix(b"\n"), copy_row([names]))

    def closed(self, end: int) -> StagedStatement:
        """Raises UnreadableStatement."""
        head = self.head
        if self.currency is None or self.last_day is None:
            raise UnreadableStatement(f"statement {head.id}: it states neither a day nor a movement")
        balances = [None if each is None else each.amount_minor for each in (head.opening, head.closing)]
        self.digest.update(copy_row([self.currency, self.last_day, *balances]))
        return StagedStatement(
            id=self.id,
            statement_id=head.id,
            account=self.account.number,
            currency=self.currency,
            business_date=self.last_day,
            opening_minor=balances[0],
            closing_minor=balances[1],
            lines=self.lines,
            sha256=self.digest.digest(),
            start=self.start,
            end=end,
        )


class Staging:
    """`find_account` raises for an account that is not ours; `names_for` has the payouts that may come to an account;
    `existing` tells which references are an invoice's."""

    def __init__(
        self,
        sink: BinaryIO,
        find_account: FindAccount,
        names_for: Callable[[Account], KnownNames],
        existing: Existing,
    ) -> None:
        self._sink = sink
        self._find_account = find_account
        self._names_for = names_for
        self._existing = existing
        self._names = KnownNames(())
        self._open: _Open | None = None
        self._staged: list[StagedStatement] = []

    def stage(self, rows: Iterable[Statement | Booking]) -> list[StagedStatement]:
        """Raises UnreadableStatement, and what `find_account` raises."""
        source = iter(rows)
        while chunk := list(islice(source, LINES_AT_ONCE)):
            named = [references_in(row.entry) if isinstance(row, Booking) else frozenset() for row in chunk]
            known = self._existing(frozenset[str]().union(*named))
            for row, references in zip(chunk, named, strict=True):
                if isinstance(row, Booking):
                    self._add(row, references & known)
                else:
                    self._close()
                    self._begin(row)
        self._close()
        if not self._staged:
            raise UnreadableStatement("it holds no statement")
        return self._staged

    def _begin(self, head: Statement) -> None:
        account = self._find_account(head.account)
        balance = head.closing or head.opening
        currency = balance.currency if balance is not None else None
        self._open = _Open(new_id(), head, account, self._sink.tell(), currency, head.business_date)
        self._names = self._names_for(account)

    def _add(self, booking: Booking, references: frozenset[str]) -> None:
        if self._open is None:
            raise UnreadableStatement("a movement stands before its statement")
        names = references | self._names.found_in(words_of(booking.entry))
        self._sink.write(self._open.add(booking, sorted(names)))

    def _close(self) -> None:
        if self._open is not None:
            self._staged.append(self._open.closed(self._sink.tell()))
        self._open = None


def _values(booking: Booking, account: str) -> list[object]:
    """The columns of bank_lines between the statement and the names, in the order of statements.add_statements."""
    entry = booking.entry
    return [
        booking.line,
        account,
        entry.amount.currency,
        entry.signed.amount_minor,
        entry.booked_on,
        entry.valued_on,
        entry.code,
        booking.reference,
        entry.end_to_end_id,
        entry.reversal,
    ]
