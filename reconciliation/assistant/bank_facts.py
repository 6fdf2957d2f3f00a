"""The facts around a discrepancy of a bank account: what was paid out there beside what the bank's statements say."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.assistant.cases import Case, Surroundings

K = DiscrepancyKind

AWAITED = frozenset({K.TIMING, K.PAYOUT_MISSING})
DIFFERING = frozenset({K.PAYOUT_SHORT, K.PAYOUT_OVER})
SMALL_PERCENT = 2
"""A charge is no more of a payout than this."""

SUMMED_MAX = 40
"""Of more payouts that are awaited, that two of them add up to a credit says nothing."""

Money = tuple[str, int]
"""A currency and an amount in minor units."""

Figure = str | int
Held = Iterator[tuple[str, Mapping[str, Figure]]]


@dataclass(frozen=True, slots=True)
class BankPatterns:
    """`awaited` has the payouts that have not come by what they are worth, `pairs` what two of them are worth together;
    `credits` what came that nobody knows, and `short` how many payouts of a provider lack the same."""

    awaited: Mapping[Money, str]
    pairs: frozenset[Money]
    credits: frozenset[Money]
    short: Mapping[tuple[str, Money], int]


def bank_patterns(cases: Sequence[Case]) -> BankPatterns:
    open_payouts = [case for case in cases if case.kind in AWAITED]
    summed = combinations(open_payouts, 2) if len(open_payouts) <= SUMMED_MAX else ()
    return BankPatterns(
        awaited={(case.currency, case.amount_minor): case.name for case in open_payouts},
        pairs=frozenset(
            (one.currency, one.amount_minor + two.amount_minor) for one, two in summed if one.currency == two.currency
        ),
        credits=frozenset(
            (case.currency, case.amount_minor)
            for case in cases
            if case.kind is K.MISSING_IN_GATEWAY and case.amount_minor > 0
        ),
        short=Counter(
            (case.paid_by, (case.currency, case.amount_minor)) for case in cases if case.kind is K.PAYOUT_SHORT
        ),
    )


def bank_facts(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    """Names of facts with their figures."""
    yield "at_bank", {}
    if case.kind in AWAITED:
        yield from _awaited(case, around, patterns)
    elif case.kind in DIFFERING:
        yield from _differing(case, around, patterns)
    elif case.kind is K.MISSING_IN_GATEWAY:
        yield from _not_known(case, patterns)


def _awaited(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    until = around.statement_until
    if until is not None and until < around.day:
        yield "no_statement", {"statement_until": "-" if until == date.min else until.isoformat()}
    elif until is not None:
        yield "statement_tells", {"statement_until": until.isoformat()}
    if (case.currency, case.amount_minor) in patterns.credits:
        yield "same_came_unnamed", {}


def _differing(case: Case, around: Surroundings, patterns: BankPatterns) -> Held:
    difference = (case.currency, abs(case.amount_minor))
    alike = patterns.short[case.paid_by, (case.currency, case.amount_minor)]
    if case.kind is K.PAYOUT_SHORT:
        if alike > 1:
            yield "same_shortfall", {"alike": alike}
        if difference[1] * 100 <= (case.expected_minor or 0) * SMALL_PERCENT:
            yield "small_shortfall", {"small_percent": SMALL_PERCENT}
        if (case.paid_by, *difference) in around.money_back:
            yield "equals_money_back", {}
        if case.due_on is not None:
            yield ("rest_overdue" if case.due_on < around.day else "rest_may_come"), {"due_on": case.due_on.isoformat()}
    elif difference in patterns.awaited:
        yield "equals_payout", {"payout": patterns.awaited[difference]}
    elif case.expected_minor and case.reported_minor == 2 * case.expected_minor:
        yield "twice_the_amount", {}


def _not_known(case: Case, patterns: BankPatterns) -> Held:
    if case.why == "charge_at_bank":
        yield "charge_code", {}
    elif case.why == "several_payouts":
        yield "names_payouts", {}
    elif case.amount_minor < 0:
        yield "money_out", {}
        if (case.currency, -case.amount_minor) in patterns.credits:
            yield "equals_credit", {}
    elif (case.currency, case.amount_minor) in patterns.awaited:
        yield "equals_payout", {"payout": patterns.awaited[case.currency, case.amount_minor]}
    elif (case.currency, case.amount_minor) in patterns.pairs:
        yield "sum_of_payouts", {}
