"""A bank's statement of account in neutral words, whatever format it came in.

A reader yields each Statement before its entries. Amounts of entries are positive, and `credit` says whether the money
came to the account; those of balances are signed. Nothing of the other party is kept but what it wrote: a name or an
account of a payer is nobody's business here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from gateway.domain.money import Money

BOOKED = "BOOK"
"""The status of an entry that counts; any other is a promise."""


class UnreadableStatement(Exception):
    """A message that is to be refused whole.

    `reason` says what is wrong in words that name the entry or the field, never what stands there; `field` is the
    element, tag or column ("" where it is the message itself), `line` counts from 1 (None where no line is to blame).
    """

    def __init__(self, reason: str, *, line: int | None = None, field: str = "") -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line
        self.field = field
        self.reason = reason


Tell = Callable[[UnreadableStatement], None]
"""Hears of a fault after which reading goes on, and ends it by raising."""


def refuse(fault: UnreadableStatement) -> None:
    """To be told of faults where the first is the last."""
    raise fault


@dataclass(frozen=True, slots=True)
class Statement:
    """The head of one account's statement. `opening` and `closing` are None where the message states none."""

    id: str
    account: str
    business_date: date | None
    opening: Money | None
    closing: Money | None

    @property
    def net(self) -> Money | None:
        """What moved, by the balances."""
        return None if self.opening is None or self.closing is None else self.closing - self.opening


class StatementEntry(NamedTuple):
    """One movement. An entry that books several payments at once is a row for each, and `number` is that of the entry.

    `servicer_reference` is the bank's name of the booking; `reference` a creditor reference that came apart from the
    text, `remittance` the text, which may hold personal data. `reversal` means that it undoes another entry, `returned`
    that it gives a payment back. `code` is the bank's family of transaction ("RCDT/ESCT") or its own word. It is a
    tuple, for a day can have a million of them and a frozen dataclass takes three times as long to make.
    """

    statement_id: str
    account: str
    number: int
    amount: Money
    credit: bool
    reversal: bool
    returned: bool
    status: str
    booked_on: date
    booked_at: datetime | None
    valued_on: date | None
    code: str
    entry_reference: str
    servicer_reference: str
    end_to_end_id: str
    transaction_id: str
    instruction_id: str
    reference: str
    remittance: str = ""

    def __repr__(self) -> str:
        """Without the text, which may be somebody's name."""
        named = zip(self._fields[:-1], self[:-1], strict=True)
        return f"StatementEntry({', '.join(f'{name}={value!r}' for name, value in named)})"

    @property
    def booked(self) -> bool:
        return self.status == BOOKED

    @property
    def signed(self) -> Money:
        return self.amount if self.credit else -self.amount
