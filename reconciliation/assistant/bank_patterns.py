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

SUMMED_MAX = 40
"""Of more payouts that are awaited, that two of them add up to a credit says nothing."""

Money = tuple[str, int]
"""A currency and an amount in minor units."""


@dataclass(frozen=True, slots=True)
class BankPatterns:
    """`awaited` has the payouts that have not come by what they are worth; `credits` and `debits` what came and went
    that nobody knows; `differing` the payouts that came as more or less. `short` is how many payouts of a provider lack
    the same, and `lacking` which payout lacks it. `sums` are the keys of credits that are what two awaited payouts are
    together, and `summed` those of the payouts; `named` are the payouts that lines name which could be matched in
    several ways."""

    awaited: Mapping[Money, Sequence[Case]]
    credits: Mapping[Money, Sequence[Case]]
    debits: frozenset[Money]
    differing: Sequence[Case]
    short: Mapping[tuple[str, Money], int]
    lacking: Mapping[Money, str]
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

    def instead_of(self, came: Case) -> str | None:
        """The awaited payout that came under the name of this one: as the only line, or beside its own."""
        others = (minor for minor in came.bookings if minor != came.expected_minor)
        if len(came.bookings) > 1 and came.expected_minor not in came.bookings:
            return None
        found = (self.awaited_worth((came.currency, minor)) for minor in others)
        return next((name for name in found if name), None)

    def named_instead(self, payout: Case) -> str | None:
        """Under which name the awaited payout came."""
        return next((came.name for came in self.differing if self.instead_of(came) == payout.name), None)

    def came_with(self, payout: Case) -> str | None:
        """The payout that brings just so much too much as this one is worth, in one line."""
        return next(
            (came.name for came in self.differing if money_of(came) == money_of(payout) and not self.instead_of(came)),
            None,
        )


def bank_patterns(cases: Iterable[Case]) -> BankPatterns:
    cases = list(cases)
    awaited, credits = _by_money(cases, AWAITED), _by_money(cases, {K.MISSING_IN_GATEWAY})
    short = [case for case in cases if case.kind is K.PAYOUT_SHORT]
    sums, summed = _sums([case for of_amount in awaited.values() for case in of_amount], credits)
    return BankPatterns(
        awaited=awaited,
        credits={money: of_amount for money, of_amount in credits.items() if money[1] > 0},
        debits=frozenset((currency, -minor) for currency, minor in credits if minor < 0),
        differing=[case for case in cases if case.kind in (K.PAYOUT_SHORT, K.PAYOUT_OVER)],
        short=Counter((case.paid_by, money_of(case)) for case in short),
        lacking={(case.currency, -case.amount_minor): case.name for case in short},
        sums=sums,
        summed=summed,
        named=frozenset(name for case in cases if case.kind is K.MISSING_IN_GATEWAY for name in case.payouts),
    )


def money_of(case: Case) -> Money:
    return case.currency, case.amount_minor


def may_be(credit: Case, payout: Case) -> bool:
    return credit.business_date >= payout.business_date


def _by_money(cases: Iterable[Case], kinds: Iterable[DiscrepancyKind]) -> dict[Money, list[Case]]:
    found: dict[Money, list[Case]] = defaultdict(list)
    for case in cases:
        if case.kind in kinds:
            found[money_of(case)].append(case)
    return dict(found)


def _sums(payouts: Sequence[Case], credits: Mapping[Money, Sequence[Case]]) -> tuple[frozenset[str], frozenset[str]]:
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
