"""The movements of a statement, each with the name by which it is known again, whoever tells of it.

That is the bank's own reference. Where the bank gives none, its day, its amount and the balance after it say which one
it is: two that agree in all three are the same, in whatever file they come. Without balances nothing tells them apart.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.domain.credit import account_key
from gateway.domain.money import Money
from gateway.ports.statement import Statement, StatementEntry, Tell, UnreadableStatement, refuse

DIGITS = 16


@dataclass(frozen=True, slots=True)
class Booking:
    """`line` counts what is booked in its statement, from 1."""

    line: int
    reference: str
    entry: StatementEntry


def bookings(
    rows: Iterator[Statement | StatementEntry], *, newest_first: bool = False, tell: Tell = refuse
) -> Iterator[Statement | Booking]:
    """What counts of `rows`; a promise does not. Raises UnreadableStatement, unless there is somebody to `tell`."""
    line, balance = 0, None
    for row in rows:
        if isinstance(row, Statement):
            line, balance = 0, row.closing if newest_first else row.opening
            yield row
        elif row.booked:
            line += 1
            if balance is not None:
                after = balance if newest_first else balance + row.signed
                balance = balance - row.signed if newest_first else after
                yield Booking(line, row.servicer_reference or _name(row, after), row)
            elif row.credit and not row.servicer_reference:
                tell(
                    UnreadableStatement(
                        f"entry {row.number}: the bank gives a credit no reference, and the statement has no balances"
                        " by which to know it again; ask the bank for a statement with either",
                        field="bank_reference",
                    )
                )
            else:
                yield Booking(line, row.servicer_reference, row)


def _name(entry: StatementEntry, after: Money) -> str:
    said = (account_key(entry.account), entry.booked_on.isoformat(), str(entry.signed.amount_minor), after.currency)
    digest = hashlib.sha256("\n".join((*said, str(after.amount_minor))).encode()).hexdigest()
    return f"{entry.booked_on:%Y%m%d}-{digest[:DIGITS]}"
