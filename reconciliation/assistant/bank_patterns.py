"""What only many discrepancies of a bank account together show: amounts that are each other's, or add up to another.

A credit can be a payout only if it came after that was settled.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.assistant.cases import Case

K = DiscrepancyKind

AWAITED = frozenset({K.TIMING, K.PAYOUT_MISSING})
DIFFERING = frozenset({K.PAYOUT_SHORT, K.PAYOUT_OVER})

SUMMED_MAX = 40
"""Of more payouts that are awaited, that two of them add up to a credit says nothing."""

Money = tuple[str, int]
"""A currency and an amount in minor units."""

ByMoney = Mapping[Money, Sequence[Case]]


@dataclass(frozen=True, slots=True)
class BankPatterns:
    """`awaited` has the payouts that have not come by what they are worth; `credits` and `debits` what came and went
    that nobody knows. `short` is how many payouts of a provider lack the same, `lacking` which payout lacks it, and
    `over` which came in one booking as so much too much.

    By the key of a payout that came, `instead` has the name of the one that is awaited and came under its name; by the
    key of that one, `under` has the other's name. `sums` are the keys of credits that are what two awaited payouts of
    one provider are together, and `summed` those of the payouts; `named` are the payouts that lines name which could be
    matched in several ways.
    """

    awaited: ByMoney
    credits: ByMoney
    debits: frozenset[Money]
    short: Mapping[tuple[str, Money], int]
    lacking: Mapping[Money, str]
    over: Mapping[Money, str]
    instead: Mapping[str, str]
    under: Mapping[str, str]
    sums: frozenset[str]
    summed: frozenset[str]
    named: frozenset[str]

    def awaited_worth(self, money: Money) -> str | None:
        """The name of one that is awaited and worth so much."""
        return next((payout.name for payout in self.awaited.get(money, ())), None)

    def awaited_for(self, credit: Case) -> str | None:
        return next((each.name for each in self.awaited.get(money_of(credit), ()) if may_be(credit, each)), None)

    def came_unnamed(self, payout: Case) -> bool:
        return any(may_be(credit, payout) for credit in self.credits.get(money_of(payout), ()))


def bank_patterns(cases: Iterable[Case]) -> BankPatterns:
    cases = list(cases)
    awaited = _by_money(case for case in cases if case.kind in AWAITED)
    unknown = _by_money(case for case in cases if case.kind is K.MISSING_IN_GATEWAY)
    short = [case for case in cases if case.kind is K.PAYOUT_SHORT]
    exchanged = _exchanged([case for case in cases if case.kind in DIFFERING], awaited)
    instead = {came.key: payout.name for came, payout in exchanged}
    sums, summed = _sums([case for of_amount in awaited.values() for case in of_amount], unknown)
    return BankPatterns(
        awaited=awaited,
        credits={money: of_amount for money, of_amount in unknown.items() if money[1] > 0},
        debits=frozenset((currency, -minor) for currency, minor in unknown if minor < 0),
        short=Counter((case.paid_by, money_of(case)) for case in short),
        lacking={(case.currency, -case.amount_minor): case.name for case in short},
        over={money_of(case): case.name for case in cases if case.kind is K.PAYOUT_OVER and case.key not in instead},
        instead=instead,
        under={payout.key: came.name for came, payout in exchanged},
        sums=sums,
        summed=summed,
        named=frozenset(name for of_amount in unknown.values() for case in of_amount for name in case.payouts),
    )


def money_of(case: Case) -> Money:
    return case.currency, case.amount_minor


def may_be(credit: Case, payout: Case) -> bool:
    return credit.business_date >= payout.business_date


def _by_money(cases: Iterable[Case]) -> dict[Money, list[Case]]:
    found: dict[Money, list[Case]] = defaultdict(list)
    for case in cases:
        found[money_of(case)].append(case)
    return dict(found)


def _exchanged(differing: Iterable[Case], awaited: ByMoney) -> list[tuple[Case, Case]]:
    """Each payout that came with the awaited one that came under its name: as its only booking, or beside its own."""
    found = []
    for came in differing:
        if len(came.bookings) > 1 and came.expected_minor not in came.bookings:
            continue
        others = (minor for minor in came.bookings if minor != came.expected_minor)
        payouts = [payout for minor in others for payout in awaited.get((came.currency, minor), ())]
        found += [(came, payout) for payout in payouts[:1]]
    return found


def _sums(payouts: Sequence[Case], credits: ByMoney) -> tuple[frozenset[str], frozenset[str]]:
    sums: set[str] = set()
    summed: set[str] = set()
    for one, two in combinations(payouts, 2) if len(payouts) <= SUMMED_MAX else ():
        if (one.currency, one.paid_by) != (two.currency, two.paid_by):
            continue
        for credit in credits.get((one.currency, one.amount_minor + two.amount_minor), ()):
            if may_be(credit, one) and may_be(credit, two):
                sums.add(credit.key)
                summed.update((one.key, two.key))
    return frozenset(sums), frozenset(summed)
