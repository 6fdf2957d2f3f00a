"""What the bank takes back of what it had credited: a debit that says so, beside the credit that it undoes.

A debit undoes a credit if the bank marks it as a reversal or a return, the amount is the same, and both bear the bank's
reference, the end-to-end id, or the name of a payout. Of several credits that it may be, none is guessed. The two lines
are one match then. What the credit was matched with is open again: its match has ended, and the books undo what it
brought by an entry of the debit's own.

A credit that is marked as a reversal itself gives back what was taken, and stands for the credit that was undone.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from gateway.ports.bookings import is_return
from gateway.store import bank_reversals, bank_runs
from gateway.store.database import Transaction
from reconciliation.bank.account import BankAccount
from reconciliation.bank.payout_names import KnownNames
from reconciliation.bank.posting import PAYOUT, RETURN, Placing, posted_about
from reconciliation.bank.sides import Line, line_of

TAKEN_BACK = "payout_taken_back"
"""The rule of a credit and of the debit that undoes it."""

_NO_NAMES = KnownNames(())


@dataclass(frozen=True, slots=True)
class Undone:
    """`by` takes `line` back. `payouts`: what it was, as the runs name payouts. `is_new`: this run found it."""

    line: Line
    by: Line
    payouts: tuple[str, ...] = ()
    is_new: bool = False


def undone_credits(
    tx: Transaction, account: BankAccount, written: Sequence[str], run_id: UUID, day: date
) -> list[Undone]:
    """What has been taken back by the end of `day`. The matches that this undoes have ended."""
    before = list(_known(tx, written, day))
    opened = [line_of(row, _NO_NAMES) for row in bank_runs.open_lines(tx, written, day)]
    taken = [line for line in opened if takes_back(line) and not line.later]
    if not taken:
        return before
    rows = {row.id: row for row in bank_reversals.undoable(tx, written, day, [line.id for line in taken])}
    credits = [(line_of(row, _NO_NAMES), row.payouts) for row in rows.values()]
    found = newly_undone(taken, credits, account.providers)
    ended = {rows[each.line.id].group_id for each in found} - {None}
    bank_reversals.end_matches(tx, ended, run_id)
    return before + found


def newly_undone(
    taken: Iterable[Line], credits: Sequence[tuple[Line, Sequence[str]]], providers: Collection[str]
) -> list[Undone]:
    """What the lines `taken`, by which the bank takes back, undo of `credits`, each with the payouts that it was."""
    was = {line.id: tuple(payouts) for line, payouts in credits}
    named = [_with_payouts(line, payouts) for line, payouts in credits]
    return [Undone(line, by, was[line.id], is_new=True) for line, by in pairs(taken, named, providers)]


def takes_back(line: Line) -> bool:
    """Whether the bank says that it undoes an earlier booking."""
    return (line.reversal or is_return(line.code)) and line.amount.amount_minor < 0 and not line.is_charge


def pairs(reversals: Iterable[Line], credits: Iterable[Line], providers: Collection[str]) -> list[tuple[Line, Line]]:
    """Each reversal with the one credit that it undoes, which came before it and no other undoes. That both name one of
    `providers` says nothing."""
    left = sorted(credits, key=_when)
    found = []
    for taken in sorted(reversals, key=_when):
        fitting = [line for line in left if _when(line) < _when(taken) and _is_about(taken, line, providers)]
        if len(fitting) == 1:
            found.append((fitting[0], taken))
            left.remove(fitting[0])
    return found


def given_back(line: Line, undone: Iterable[Undone], providers: Collection[str]) -> Line:
    """With the payouts that it brings once more, if the bank gives back by it what it had taken."""
    if not line.reversal or line.amount.amount_minor <= 0 or line.names.difference(providers):
        return line
    taken = [each for each in undone if _when(each.by) < _when(line) and _is_about(line, each.by, providers)]
    if len(taken) != 1:
        return line
    return replace(line, names=line.names | _with_payouts(taken[0].line, taken[0].payouts).names)


def undoing(tx: Transaction, undone: Undone) -> list[Placing]:
    """What was booked for the credit, and the same taken back from whom it was brought to."""
    booked = posted_about(tx, undone.line, PAYOUT)
    back = (replace(each, line=undone.by, cause=RETURN, minor=-each.minor) for each in booked)
    return [*booked, *back]


def _known(tx: Transaction, written: Sequence[str], day: date) -> Iterator[Undone]:
    """What runs of this day and before have found."""
    groups: dict[UUID, list[Line]] = {}
    payouts: dict[UUID, tuple[str, ...]] = {}
    for row in bank_reversals.taken_back(tx, written, day, TAKEN_BACK):
        groups.setdefault(row.group_id, []).append(line_of(row, _NO_NAMES))
        payouts[row.group_id] = tuple(row.payouts or ())
    for group, lines in groups.items():
        if len(lines) == 1:
            continue  # it is taken back on a later day
        credit, debit = sorted(lines, key=lambda line: -line.amount.amount_minor)
        yield Undone(credit, debit, payouts[group])


def _is_about(reversal: Line, other: Line, providers: Collection[str]) -> bool:
    """Whether it undoes the other by amount, and by a name that both bear."""
    return reversal.amount == -other.amount and (
        bool(reversal.reference and reversal.reference == other.reference)
        or bool(reversal.end_to_end_id and reversal.end_to_end_id == other.end_to_end_id)
        or bool((reversal.names & other.names).difference(providers))
    )


def _with_payouts(line: Line, payouts: Iterable[str]) -> Line:
    """Naming them, each without its provider and currency."""
    names = {payout.partition(":")[2].rpartition(":")[0] for payout in payouts}
    return replace(line, names=line.names | names)


def _when(line: Line) -> tuple[date, int]:
    return line.booked_on, line.id
