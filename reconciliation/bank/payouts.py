"""Which credit in the bank's statement is which payout of a provider.

The rules in their order, each over what the ones before left; a payout and a credit are in one match at most:

    payout_reference  the credit names the payout, and is its net
    payouts_in_one    the credit names several payouts and is what they add up to
    payout_in_parts   several credits name one payout and add up to it
    payout_amount     the credit names the provider and nothing else, and is the net of one that may have come by then;
                      neither of them has another choice

Whatever has two ways of matching is left to a person. The order in which the sides are given changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from gateway.domain.money import Money

RULES_VERSION = "payouts-3"


@dataclass(frozen=True, slots=True)
class Payout:
    """`net` is what the bank should see: gross less fees, refunds and chargebacks. It may come from the day
    `settled_on` to the day `due_on`; `names` are those by which the bank's text may call it."""

    id: str
    provider: str
    net: Money
    settled_on: date
    due_on: date
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class BankCredit:
    """`names` are the payouts and providers that are found in the bank's text."""

    id: str
    amount: Money
    booked_on: date
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class PayoutMatch:
    rule: str
    payouts: tuple[Payout, ...]
    credits: tuple[BankCredit, ...]

    @property
    def over_minor(self) -> int:
        """What came beyond what should have: 0 in a match, less than 0 if the bank got too little."""
        expected = sum(payout.net.amount_minor for payout in self.payouts)
        return sum(credit.amount.amount_minor for credit in self.credits) - expected


@dataclass(frozen=True, slots=True)
class Outcome:
    """`differing` are payouts that are named, and not by what they are worth: short or over. What is `awaited` may
    still come; what is `missing` should have. `unknown` credits are no payout that is known."""

    matches: tuple[PayoutMatch, ...]
    differing: tuple[PayoutMatch, ...]
    awaited: tuple[Payout, ...]
    missing: tuple[Payout, ...]
    unknown: tuple[BankCredit, ...]


def match_payouts(payouts: Iterable[Payout], credits: Iterable[BankCredit], on: date) -> Outcome:
    """What the bank's statements up to the end of the day `on` say of `payouts`, whose names are their own."""
    open_payouts = {payout.id: payout for payout in sorted(payouts, key=lambda each: each.id)}
    open_credits = {credit.id: credit for credit in sorted(credits, key=lambda each: each.id)}
    matches: list[PayoutMatch] = []
    differing: list[PayoutMatch] = []
    for group in list(_named(open_payouts, open_credits)):
        (matches if group.over_minor == 0 else differing).append(group)
        _take(group, open_payouts, open_credits)
    for group in list(_by_amount(open_payouts, open_credits)):
        matches.append(group)
        _take(group, open_payouts, open_credits)
    left = tuple(open_payouts.values())
    return Outcome(
        matches=tuple(matches),
        differing=tuple(differing),
        awaited=tuple(payout for payout in left if on <= payout.due_on),
        missing=tuple(payout for payout in left if on > payout.due_on),
        unknown=tuple(open_credits.values()),
    )


def _named(payouts: dict[str, Payout], credits: dict[str, BankCredit]) -> Iterator[PayoutMatch]:
    """One payout or one credit with all that names it. Several of each, or several currencies, are no match."""
    of_credit = {
        credit.id: tuple(payout for payout in payouts.values() if _names(credit, payout)) for credit in credits.values()
    }
    of_payout: dict[str, list[BankCredit]] = defaultdict(list)
    for credit in credits.values():
        for payout in of_credit[credit.id]:
            of_payout[payout.id].append(credit)
    for credit in credits.values():
        named = of_credit[credit.id]
        if named and all(of_payout[payout.id] == [credit] for payout in named):
            yield PayoutMatch("payouts_in_one" if len(named) > 1 else "payout_reference", named, (credit,))
    for payout in payouts.values():
        naming = tuple(of_payout[payout.id])
        if len(naming) > 1 and all(of_credit[credit.id] == (payout,) for credit in naming):
            yield PayoutMatch("payout_in_parts", (payout,), naming)


def _names(credit: BankCredit, payout: Payout) -> bool:
    return bool(credit.names & payout.names) and credit.amount.currency == payout.net.currency


def _by_amount(payouts: dict[str, Payout], credits: dict[str, BankCredit]) -> Iterator[PayoutMatch]:
    fitting = [
        (payout, credit)
        for payout in payouts.values()
        for credit in credits.values()
        if credit.names == {payout.provider}
        and credit.amount == payout.net
        and payout.settled_on <= credit.booked_on <= payout.due_on
    ]
    for payout, credit in fitting:
        if all((payout is other) == (credit is choice) for other, choice in fitting):
            yield PayoutMatch("payout_amount", (payout,), (credit,))


def _take(group: PayoutMatch, payouts: dict[str, Payout], credits: dict[str, BankCredit]) -> None:
    for payout in group.payouts:
        del payouts[payout.id]
    for credit in group.credits:
        del credits[credit.id]
