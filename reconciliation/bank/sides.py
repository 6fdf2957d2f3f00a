"""Both sides of a run of a bank account: what providers should have paid out to it, and what its statements tell."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.domain.money import Money
from gateway.domain.payout import DAYS_DEFAULT, PayoutTerms
from gateway.ports.bookings import is_charge
from gateway.store import bank_runs
from gateway.store.database import Transaction
from reconciliation.bank.account import BankAccount
from reconciliation.bank.payout_names import KnownNames
from reconciliation.bank.payouts import BankCredit, Payout

HOLIDAYS_MAX = timedelta(days=31)
"""So much longer than its banking days a payout may take, at most."""


NOBODY = ""
"""Who has the share of what belongs to no agency that is known."""


@dataclass(frozen=True, slots=True)
class Line:
    """A booking on the account. `amount` from it is negative. `later`: a later day's run has matched it."""

    id: int
    statement_id: UUID
    statement: str
    number: int
    amount: Money
    booked_on: date
    code: str
    reference: str
    names: frozenset[str] = frozenset()
    later: bool = False
    end_to_end_id: str = ""
    reversal: bool = False

    @property
    def is_charge(self) -> bool:
        return is_charge(self.code)


@dataclass(frozen=True, slots=True)
class Part:
    """A batch of a payout, and what of the payout's currency it brings. `shares`: of whom; None is nobody known."""

    batch: UUID
    batch_id: str
    net_minor: int
    shares: Mapping[UUID | None, int]


@dataclass(frozen=True, slots=True)
class OpenPayout:
    """`later`: a later day's run has matched it, or a part of it."""

    payout: Payout
    name: str
    parts: Sequence[Part]
    later: bool = False

    def shares(self) -> dict[UUID | None, int]:
        sums: dict[UUID | None, int] = defaultdict(int)
        for part in self.parts:
            for agency, minor in part.shares.items():
                sums[agency] += minor
        return sums


def shares_of(payouts: Iterable[OpenPayout]) -> dict[tuple[str, UUID | None], int]:
    """Of all of them together, by provider and agency."""
    sums: dict[tuple[str, UUID | None], int] = defaultdict(int)
    for each in payouts:
        for agency, minor in each.shares().items():
            sums[each.payout.provider, agency] += minor
    return sums


def by_name(shares: Mapping[tuple[str, UUID | None], int]) -> dict[tuple[str, str], int]:
    """With agencies as text: who has the last unit hangs on the order of the names."""
    return {(provider, str(agency or NOBODY)): minor for (provider, agency), minor in shares.items()}


@dataclass(frozen=True, slots=True)
class Sides:
    """`until` is the last day that the statements tell of; None if there is no statement."""

    lines: Mapping[str, Line]
    payouts: Mapping[str, OpenPayout]
    until: date | None


def credit_of(line: Line) -> BankCredit:
    return BankCredit(str(line.id), line.amount, line.booked_on, line.names)


def read_sides(tx: Transaction, terms: PayoutTerms, account: BankAccount, written: Sequence[str], day: date) -> Sides:
    """What is open at the end of `day`: in no match, or in one of a later day. `written`: how statements write the
    account."""
    told = bank_runs.covered(tx, written)
    payouts = read_payouts(tx, terms, account, told, day)
    wanted = known_names(account, payouts)
    lines = [line_of(row, wanted) for row in bank_runs.open_lines(tx, written, day)]
    return Sides(
        lines={str(line.id): line for line in lines},
        payouts={each.payout.id: each for each in payouts},
        until=told[1] if told else None,
    )


def read_payouts(
    tx: Transaction, terms: PayoutTerms, account: BankAccount, told: tuple[date, date] | None, day: date
) -> list[OpenPayout]:
    """Those that are open at the end of `day`; `told`: the first and the last day that the statements tell of."""
    begun = bank_runs.first_run_on(tx, account.source) or day
    return _payouts(tx, terms, account, min(begun, told[0]) if told else begun, day)


def known_names(account: BankAccount, payouts: Iterable[OpenPayout]) -> KnownNames:
    return KnownNames({name for each in payouts for name in each.payout.names} | set(account.providers))


def line_of(row: Row[Any], wanted: KnownNames) -> Line:
    """A row as bank_runs.open_lines has them."""
    by_reference = wanted.found_in(f"{row.end_to_end_id} / {row.bank_reference}")
    return Line(
        id=row.id,
        statement_id=row.statement_id,
        statement=row.statement,
        number=row.line,
        amount=Money(row.amount_minor, row.currency),
        booked_on=row.booked_on,
        code=row.code or "",
        reference=row.bank_reference or "",
        names=frozenset(row.names or ()) | by_reference,
        later=row.later,
        end_to_end_id=row.end_to_end_id or "",
        reversal=row.reversal,
    )


def _payouts(tx: Transaction, terms: PayoutTerms, account: BankAccount, since: date, day: date) -> list[OpenPayout]:
    """Those that may still come on `since` or later."""
    longest = timedelta(days=2 * max([DAYS_DEFAULT, *terms.days.values()])) + HOLIDAYS_MAX
    rows = [
        row
        for row in bank_runs.open_batches(tx, account.providers, since - longest, day)
        if terms.pays_into(row.provider, row.currency, account.number)
        and terms.due_on(row.provider, row.business_date) >= since
    ]
    return payouts_of(rows, bank_runs.shares(tx, {each.id for each in rows}), terms)


def payouts_of(batches: Sequence[Row[Any]], shares_known: Iterable[Row[Any]], terms: PayoutTerms) -> list[OpenPayout]:
    """The payouts that these batches are, as bank_runs.open_batches and bank_runs.shares have them. One that comes to
    nothing is none. A name that two providers use names neither."""
    shares: dict[tuple[UUID, str], dict[UUID | None, int]] = defaultdict(dict)
    for row in shares_known:
        shares[row.batch, row.currency][row.agency_id] = int(row.net_minor)
    grouped: dict[tuple[str, str, str], list[Row[Any]]] = defaultdict(list)
    names: dict[str, set[str]] = defaultdict(set)
    for row in batches:
        grouped[row.provider, row.payout, row.currency].append(row)
        names[row.payout].add(row.provider)
        names[row.batch_id].add(row.provider)
    found = []
    for (provider, name, currency), of_payout in sorted(grouped.items()):
        parts = [_part(row, shares[row.id, currency]) for row in of_payout]
        net = sum(part.net_minor for part in parts)
        settled_on = max(row.business_date for row in of_payout)
        own = {name, *(row.batch_id for row in of_payout)}
        payout = Payout(
            id=f"{provider}:{name}:{currency}",
            provider=provider,
            net=Money(net, currency),
            settled_on=settled_on,
            due_on=terms.due_on(provider, settled_on),
            names=frozenset(each for each in own if len(names[each]) == 1),
        )
        if net:
            found.append(OpenPayout(payout, name, parts, any(row.later for row in of_payout)))
    return found


def _part(row: Row[Any], shares: Mapping[UUID | None, int]) -> Part:
    """The provider's own word of the total is what the bank should see; that it is not what the lines add up to is a
    discrepancy of the provider's day."""
    by_lines = int(row.gross_minor) - int(row.fee_minor)
    return Part(row.id, row.batch_id, by_lines if row.total_minor is None else row.total_minor, shares)
