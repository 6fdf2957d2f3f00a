"""What the open lines of a bank account are: payouts, charges of the bank, or nothing that is known.

    bank_charge    the bank says that the booking is its own charge, or one that it gives back
    payout_...     see payouts.py
    not_known      neither; or it names payouts, and could be matched in several ways
    not_there      a payout without a line
    payout_taken_back  a credit and the debit by which the bank undoes it; see bank_reversals.py
    decided        a payout about which a person has decided, with the lines that it had then

What is not known or not there, and payouts that came as more or less than they are worth, stay open and have a finding.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.bank.account import BankAccount
from reconciliation.bank.findings import line_not_known, payout_differs, payout_not_there
from reconciliation.bank.payouts import Payout, PayoutMatch, match_payouts
from reconciliation.bank.posting import Placing, charged, placings
from reconciliation.bank.reversals import TAKEN_BACK, Undone, given_back
from reconciliation.bank.sides import Line, OpenPayout, Sides, credit_of, shares_of

BANK_CHARGE, NOT_KNOWN, NOT_THERE = "bank_charge", "not_known", "not_there"
DECIDED = "decided"
"""The rule of what a person has resolved, so that nothing is open about it any more."""


@dataclass(frozen=True, slots=True)
class Group:
    """Lines and payouts that belong together, of one currency, and what they bring to whom. `undone`: the payouts that
    lines which undo each other were."""

    rule: str
    lines: Sequence[Line]
    payouts: Sequence[OpenPayout]
    placings: Sequence[Placing] = ()
    finding: NewDiscrepancy | None = None
    undone: Sequence[str] = ()

    @property
    def later(self) -> bool:
        """Whether a later day's run has matched any of it."""
        return any(line.later for line in self.lines) or any(payout.later for payout in self.payouts)

    @property
    def currency(self) -> str:
        return (self.lines[0].amount if self.lines else self.payouts[0].payout.net).currency

    @property
    def expected_minor(self) -> int:
        """What should have come; a charge is what it is."""
        if self.rule == BANK_CHARGE:
            return self.came_minor
        return sum(each.payout.net.amount_minor for each in self.payouts)

    @property
    def came_minor(self) -> int:
        return sum(line.amount.amount_minor for line in self.lines)


def judged(
    account: BankAccount,
    run_id: UUID,
    sides: Sides,
    day: date,
    decided: Iterable[Row[Any]] = (),
    undone: Sequence[Undone] = (),
) -> list[Group]:
    """Every open line and payout, each in one group; what each of the new among the `undone` brings is not known here.
    `day` is the run's; what the statements do not tell of yet can still come. What is `decided` about payouts, with the
    lines that they had then, is as it was: what comes for them afterwards is not known."""
    back = [_undone_group(sides, each) for each in undone if each.is_new]
    sides = _without({line.id for group in back for line in group.lines}, sides, undone, account)
    settled = [group for row in decided for group in _as_decided(account, run_id, sides, row)]
    gone = {line.id for group in settled for line in group.lines}
    closed = {each.payout.id for group in settled for each in group.payouts}
    sides = Sides(
        {key: line for key, line in sides.lines.items() if line.id not in gone},
        {key: payout for key, payout in sides.payouts.items() if key not in closed},
        sides.until,
    )
    return back + settled + _judged(account, run_id, sides, day, undone)


def _undone_group(sides: Sides, undone: Undone) -> Group:
    return Group(TAKEN_BACK, [undone.line, undone.by], (), undone=_payouts_of(sides, undone))


def _payouts_of(sides: Sides, undone: Undone) -> list[str]:
    """What it was, and what it names that is open."""
    named = (key for key, payout in sides.payouts.items() if payout.payout.names & undone.line.names)
    return sorted({*undone.payouts, *named})


def _without(gone: Collection[int], sides: Sides, undone: Sequence[Undone], account: BankAccount) -> Sides:
    """The sides without the lines that undo each other, and with what a line that gives back stands for."""
    left = {key: line for key, line in sides.lines.items() if line.id not in gone}
    lines = {key: given_back(line, undone, account.providers) for key, line in left.items()}
    return Sides(lines, sides.payouts, sides.until)


def _as_decided(account: BankAccount, run_id: UUID, sides: Sides, decided: Row[Any]) -> list[Group]:
    """The group as it was when it was decided about; none if it is in a match by now."""
    ids = ["{provider}:{payout}:{currency}".format_map(each) for each in decided.payouts]
    had = {(each["statement"], each["line"]) for each in decided.lines}
    lines = [line for line in sides.lines.values() if (line.statement, line.number) in had]
    payouts = [sides.payouts[each] for each in ids if each in sides.payouts]
    if len(payouts) < len(ids) or len(lines) < len(had):
        return []
    if lines:
        return [_together(account, run_id, DECIDED, payouts, lines)]
    return [Group(DECIDED, (), payouts, finding=payout_not_there(account, run_id, payouts[0], late=True))]


def _judged(account: BankAccount, run_id: UUID, sides: Sides, day: date, undone: Sequence[Undone] = ()) -> list[Group]:
    names = {name for each in sides.payouts.values() for name in each.payout.names}
    charges = [line for line in sides.lines.values() if line.is_charge and not line.names & names]
    ours = {line.id for line in charges}
    others = [line for line in sides.lines.values() if line.id not in ours]
    told_until = min(day, sides.until) if sides.until else date.min
    payouts = [each.payout for each in sides.payouts.values()]
    outcome = match_payouts(payouts, map(credit_of, others), told_until)
    groups = [_charge(account, run_id, line) for line in charges]
    groups += [_came(account, run_id, sides, match) for match in (*outcome.matches, *outcome.differing)]
    for payout, late in [*((each, False) for each in outcome.awaited), *((each, True) for each in outcome.missing)]:
        awaited = sides.payouts[payout.id]
        back = [(each.line, each.by) for each in undone if payout.id in _payouts_of(sides, each)]
        finding = payout_not_there(account, run_id, awaited, late=late, taken_back=back)
        groups.append(Group(NOT_THERE, (), [awaited], finding=finding))
    left = (*outcome.awaited, *outcome.missing)
    for credit in outcome.unknown:
        line = sides.lines[credit.id]
        named = [sides.payouts[payout.id] for payout in _named(line, left)]
        groups.append(Group(NOT_KNOWN, [line], (), finding=line_not_known(account, run_id, line, named)))
    return groups


def _charge(account: BankAccount, run_id: UUID, line: Line) -> Group:
    """One that nobody in particular bears is not known: somebody must say whose it is."""
    placing = charged(line, account)
    if placing is None:
        return Group(NOT_KNOWN, [line], (), finding=line_not_known(account, run_id, line))
    return Group(BANK_CHARGE, [line], (), [placing])


def _came(account: BankAccount, run_id: UUID, sides: Sides, match: PayoutMatch) -> Group:
    lines = [sides.lines[credit.id] for credit in match.credits]
    payouts = [sides.payouts[payout.id] for payout in match.payouts]
    return _together(account, run_id, match.rule, payouts, lines)


def _together(
    account: BankAccount, run_id: UUID, rule: str, payouts: Sequence[OpenPayout], lines: Sequence[Line]
) -> Group:
    group = Group(rule, lines, payouts, placings(lines, shares_of(payouts)))
    over = group.came_minor - group.expected_minor
    return replace(group, finding=payout_differs(account, run_id, payouts, lines, over)) if over else group


def _named(line: Line, payouts: Iterable[Payout]) -> list[Payout]:
    return [payout for payout in payouts if line.names & payout.names]
