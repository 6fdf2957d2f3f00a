"""Plays a month night after night through the rules of a bank account's run, as runs in their order would.

What the database does around the rules is done here in memory: which statements and settlements are there, which lines
and payouts are open, and what earlier runs have matched. The matching, its names and the evidence are the product's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from benchmarks.bank_days.model import (
    NATURAL,
    BankMonth,
    Batch,
    Booking,
    Cause,
    Fault,
    Label,
    Payout,
    about_booking,
)
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.bank.account import BankAccount
from reconciliation.bank.matching import Group, judged
from reconciliation.bank.payout_names import KnownNames
from reconciliation.bank.reversals import Undone, newly_undone, takes_back
from reconciliation.bank.sides import Line, OpenPayout, Sides, known_names, line_of, payouts_of

K = DiscrepancyKind
NAMES = UUID(int=0)
AWAITED = frozenset({K.TIMING, K.PAYOUT_MISSING})
NOTHING_WRONG = {cause: Fault(-number, cause) for number, cause in enumerate(sorted(NATURAL), 1)}


@dataclass(frozen=True, slots=True)
class Found:
    """A discrepancy of a run, and what it is about: payouts, or a booking."""

    abouts: tuple[str, ...]
    discrepancy: NewDiscrepancy

    @property
    def kind(self) -> DiscrepancyKind:
        return self.discrepancy.kind


@dataclass(frozen=True, slots=True)
class Matched:
    rule: str
    payouts: tuple[str, ...]
    bookings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BankNight:
    """A run of one account. `until`: the last day that its statements tell of. `came`: the payouts that are matched by
    then. `truth`: by the key of the discrepancy, why it is open; nothing is wrong with what has a cause of
    model.NATURAL."""

    account: BankAccount
    day: date
    until: date | None
    matched: tuple[Matched, ...]
    came: frozenset[str]
    found: tuple[Found, ...]
    truth: Mapping[str, Fault]


def play(month: BankMonth) -> Iterator[BankNight]:
    """Every night of every account, account by account."""
    for account in month.accounts:
        yield from _Nights(month, account).play()


@dataclass(frozen=True, slots=True)
class _BatchRow:
    """As bank_runs.open_batches has it. Fees are taken off already."""

    id: UUID
    provider: str
    batch_id: str
    payout: str
    business_date: date
    currency: str
    gross_minor: int
    total_minor: int
    fee_minor: int = 0
    later: bool = False


@dataclass(frozen=True, slots=True)
class _ShareRow:
    batch: UUID
    currency: str
    agency_id: UUID
    net_minor: int


@dataclass(frozen=True, slots=True)
class _LineRow:
    """As bank_runs.open_lines has it."""

    id: int
    statement_id: UUID
    statement: str
    line: int
    amount_minor: int
    currency: str
    booked_on: date
    code: str
    bank_reference: str
    end_to_end_id: str
    names: list[str]
    reversal: bool
    later: bool = False


@dataclass(slots=True)
class _State:
    """What the runs before have matched. `was`: by line the payouts that it was matched with."""

    lines: set[int] = field(default_factory=set)
    payouts: set[str] = field(default_factory=set)
    was: dict[int, tuple[str, ...]] = field(default_factory=dict)
    undone: list[Undone] = field(default_factory=list)
    groups: list[Matched] = field(default_factory=list)


class _Nights:
    def __init__(self, month: BankMonth, account: BankAccount) -> None:
        self.month, self.account = month, account
        self.payouts = [payout for payout in month.payouts if payout.account == account.number]
        self.bookings = [booking for booking in month.bookings if booking.account == account.number]
        self.statements = [each for each in month.statements if each.account == account.number]
        self.state = _State()
        names = KnownNames({name for payout in self.payouts for name in payout.names} | set(account.providers))
        self.named = {booking.number: names.found_in(booking.text) for booking in self.bookings}
        self.labels: dict[str, list[Label]] = {}
        for label in sorted(month.labels, key=lambda each: each.since):
            self.labels.setdefault(label.about, []).append(label)

    def play(self) -> Iterator[BankNight]:
        for day in self.month.nights:
            yield self.night(day)

    def night(self, day: date) -> BankNight:
        until = max((each.day for each in self.statements if each.known_on <= day), default=None)
        run_id = uuid5(NAMES, f"{self.account.source}:{day}")
        open_payouts = self.open_payouts(day)
        lines = self.lines(day, open_payouts)
        undone = self.undo(lines)
        left = {str(line.id): line for line in lines if line.id not in self.state.lines}
        sides = Sides(left, {each.payout.id: each for each in self.open_payouts(day)}, until)
        groups = judged(self.account, run_id, sides, day, (), [*self.state.undone, *undone])
        matched = [self.keep(group) for group in groups if group.finding is None]
        self.state.undone += [Undone(each.line, each.by, each.payouts) for each in undone]
        found = [Found(_abouts(group), group.finding) for group in groups if group.finding]
        truth = {each.discrepancy.key: fault for each in found if (fault := self.behind(each, day, until))}
        return BankNight(self.account, day, until, tuple(matched), frozenset(self.state.payouts), tuple(found), truth)

    def open_payouts(self, day: date) -> list[OpenPayout]:
        told = [
            (payout, batch)
            for payout in self.payouts
            if payout.id not in self.state.payouts
            for batch in payout.batches
            if batch.loaded_on <= day
        ]
        rows: list[Any] = [_batch_row(payout, batch) for payout, batch in told]
        shares: list[Any] = [share for _, batch in told for share in _share_rows(batch)]
        return payouts_of(rows, shares, self.month.terms)

    def lines(self, day: date, open_payouts: list[OpenPayout]) -> list[Line]:
        """All that is known that night, matched or not. A bank's words are read once more for payouts that were settled
        since."""
        told = {payout for payout in self.payouts for batch in payout.batches if batch.loaded_on <= day}
        known = {name for payout in told for name in payout.names} | set(self.account.providers)
        wanted = known_names(self.account, open_payouts)
        told_of = {each.day for each in self.statements if each.known_on <= day}
        rows: list[Any] = [
            _line_row(booking, sorted(self.named[booking.number] & known))
            for booking in self.bookings
            if self.month.terms.banking_day_after(booking.booked_on, 0) in told_of and booking.booked_on <= day
        ]
        return [line_of(row, wanted) for row in rows]

    def undo(self, lines: list[Line]) -> list[Undone]:
        """What the bank takes back by a line that is open. The match that the credit was in ends."""
        state = self.state
        gone = {line for each in state.undone for line in (each.line.id, each.by.id)}
        taken = [line for line in lines if line.id not in state.lines and takes_back(line)]
        credits = [
            (line, state.was.get(line.id, ()))
            for line in lines
            if line.amount.amount_minor > 0
            and line.id not in gone
            and (line.id in state.was or line.id not in state.lines)
        ]
        found = newly_undone(taken, credits, self.account.providers)
        for each in found:
            for group in [group for group in state.groups if each.line.id in group.bookings]:
                state.groups.remove(group)
                state.lines.difference_update(group.bookings)
                state.payouts.difference_update(group.payouts)
        return found

    def keep(self, group: Group) -> Matched:
        matched = Matched(
            group.rule,
            tuple(payout.payout.id for payout in group.payouts),
            tuple(line.id for line in group.lines),
        )
        self.state.groups.append(matched)
        self.state.lines.update(matched.bookings)
        self.state.payouts.update(matched.payouts)
        if matched.payouts:
            self.state.was |= dict.fromkeys(matched.bookings, matched.payouts)
        return matched

    def behind(self, found: Found, day: date, until: date | None) -> Fault | None:
        """The newest fault about any of it; else what keeps a payout from being there."""
        known = [label for about in found.abouts for label in self.labels.get(about, ()) if label.since <= day]
        if known:
            return max(known, key=lambda label: label.since).fault
        if found.kind not in AWAITED:
            return None
        if (self.account.number, day) in self.month.without_statement:
            return self.month.without_statement[self.account.number, day]
        if skipped := self.skipped(found, day):
            return skipped
        is_told = until is not None and until >= day
        return NOTHING_WRONG[Cause.ON_ITS_WAY if is_told else Cause.BANK_CLOSED]

    def skipped(self, found: Found, day: date) -> Fault | None:
        """The fault by which a statement is not there that may have the payout: it was settled before, and something
        in its currency is in it."""
        fault, left_out = self.month.skipped.get((self.account.number, day), (None, date.min))
        moved = (each.balances.get(found.discrepancy.currency) for each in self.statements if each.day == left_out)
        may_be_in = found.discrepancy.business_date < left_out and any(both and both[0] != both[1] for both in moved)
        return fault if may_be_in else None


def _abouts(group: Group) -> tuple[str, ...]:
    if group.payouts:
        return tuple(payout.payout.id for payout in group.payouts)
    return tuple(about_booking(line.id) for line in group.lines)


def _batch_row(payout: Payout, batch: Batch) -> _BatchRow:
    minor = batch.net.amount_minor
    return _BatchRow(
        id=uuid5(NAMES, batch.ref.id),
        provider=batch.provider,
        batch_id=batch.ref.id,
        payout=payout.name,
        business_date=batch.ref.business_date,
        currency=batch.net.currency,
        gross_minor=minor,
        total_minor=minor,
    )


def _share_rows(batch: Batch) -> Iterator[_ShareRow]:
    for agency, minor in batch.shares.items():
        yield _ShareRow(uuid5(NAMES, batch.ref.id), batch.net.currency, agency, minor)


def _line_row(booking: Booking, names: list[str]) -> _LineRow:
    statement = f"{booking.account}/{booking.booked_on:%Y%m%d}"
    return _LineRow(
        id=booking.number,
        statement_id=uuid5(NAMES, statement),
        statement=statement,
        line=booking.number,
        amount_minor=booking.amount.amount_minor,
        currency=booking.amount.currency,
        booked_on=booking.booked_on,
        code=booking.code,
        bank_reference=booking.reference,
        end_to_end_id=booking.end_to_end_id,
        names=names,
        reversal=booking.reversal,
    )
