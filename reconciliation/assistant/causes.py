"""The causes that a discrepancy can have, and how much each fact speaks for or against each: the whole judgement.

Figures are decibans, tenths of the logarithm of odds, in whole numbers: +10 makes a cause ten times as likely, -10 a
tenth, +3 about twice. `kinds` has the odds before any fact is known; a cause explains only the kinds it lists. Scores
add up, and the highest is the likeliest. `unknown` stands at 0 for every kind: a cause below it explains nothing.

The figures were tuned by hand on generated days. docs/reconciliation.md tells how often they are right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.assistant.cases import Case
from reconciliation.assistant.facts import Fact, Facts
from reconciliation.assistant.patterns import UNFINISHED

K, F = DiscrepancyKind, Fact


class Cause(StrEnum):
    MISSING_FILE = "missing_file"
    LATE_FILE = "late_file"
    TIME_ZONE_CUT = "time_zone_cut"
    LINE_LEFT_OUT = "line_left_out"
    FEE_CHANGE = "fee_change"
    ROUNDING_OF_FEE = "rounding_of_fee"
    FEE_ONCE_WRONG = "fee_once_wrong"
    PROVIDER_OUTAGE = "provider_outage"
    LOST_NOTIFICATION = "lost_notification"
    REPEATED_FILE = "repeated_file"
    DUPLICATE_LINE = "duplicate_line"
    PAID_TWICE = "paid_twice"
    WRONG_AMOUNT_TYPED = "wrong_amount_typed"
    WRONG_IN_REPORT = "wrong_in_report"
    OTHER_SYSTEM = "other_system"
    PROVIDER_REVERSED = "provider_reversed"
    REFUNDED_AT_PROVIDER = "refunded_at_provider"
    GARBLED_REFERENCE = "garbled_reference"
    SEVERAL_BILLS = "several_bills"
    WRONG_ACCOUNT = "wrong_account"
    PAYOUT_DIFFERS = "payout_differs"
    PAYOUT_LATE = "payout_late"
    STATEMENT_MISSING = "statement_missing"
    BANK_CHARGE = "bank_charge"
    NETTED_BY_PROVIDER = "netted_by_provider"
    PART_ON_ITS_WAY = "part_on_its_way"
    PAYOUTS_TOGETHER = "payouts_together"
    PAYOUT_TWICE = "payout_twice"
    PAYOUT_UNNAMED = "payout_unnamed"
    OUTSIDE_PAYMENT = "outside_payment"
    CREDIT_TAKEN_BACK = "credit_taken_back"
    SETTLEMENT_LATE = "settlement_late"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What is proposed, in the words of an officer's decisions."""

    ACCEPT_LATE_PAYMENT = "accept_late_payment"
    REFUND_DUPLICATE = "refund_duplicate"
    CORRECT_FEE = "correct_fee"
    WRITE_OFF = "write_off"
    CARRY_AS_TIMING = "carry_as_timing"
    OPEN_TRACE = "open_trace"
    DISPUTE = "dispute"
    ASSIGN_RECEIPT = "assign_receipt"
    RETURN_RECEIPT = "return_receipt"
    ACCEPT_PROPOSAL = "accept_proposal"
    CLOSE_EXPLAINED = "close_explained"


@dataclass(frozen=True, slots=True)
class Judgement:
    """In decibans: the odds by kind before any fact, and the weight of each fact that has one."""

    kinds: Mapping[DiscrepancyKind, int]
    weights: Mapping[Fact, int]
    action: Action


C, A = Cause, Action
CAUSES: Mapping[Cause, Judgement] = {
    C.MISSING_FILE: Judgement(
        {K.MISSING_AT_PROVIDER: -5, K.TIMING: -8},
        {F.NO_BATCH_OF_DAY: 15, F.BATCH_OF_DAY: -10, F.MOST_MISSING: 20, F.FEW_MISSING: -15,
         F.WITHIN_DAYS: -6, F.JUST_DUE: -10, F.OVERDUE: 5, F.AT_MIDNIGHT: -15, F.SLIP_AWAY: -25, F.PROPOSED_MATCH: -20},
        A.OPEN_TRACE,
    ),
    C.LATE_FILE: Judgement(
        {K.TIMING: 8, K.MISSING_AT_PROVIDER: -8},
        {F.AT_BANK: -40, F.WITHIN_DAYS: 8, F.JUST_DUE: 18, F.OVERDUE: -15, F.NO_BATCH_OF_DAY: 12, F.MOST_MISSING: 10,
         F.AT_MIDNIGHT: -22, F.FEW_AT_MIDNIGHT: -3, F.SLIP_AWAY: -25,
         F.PROPOSED_MATCH: -20},
        A.CARRY_AS_TIMING,
    ),
    C.TIME_ZONE_CUT: Judgement(
        {K.MISSING_AT_PROVIDER: -8, K.TIMING: -5},
        {F.AT_MIDNIGHT: 28, F.FEW_AT_MIDNIGHT: 18, F.ALONE_AT_MIDNIGHT: 3, F.FAR_FROM_MIDNIGHT: -30, F.ZONES_DIFFER: 2,
         F.NO_BATCH_OF_DAY: -5, F.MOST_MISSING: -3, F.OVERDUE: -12, F.SLIP_AWAY: -25},
        A.CARRY_AS_TIMING,
    ),
    C.LINE_LEFT_OUT: Judgement(
        {K.MISSING_AT_PROVIDER: 5},
        {F.BATCH_OF_DAY: 5, F.NO_BATCH_OF_DAY: -5, F.FEW_MISSING: 5, F.MOST_MISSING: -20, F.JUST_DUE: -8, F.OVERDUE: 8,
         F.AT_MIDNIGHT: -10, F.SLIP_AWAY: -25, F.PROPOSED_MATCH: -20, F.SAME_AMOUNT_OPEN: -3,
         F.OPPOSITE_OPEN: -10},
        A.OPEN_TRACE,
    ),
    C.FEE_CHANGE: Judgement({K.FEE_MISMATCH: -5}, {F.SAME_RATE: 22, F.NO_RATE: -15, F.FEE_OFF_BY_ONE: -8}, A.DISPUTE),
    C.ROUNDING_OF_FEE: Judgement({K.FEE_MISMATCH: -10}, {F.FEE_OFF_BY_ONE: 25, F.SAME_RATE: -12}, A.CORRECT_FEE),
    C.FEE_ONCE_WRONG: Judgement(
        {K.FEE_MISMATCH: 3}, {F.NO_RATE: 8, F.SAME_RATE: -12, F.FEE_OFF_BY_ONE: -10}, A.DISPUTE
    ),
    C.PROVIDER_OUTAGE: Judgement(
        {K.STATUS_MISMATCH: -5, K.MISSING_IN_GATEWAY: -8, K.REFUND_UNKNOWN: -8},
        {F.IN_OUTAGE: 20, F.NO_OUTAGE: -5, F.UNFINISHED_TOGETHER: 22, F.UNFINISHED_ALONE: -8, F.UNFINISHED_HERE: 5,
         F.WINDOW_CLOSED: 3, F.NO_PAYMENT: -20, F.UNDONE_WORD: -15, F.NOT_SETTLED: -8},
        A.OPEN_TRACE,
    ),
    C.LOST_NOTIFICATION: Judgement(
        {K.STATUS_MISMATCH: 0, K.MISSING_IN_GATEWAY: -3, K.REFUND_UNKNOWN: -8},
        {F.LEARNT_FROM_SETTLEMENT: 15, F.NEVER_TOLD: 5, F.UNFINISHED_HERE: 12, F.UNFINISHED_ALONE: 5,
         F.UNFINISHED_TOGETHER: -3, F.IN_OUTAGE: -5, F.NO_PAYMENT: -20, F.UNDONE_WORD: -20, F.NOT_SETTLED: -15,
         F.WINDOW_CLOSED: -3},
        A.CLOSE_EXPLAINED,
    ),
    C.REPEATED_FILE: Judgement(
        {K.DUPLICATE_AT_PROVIDER: -5, K.MISSING_IN_GATEWAY: -15, K.REFUND_UNKNOWN: -15, K.AMOUNT_MISMATCH: -20},
        {F.BATCH_REPEATED: 28, F.BATCH_NOT_REPEATED: -20},
        A.DISPUTE,
    ),
    C.DUPLICATE_LINE: Judgement(
        {K.DUPLICATE_AT_PROVIDER: 8}, {F.BATCH_NOT_REPEATED: 8, F.BATCH_REPEATED: -15}, A.DISPUTE
    ),
    C.PAID_TWICE: Judgement(
        {K.DUPLICATE_PAYMENT: 20, K.AMOUNT_MISMATCH: -15}, {F.PART_PAID_BEFORE: 25}, A.REFUND_DUPLICATE
    ),
    C.WRONG_AMOUNT_TYPED: Judgement(
        {K.AMOUNT_MISMATCH: -3},
        {F.PAYER_TYPES_AMOUNT: 15, F.AMOUNT_SLIP: 14, F.PART_PAID_BEFORE: -12, F.MONEY_BACK: -15},
        A.REFUND_DUPLICATE,
    ),
    C.WRONG_IN_REPORT: Judgement(
        {K.AMOUNT_MISMATCH: 5, K.CURRENCY_MISMATCH: 10, K.STATUS_MISMATCH: -3},
        {F.PAYER_TYPES_AMOUNT: -8, F.LEARNT_FROM_SETTLEMENT: -20, F.BATCH_REPEATED: -10, F.UNDONE_WORD: -3,
         F.UNFINISHED_TOGETHER: -10, F.UNFINISHED_HERE: -8},
        A.DISPUTE,
    ),
    C.OTHER_SYSTEM: Judgement(
        {K.MISSING_IN_GATEWAY: 3},
        {F.EQUALS_SHORTFALL: -15, F.EQUALS_DEBIT: -5, F.CAME_BEFORE: -20, F.NAMES_PROVIDER: -3,
         F.MONEY_OUT: -25, F.CHARGE_CODE: -25, F.NAMES_PAYOUTS: -15, F.SUM_OF_PAYOUTS: -8, F.EQUALS_PAYOUT: -15,
         F.FOREIGN_REFERENCE: 12, F.NO_PAYMENT: 5, F.KNOWN_PAYMENT: -20, F.OUR_REFERENCE: -5, F.SLIP_AWAY: -25,
         F.PROPOSED_MATCH: -15, F.BATCH_REPEATED: -15, F.MONEY_BACK: -8, F.OTHER_ACCOUNT: -20},
        A.OPEN_TRACE,
    ),
    C.PROVIDER_REVERSED: Judgement(
        {K.STATUS_MISMATCH: 0, K.MISSING_AT_PROVIDER: -15, K.MISSING_IN_GATEWAY: -8, K.REFUND_UNKNOWN: -10},
        {F.UNDONE_WORD: 15, F.NOT_SETTLED: 10, F.OPPOSITE_OPEN: 18, F.MONEY_BACK: 12, F.LEARNT_FROM_SETTLEMENT: -20,
         F.UNFINISHED_TOGETHER: -10, F.BATCH_REPEATED: -15},
        A.OPEN_TRACE,
    ),
    C.REFUNDED_AT_PROVIDER: Judgement(
        {K.REFUND_UNKNOWN: 8},
        {F.REFUND_NOT_OURS: 10, F.REFUND_OURS: -12, F.UNFINISHED_HERE: -5, F.BATCH_REPEATED: -15, F.WINDOW_CLOSED: -15},
        A.OPEN_TRACE,
    ),
    C.GARBLED_REFERENCE: Judgement(
        {K.MISSING_IN_GATEWAY: -8, K.MISSING_AT_PROVIDER: -10, K.TIMING: -12, K.UNIDENTIFIED_RECEIPT: 5},
        {F.SLIP_AWAY: 30, F.PROPOSED_MATCH: 22, F.SAME_AMOUNT_OPEN: 5, F.REFERENCE_UNREADABLE: 8,
         F.SEVERAL_INVOICES: -12, F.OTHER_ACCOUNT: -15, F.NO_BATCH_OF_DAY: -5},
        A.ACCEPT_PROPOSAL,
    ),
    C.SEVERAL_BILLS: Judgement({K.UNIDENTIFIED_RECEIPT: -10}, {F.SEVERAL_INVOICES: 30}, A.ASSIGN_RECEIPT),
    C.WRONG_ACCOUNT: Judgement(
        {K.UNIDENTIFIED_RECEIPT: -10, K.MISSING_IN_GATEWAY: -15}, {F.OTHER_ACCOUNT: 30}, A.RETURN_RECEIPT
    ),
    C.PAYOUT_DIFFERS: Judgement(
        {K.PAYOUT_SHORT: 10, K.PAYOUT_OVER: 10},
        {F.AT_BANK: -3, F.SAME_SHORTFALL: -5, F.EQUALS_PAYOUT: -5, F.WHOLE_PERCENT: 18, F.LARGE_SHORTFALL: -3,
         F.ROUND_SHORTFALL: -3},
        A.OPEN_TRACE,
    ),
    C.PAYOUT_LATE: Judgement(
        {K.PAYOUT_MISSING: 10, K.TIMING: -20},
        {F.AT_BANK: 5, F.STATEMENT_TELLS: 25, F.SAME_CAME_UNNAMED: -25, F.SAME_CAME_MISNAMED: -25,
         F.CAME_WITH_OTHER: -25, F.CAME_IN_SUM: -25, F.NAMED_WITH_OTHERS: -25, F.WAS_TAKEN_BACK: -30,
         F.STATEMENT_GAP: -30}, A.OPEN_TRACE,
    ),
    C.STATEMENT_MISSING: Judgement({K.TIMING: -20, K.PAYOUT_MISSING: -25}, {F.NO_STATEMENT: 35, F.STATEMENT_GAP: 38},
        A.CARRY_AS_TIMING),
    C.BANK_CHARGE: Judgement(
        {K.PAYOUT_SHORT: -12, K.MISSING_IN_GATEWAY: -15},
        {F.SAME_SHORTFALL: 25, F.SMALL_SHORTFALL: 20, F.LARGE_SHORTFALL: -15, F.ROUND_SHORTFALL: 17, F.CHARGE_CODE: 40,
         F.SMALL_DEBIT: 35, F.EQUALS_CAME: -15, F.EQUALS_CREDIT: -15, F.EQUALS_MONEY_BACK: -12,
         F.SUM_OF_MONEY_BACK: -12, F.EQUALS_PAYMENT: -14, F.REST_OVERDUE: 3, F.MARKED_REVERSAL: -15},
        A.OPEN_TRACE,
    ),
    C.NETTED_BY_PROVIDER: Judgement(
        {K.PAYOUT_SHORT: -10},
        {F.EQUALS_MONEY_BACK: 30, F.SUM_OF_MONEY_BACK: 26, F.EQUALS_PAYMENT: 22, F.ROUND_SHORTFALL: 3,
         F.SAME_SHORTFALL: -10}, A.OPEN_TRACE,
    ),
    C.PART_ON_ITS_WAY: Judgement(
        {K.PAYOUT_SHORT: -5},
        {F.REST_MAY_COME: 15, F.REST_OVERDUE: -1, F.SMALL_SHORTFALL: -15, F.LARGE_SHORTFALL: 12, F.ROUND_SHORTFALL: -12,
         F.WHOLE_PERCENT: -10, F.SAME_SHORTFALL: -10}, A.OPEN_TRACE,
    ),
    C.PAYOUTS_TOGETHER: Judgement(
        {K.PAYOUT_OVER: -10, K.MISSING_IN_GATEWAY: -10, K.TIMING: -20, K.PAYOUT_MISSING: -8},
        {F.EQUALS_PAYOUT: 28, F.SUM_OF_PAYOUTS: 28, F.NAMES_PAYOUTS: 35, F.CAME_WITH_OTHER: 35, F.CAME_IN_SUM: 35,
         F.NAMED_WITH_OTHERS: 40}, A.OPEN_TRACE,
    ),
    C.PAYOUT_TWICE: Judgement(
        {K.PAYOUT_OVER: -10, K.MISSING_IN_GATEWAY: -15}, {F.TWICE_THE_AMOUNT: 30, F.CAME_BEFORE: 40}, A.OPEN_TRACE
    ),
    C.PAYOUT_UNNAMED: Judgement(
        {K.MISSING_IN_GATEWAY: -15, K.PAYOUT_MISSING: -8, K.TIMING: -20, K.PAYOUT_SHORT: -15, K.PAYOUT_OVER: -25},
        {F.EQUALS_PAYOUT: 35, F.SAME_CAME_UNNAMED: 38, F.SAME_CAME_MISNAMED: 38, F.REST_CAME_UNNAMED: 40,
         F.EQUALS_SHORTFALL: 35, F.OTHER_CAME_UNDER_ITS_NAME: 45}, A.OPEN_TRACE,
    ),
    C.OUTSIDE_PAYMENT: Judgement(
        {K.MISSING_IN_GATEWAY: -15},
        {F.MONEY_OUT: 30, F.EQUALS_CREDIT: -15, F.EQUALS_CAME: -15, F.MARKED_REVERSAL: -15}, A.OPEN_TRACE,
    ),
    C.CREDIT_TAKEN_BACK: Judgement(
        {K.MISSING_IN_GATEWAY: -15, K.PAYOUT_MISSING: -8},
        {F.EQUALS_CREDIT: 35, F.EQUALS_CAME: 32, F.EQUALS_DEBIT: 35, F.MARKED_REVERSAL: 20, F.WAS_TAKEN_BACK: 45},
        A.OPEN_TRACE,
    ),
    C.SETTLEMENT_LATE: Judgement(
        {K.MISSING_IN_GATEWAY: -15}, {F.NAMES_PROVIDER: 30, F.LONG_UNKNOWN: -20, F.EQUALS_DEBIT: -5}, A.OPEN_TRACE
    ),
    C.UNKNOWN: Judgement(dict.fromkeys(K, 0), {}, A.OPEN_TRACE),
}  # fmt: skip

ACTIONS: Mapping[tuple[Cause, DiscrepancyKind], Action] = {
    (C.GARBLED_REFERENCE, K.UNIDENTIFIED_RECEIPT): A.ASSIGN_RECEIPT,
    (C.PROVIDER_OUTAGE, K.STATUS_MISMATCH): A.CLOSE_EXPLAINED,
    (C.PAYOUT_LATE, K.TIMING): A.CARRY_AS_TIMING,
}
"""Where the kind asks for another action than the cause has otherwise."""

RANKED_MAX = 3


@dataclass(frozen=True, slots=True)
class Ranked:
    """A cause with its score in decibans and the facts that speak for it and against it, the weightiest first."""

    cause: Cause
    score: int
    speaks_for: tuple[Fact, ...]
    speaks_against: tuple[Fact, ...]


def rank(kind: DiscrepancyKind, facts: Facts) -> tuple[Ranked, ...]:
    """The likeliest causes, down to `unknown` at the latest; of two as likely, the first in the table."""
    return _ranked(kind, frozenset(facts))


@lru_cache(maxsize=4_096)
def _ranked(kind: DiscrepancyKind, facts: frozenset[Fact]) -> tuple[Ranked, ...]:
    """Of the thousands that one cause brings, most have the same facts."""
    judged = [_judged(cause, kind, facts) for cause in CAUSES if kind in CAUSES[cause].kinds]
    judged.sort(key=lambda ranked: (-ranked.score, ranked.cause is Cause.UNKNOWN))
    likely = [ranked for ranked in judged if ranked.score >= 0]
    upto = next(n for n, ranked in enumerate(likely, start=1) if ranked.cause is Cause.UNKNOWN)
    return tuple(likely[: min(upto, RANKED_MAX)])


def action_for(cause: Cause, kind: DiscrepancyKind) -> Action:
    return ACTIONS.get((cause, kind), CAUSES[cause].action)


def asks_first(case: Case, *, can_be_asked: bool) -> bool:
    """Whether asking the provider again would decide it: our record has no end, or the provider's word contradicts it.

    A provider whose query window has closed gives no answer any more.
    """
    if case.payment is None or case.repaired or case.window_closed or not can_be_asked:
        return False
    of_status = case.kind is K.STATUS_MISMATCH or (case.kind is K.REFUND_UNKNOWN and case.refund_ours)
    return of_status or case.payment_status in UNFINISHED


def _judged(cause: Cause, kind: DiscrepancyKind, facts: frozenset[Fact]) -> Ranked:
    judgement = CAUSES[cause]
    weights = {fact: judgement.weights[fact] for fact in facts if fact in judgement.weights}
    heaviest = sorted(weights, key=lambda fact: (-abs(weights[fact]), fact))
    return Ranked(
        cause=cause,
        score=judgement.kinds[kind] + sum(weights.values()),
        speaks_for=tuple(fact for fact in heaviest if weights[fact] > 0),
        speaks_against=tuple(fact for fact in heaviest if weights[fact] < 0),
    )
