"""The files through which both sides reach the matching: CSV without a header, as PostgreSQL's COPY writes it.

Each side comes in two parts. The bulk holds of every row only what the first join needs, because a night may bring ten
million rows. The details hold all that the rules and the report ask for, and only of rows that the join left over.

A line is known by its handle, which is the place of its batch among the batches of the run and its number in it, so
that the order of handles is the order in which the provider told us.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints
from uuid import UUID


class Movement(StrEnum):
    """What a line or an entry says happened to the money. Only like matches like."""

    PAYMENT = "payment"
    REFUND = "refund"
    REFUND_RETURN = "refund_return"  # a refund that failed after it was paid: the money is back
    CHARGEBACK = "chargeback"
    CHARGEBACK_RETURN = "chargeback_return"
    OTHER = "other"  # a charge or a correction of the provider: nothing in the ledger answers to it


Columns = Mapping[str, str]

# `key` is "{movement}:{the provider's reference}"; it is null where the provider names none.
LINES: Columns = {
    "line": "BIGINT",
    "key": "VARCHAR",
    "currency": "VARCHAR",
    "gross": "BIGINT",
    "fee": "BIGINT",
    "settled": "BOOLEAN",
}
ENTRIES: Columns = {
    "entry": "BIGINT",
    "key": "VARCHAR",
    "agency": "SMALLINT",
    "currency": "VARCHAR",
    "amount": "BIGINT",
}
LINE_BITS = 32


def handle(batch: int, line: int) -> int:
    return batch << LINE_BITS | line


def place(line_handle: int) -> tuple[int, int]:
    """The batch's place among the run's batches, and the line's number in it."""
    return line_handle >> LINE_BITS, line_handle & ((1 << LINE_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Line:
    """A settlement line with what we know of the payment it speaks of.

    `reference` is the provider's name of the movement, `merchant` our payment id as the provider returns it. `later`: a
    run of a later day has matched it. `payment` is the payment that it claims to be of, found by either name, and
    `refund` the refund; `refund_unresolved`: that payment has a refund whose outcome at the provider is not known yet.
    `checkout` is the session in which that payment was made, and `payment_transaction` the provider's name of it.
    `counterpart` is the ledger entry that records this movement, `counterpart_matched`: with a line of another run.
    `agency` is a place among the run's agencies.
    """

    line: int
    movement: Movement
    reference: str | None
    merchant: str | None
    currency: str
    gross: int
    fee: int
    settled: bool
    later: bool
    line_id: str
    kind: str
    status: str
    transaction_id: str | None
    refund_reference: str | None
    occurred_at: str
    payment: UUID | None
    payment_status: str | None
    payment_currency: str | None
    payment_amount: int | None
    refund: UUID | None
    refund_unresolved: bool
    agency: int | None
    counterpart: int | None
    counterpart_matched: bool
    checkout: UUID | None = None
    payment_transaction: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry's effect on the provider's account. `business_date` is the agency's day.

    It is looked for from `sought_from` on, the day on which it was made where the agency is or where the provider is,
    and missing if the provider has not told of it by `due_on`. `checkout` is the session in which it was paid.
    """

    entry: int
    movement: Movement
    reference: str | None
    merchant: str | None
    currency: str
    amount: int
    later: bool
    entry_key: str
    business_date: date
    sought_from: date
    due_on: date
    payment: UUID | None
    refund: UUID | None
    agency: int
    checkout: UUID | None = None


_SQL_TYPES = {int: "BIGINT", str: "VARCHAR", bool: "BOOLEAN", date: "DATE", UUID: "UUID", Movement: "VARCHAR"}


def columns_of(side: type[Any]) -> Columns:
    """The columns of a file of such records: their fields, in their order."""
    hints = get_type_hints(side)
    plain = {name: get_args(hint)[0] if isinstance(hint, UnionType) else hint for name, hint in hints.items()}
    return {name: _SQL_TYPES[hint] for name, hint in plain.items()}


LINE_DETAILS = columns_of(Line)
ENTRY_DETAILS = columns_of(Entry)


def key_of(movement: Movement, reference: str | None) -> str | None:
    return None if reference is None else f"{movement}:{reference}"


def write_records(file: Path, records: Iterable[Any]) -> None:
    """The file of records of which columns_of tells the columns."""
    with file.open("w", newline="") as rows:
        csv.writer(rows, lineterminator="\n").writerows(map(astuple, records))
