"""A run of a bank account and a day: what providers paid out against what the bank's statements say came.

All of it is one transaction: what is open on both sides is read, matched, and written with its discrepancies and what
the ledger has to say of it. A line or a payout that another day has matched is not looked at again; what is open is
looked at by every day's run until it is matched, or a person has decided about it: then it is closed by the decision.
A day that is run again sees what a later day has matched as it was: open, and explained since; and it leaves what is
still open to the last day's run, which looks at it too.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.payout import PayoutTerms
from gateway.store import bank_runs, reconciliation, spool
from gateway.store.bank_runs import BankMatch, MatchSide
from gateway.store.database import Transaction, new_id
from reconciliation.assistant.bank_opinions import write_bank_opinions
from reconciliation.bank.account import BankAccount
from reconciliation.bank.findings import CARRIED
from reconciliation.bank.late_shares import post_late_shares
from reconciliation.bank.matching import DECIDED, NOT_THERE, Group, judged
from reconciliation.bank.payouts import RULES_VERSION
from reconciliation.bank.posting import left_over, post_lines
from reconciliation.bank.receipts import release_receipts
from reconciliation.bank.reversals import undoing, undone_credits
from reconciliation.bank.sides import read_sides
from reconciliation.bank.totals import Tally, bank_totals
from reconciliation.bank.waiting import late_from, statement_state
from reconciliation.run_end import record, tell_late

KNOWN_CREDIT = "known_credit"
"""The rule of a line that is a credit which a notification, a list or the statement itself told of before."""

KNOWN_RETURN = "known_return"
"""The rule of a line that is a refund, or a credit that a payer's bank took back, and was known before."""


@dataclass(frozen=True, slots=True)
class BankDay:
    """The run to carry out. `dated` is the business date of what it posts, `before` the totals of the last time."""

    run_id: UUID
    day: date
    dated: date
    before: Mapping[str, Any]


def reconcile_bank_day(tx: Transaction, terms: PayoutTerms, account: BankAccount, run: BankDay) -> dict[str, Any]:
    """Match, post, and write down what is found. Returns the totals of the run."""
    spool.take_time(tx)
    bank_runs.forget_matches(tx, run.run_id)
    written = bank_runs.spellings(tx, account.number)
    release_receipts(tx, terms, account, written, run.run_id, run.day, run.dated)
    known = {
        KNOWN_CREDIT: bank_runs.match_credits(tx, run.run_id, written, run.day, KNOWN_CREDIT, RULES_VERSION),
        KNOWN_RETURN: bank_runs.match_returns(tx, run.run_id, written, run.day, KNOWN_RETURN, RULES_VERSION),
    }
    undone = undone_credits(tx, account, written, run.run_id, run.day)
    sides = read_sides(tx, terms, account, written, run.day)
    decisions = bank_runs.decided_payouts(tx, account.source)
    every = judged(account, run.run_id, sides, run.day, decisions, undone)
    groups = [group for group in every if group.finding or not group.later]
    found = [group.finding for group in groups if group.finding]
    decided = bank_runs.resolved(tx, [finding.key for finding in found])
    bank_runs.add_matches(tx, run.run_id, RULES_VERSION, [side for group in groups for side in _rows(group, decided)])
    reconciliation.forget_findings(tx, run.run_id)
    record(tx, run.run_id, run.day, iter(found))
    reconciliation.clear_explained(tx, run.run_id, account.source, run.day, CARRIED)
    write_bank_opinions(tx, account, written, run.run_id, run.day, sides.until)
    is_last = not bank_runs.has_later_run(tx, account.source, run.day)
    to_post = [group for group in groups if not group.later and (is_last or not group.finding)]
    lines = [line for group in to_post for line in group.lines]
    placings = [placing for group in to_post for placing in group.placings]
    placings += [placing for each in undone if each.is_new for placing in undoing(tx, each)]
    post_lines(tx, account, lines, placings, run.dated)
    post_late_shares(tx, account, run.run_id, run.dated)
    totals = bank_totals(tx, run.run_id, account, terms, run.day, _tally(groups, known))
    awaited = any(group.rule == NOT_THERE for group in groups)
    due = late_from(run.day, terms, account.time_zone)
    totals |= statement_state(run.day, sides.until, awaited=awaited, is_due=tx.now >= due)
    tell_late(tx, account.source, run.day, account.concerned, run.before, totals)
    return totals


def _rows(group: Group, decided: Collection[str]) -> Iterator[MatchSide]:
    """The sides of a match; none of what is still open."""
    rule = group.rule
    if group.finding:
        if group.finding.key not in decided or group.later:
            return
        rule = DECIDED
    match = BankMatch(
        new_id(), rule, group.currency, group.expected_minor, group.came_minor, tuple(sorted(group.undone))
    )
    unplaced = left_over(group.lines, group.placings) if group.payouts else {}
    for line in group.lines:
        yield MatchSide(match, line.amount.amount_minor, bank_line=line.id, unplaced_minor=unplaced.get(line.id))
    for payout in group.payouts:
        for part in payout.parts:
            yield MatchSide(match, part.net_minor, batch=part.batch)


def _tally(groups: Sequence[Group], known: Mapping[str, Sequence[Any]]) -> Tally:
    tally = Tally()
    for rule, rows in known.items():
        for row in rows:
            amount = int(row.amount_minor)
            tally.by_rule[rule] += row.number
            tally.of(row.currency).add_match(amount, row.number, amount, row.number)
    for group in groups:
        sums, entries = tally.of(group.currency), len(group.payouts)
        if group.finding is None:
            tally.by_rule[group.rule] += len(group.lines)
            sums.add_match(group.expected_minor, entries or 1, group.came_minor, len(group.lines))
            continue
        sums.add_lines(group.came_minor, len(group.lines))
        if group.finding.kind is not DiscrepancyKind.TIMING:
            sums.add_expected(group.expected_minor, entries)
        sums.on_its_way_minor += group.expected_minor - group.came_minor if group.payouts else 0
    return tally
