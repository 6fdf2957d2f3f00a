"""The facts around a discrepancy of a bank account: what was paid out there beside what the bank's statements say."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.assistant.bank_patterns import AWAITED, BankPatterns, money_of
from reconciliation.assistant.cases import Case, Surroundings
from reconciliation.assistant.statement_gaps import Gap

K = DiscrepancyKind

SMALL_PERCENT, LARGE_PERCENT = 2, 20
"""A charge is no more of a payout than the one as a rule; what is more than the other is a part of it, or a payment."""

ROUND_MINOR = 50
"""What people and banks charge, pay and give back is a multiple of it as a rule; a part of a payout is by chance, since
the provider's fees are taken off."""

SUMMED_MAX = 60
"""Of more amounts, that two of them add up to another says nothing."""

A_DAY = timedelta(days=1)
WAITED = timedelta(days=4)
"""A settlement that has not come so long after its payout will not come any more, as a rule: two banking days."""

SMALL_DEBIT = 400
"""A debit that is no more than one in so many of a usual payout is a charge, as a rule."""

Figure = str | int
Held = Iterator[tuple[str, Mapping[str, Figure]]]


def bank_facts(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    """Names of facts with their figures."""
    yield "at_bank", {}
    if case.kind in AWAITED:
        yield from _awaited(case, around, patterns)
    elif case.kind is K.PAYOUT_SHORT:
        yield from _short(case, around, patterns)
    elif case.kind is K.PAYOUT_OVER:
        yield from _over(case, patterns)
    elif case.kind is K.MISSING_IN_GATEWAY:
        yield from _not_known(case, around, patterns)


def _awaited(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    until = around.statement_until
    if until is not None and until < around.day:
        yield "no_statement", {"statement_until": "-" if until == date.min else until.isoformat()}
    elif until is not None:
        yield "statement_tells", {"statement_until": until.isoformat()}
    if gap := next((each for each in around.gaps if _may_be_in(each, case)), None):
        yield "statement_gap", {"gap_after": gap.after.isoformat(), "gap_before": gap.before.isoformat()}
    if case.why == "taken_back":
        yield "was_taken_back", {}
    if patterns.came_unnamed(case):
        yield "same_came_unnamed", {}
    if case.key in patterns.under:
        yield "same_came_misnamed", {"named": patterns.under[case.key]}
    if joined := patterns.over.get(money_of(case)):
        yield "came_with_other", {"with_payout": joined}
    if case.key in patterns.summed:
        yield "came_in_sum", {}
    if case.payouts & patterns.named:
        yield "named_with_others", {}


def _may_be_in(gap: Gap, payout: Case) -> bool:
    """Whether the payout was settled before the last day that is left out."""
    return gap.currency == payout.currency and payout.business_date < gap.before - A_DAY


def _short(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    lacks = -case.amount_minor
    worth = case.expected_minor or 0
    alike = patterns.short[case.paid_by, money_of(case)]
    if alike > 1:
        yield "same_shortfall", {"alike": alike}
    if lacks * 100 <= worth * SMALL_PERCENT:
        yield "small_shortfall", {"small_percent": SMALL_PERCENT}
    elif lacks * 100 > worth * LARGE_PERCENT:
        yield "large_shortfall", {"large_percent": LARGE_PERCENT}
    if lacks % ROUND_MINOR == 0:
        yield "round_shortfall", {}
    elif percent := _whole_percent(lacks, worth):
        yield "whole_percent", {"whole_percent": percent}
    yield from _given_back(case, around, lacks)
    if (case.currency, lacks) in patterns.credits:
        yield "rest_came_unnamed", {}
    if case.key in patterns.instead:
        yield "other_came_under_its_name", {"other_payout": patterns.instead[case.key]}
    if case.due_on is not None:
        yield ("rest_overdue" if case.due_on < around.day else "rest_may_come"), {"due_on": case.due_on.isoformat()}


def _given_back(case: Case, around: Surroundings, lacks: int) -> Held:
    """What the provider may have kept for what it gave back, of what no settlement had when the payout came."""
    back = [
        each.amount_minor
        for each in around.money_back
        if (each.provider, each.currency) == (case.paid_by, case.currency)
        and (case.booked_on is None or each.first <= case.booked_on)
        and (each.last is None or each.last >= case.business_date)
    ]
    if lacks in back:
        yield "equals_money_back", {}
    elif len(back) <= SUMMED_MAX and any(one + two == lacks for one, two in combinations(back, 2)):
        yield "sum_of_money_back", {}
    if (case.paid_by, case.currency, lacks) in around.paid:
        yield "equals_payment", {}


def _whole_percent(lacks: int, worth: int) -> int:
    """How many percent it is, if they are whole to the unit and more than a charge; else 0."""
    percent = round(lacks * 100 / worth) if worth else 0
    return percent if percent > SMALL_PERCENT and abs(lacks * 100 - percent * worth) < 100 <= lacks else 0


def _over(case: Case, patterns: BankPatterns) -> Held:
    if case.key in patterns.instead:
        yield "other_came_under_its_name", {"other_payout": patterns.instead[case.key]}
    elif joined := patterns.awaited_worth((case.currency, case.amount_minor)):
        yield "equals_payout", {"payout": joined}
    if case.expected_minor and case.reported_minor == 2 * case.expected_minor:
        yield "twice_the_amount", {}


def _not_known(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    if case.why == "charge_at_bank":
        yield "charge_code", {}
    elif case.why == "several_payouts":
        yield "names_payouts", {}
    elif case.amount_minor < 0:
        yield from _money_out(case, around, patterns)
    else:
        yield from _money_in(case, around, patterns)


def _money_out(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    yield "money_out", {}
    out = -case.amount_minor
    if (case.currency, out) in patterns.credits:
        yield "equals_credit", {}
    came = [each for each in around.came if each.currency == case.currency]
    if undone := next((each for each in came if each.amount_minor == out), None):
        yield "equals_came", {"came": min(undone.names, default="-")}
    if case.is_reversal:
        yield "marked_reversal", {}
    if came and out * SMALL_DEBIT * len(came) <= sum(each.amount_minor for each in came):
        yield "small_debit", {}


def _money_in(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    money = money_of(case)
    if payout := patterns.awaited_for(case):
        yield "equals_payout", {"payout": payout}
    elif case.key in patterns.sums:
        yield "sum_of_payouts", {}
    if lacking := patterns.lacking.get(money):
        yield "equals_shortfall", {"lacking": lacking}
    if money in patterns.debits:
        yield "equals_debit", {}
    named = [each for each in around.came if each.names & case.names]
    if again := next((each for each in named if (each.currency, each.amount_minor) == money), None):
        yield "came_before", {"came": min(again.names & case.names)}
    elif who := sorted(case.names.intersection(around.providers)):
        yield "names_provider", {"named_provider": ", ".join(who)}
    if around.day - case.business_date > WAITED:
        yield "long_unknown", {"since": case.business_date.isoformat()}
