"""What came to the bank, in the ledger: debit bank, credit in_transit, for each line of a payout and each agency whose
payments it is made of; and the bank's own charges.

Which line belongs to which payout, and whose its lines are, may be known better when a day is run again. So what is
posted is the difference to what was posted about a line before: nothing at all if nothing changed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from gateway.domain import ledger
from gateway.domain.ledger import Entry, Transfer
from gateway.domain.money import Money
from gateway.store import bank_runs
from gateway.store.database import Transaction
from reconciliation.bank.account import BankAccount
from reconciliation.bank.payout_shares import in_turn
from reconciliation.bank.sides import NOBODY, Line, by_name

PAYOUT, RETURN, CHARGE = "payout", "payout_taken_back", "bank_charge"
LINE = "bank_line:"
"""How the key of such an entry begins; the line's number follows."""


@dataclass(frozen=True, slots=True)
class Placing:
    """What `line` brings, signed, to `other`: an account of the agency that is paid or charged by it."""

    line: Line
    agency_id: UUID
    cause: str
    other: str
    minor: int


def placings(lines: Sequence[Line], shares: Mapping[tuple[str, UUID | None], int]) -> list[Placing]:
    """What the lines of one payout, or of several together, bring to whom, in the order in which they came. `shares` by
    provider and agency; what is nobody's that is known is not placed."""
    named = by_name(shares)
    in_order = sorted(lines, key=lambda line: (line.booked_on, line.id))
    found = []
    for line, parts in zip(in_order, in_turn(named, [line.amount.amount_minor for line in in_order]), strict=True):
        for (provider, agency), minor in parts.items():
            if agency != NOBODY and minor:
                found.append(Placing(line, UUID(agency), PAYOUT, ledger.in_transit(provider), minor))
    return found


def left_over(lines: Iterable[Line], placed: Iterable[Placing]) -> dict[int, int]:
    """What of each of `lines` is not placed, by its id."""
    left = {line.id: line.amount.amount_minor for line in lines}
    for placing in placed:
        left[placing.line.id] -= placing.minor
    return left


def charged(line: Line, account: BankAccount) -> Placing | None:
    """The bank's own charge, or one that it gives back; None if nobody in particular bears it."""
    if account.holder is None:
        return None
    other = ledger.bank_charges(account.in_ledger)
    return Placing(line, account.holder.id, CHARGE, other, line.amount.amount_minor)


def post_lines(
    tx: Transaction, account: BankAccount, lines: Collection[Line], wanted: Iterable[Placing], dated: date
) -> None:
    """Post what `wanted` says about these lines beyond what is posted; take back what it does not say any more."""
    more = {_name(placing): (_accounts(account, placing), placing.minor, 0) for placing in wanted}
    prefixes = {f"{LINE}{line.id}:" for line in lines}
    for row in bank_runs.posted(tx, {line.statement_id for line in lines}, (PAYOUT, RETURN, CHARGE)):
        if row.name[: row.name.index(":", len(LINE)) + 1] in prefixes:
            known = _Accounts(row.cause, row.agency_id, row.subject_id, row.bank, row.other, row.currency)
            accounts, minor, _ = more.get(row.name, (known, 0, 0))
            more[row.name] = accounts, minor - int(row.amount_minor), row.entries
    for name, (accounts, minor, number) in sorted(more.items(), key=lambda each: each[0]):
        if minor:
            tx.post(_entry(tx, f"{name}:{number}", accounts, minor, dated))


def posted_about(tx: Transaction, line: Line, cause: str) -> list[Placing]:
    """What is posted about the line for this cause, as it would be placed."""
    return [
        Placing(line, row.agency_id, row.cause, row.other, int(row.amount_minor))
        for row in bank_runs.posted(tx, {line.statement_id}, (cause,))
        if row.name.startswith(f"{LINE}{line.id}:") and row.amount_minor
    ]


@dataclass(frozen=True, slots=True)
class _Accounts:
    cause: str
    agency_id: UUID
    statement_id: UUID
    bank: str
    other: str
    currency: str


def _accounts(account: BankAccount, placing: Placing) -> _Accounts:
    line = placing.line
    where = account.ledger_code, placing.other
    return _Accounts(placing.cause, placing.agency_id, line.statement_id, *where, line.amount.currency)


def _name(placing: Placing) -> str:
    return f"{LINE}{placing.line.id}:{placing.cause}:{placing.agency_id}:{placing.other}"


def _entry(tx: Transaction, key: str, accounts: _Accounts, minor: int, dated: date) -> Entry:
    amount = Money(minor, accounts.currency)
    came = Transfer(accounts.bank, accounts.other, amount) if minor > 0 else None
    return Entry(
        key=key,
        cause=accounts.cause,
        agency_id=accounts.agency_id,
        subject_id=accounts.statement_id,
        occurred_at=tx.now,
        business_date=dated,
        transfers=(came or Transfer(accounts.other, accounts.bank, -amount),),
    )
