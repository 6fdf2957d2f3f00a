"""The rules beside the truth: what they matched that is not the same, what they missed, and what they called it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from benchmarks.bank_days.model import NATURAL, BankMonth, about_booking
from benchmarks.bank_days.play import BankNight, Matched, play
from reconciliation.bank.matching import BANK_CHARGE
from reconciliation.bank.reversals import TAKEN_BACK

NOT_FOUND = "nothing"
NOT_PLANTED = "nothing planted"


@dataclass(slots=True)
class Result:
    """`confusion` is by (planted, expected kind, found). `missed`: payouts that came, and no match that night."""

    matches: Counter[str] = field(default_factory=Counter)
    false_matches: list[str] = field(default_factory=list)
    due: int = 0
    missed: list[str] = field(default_factory=list)
    confusion: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, other: "Result") -> None:
        self.matches += other.matches
        self.false_matches += other.false_matches
        self.due += other.due
        self.missed += other.missed
        self.confusion += other.confusion

    @property
    def recall(self) -> Fraction:
        """Of the payouts that came as they are worth, by a name or an amount of their own, so many were matched at
        once."""
        return Fraction(self.due - len(self.missed), self.due) if self.due else Fraction(1)

    @property
    def wrong(self) -> dict[tuple[str, str, str], int]:
        """What was planted and called by another kind, or named though nothing was planted."""
        return {key: count for key, count in self.confusion.items() if key[1] != key[2]}

    @property
    def is_good(self) -> bool:
        return not self.false_matches and not self.missed and not self.wrong


def evaluate(month: BankMonth, nights: Iterable[BankNight] | None = None) -> Result:
    """The month's truth beside its `nights`, which are played unless they are given."""
    result = Result()
    matched_on: dict[str, set[date]] = {}
    for night in play(month) if nights is None else nights:
        for match in night.matched:
            result.matches[match.rule] += 1
            if not _is_true(month, match):
                result.false_matches.append(f"seed {month.seed}, {night.account.source} {night.day}: {match}")
            for payout in match.payouts:
                matched_on.setdefault(payout, set()).add(night.day)
        _judge(month, night, result)
    result.due = len(month.matched_on)
    for payout, on in month.matched_on.items():
        if on not in matched_on.get(payout, ()):
            result.missed.append(f"seed {month.seed}, {payout} on {on}")
    return result


def _is_true(month: BankMonth, match: Matched) -> bool:
    """All lines pay just these payouts; a charge pays none, and a debit undoes the credit that it is matched with."""
    bookings = [month.booking(number) for number in match.bookings]
    if match.rule == BANK_CHARGE:
        return all(booking.is_charge for booking in bookings)
    if match.rule == TAKEN_BACK:
        return {booking.undoes for booking in bookings} == {None, *_credits(month, match)}
    paid = frozenset[str]().union(*(booking.pays for booking in bookings))
    return bool(match.payouts) and paid == set(match.payouts)


def _credits(month: BankMonth, match: Matched) -> list[int]:
    return [number for number in match.bookings if month.booking(number).amount.amount_minor > 0]


def _judge(month: BankMonth, night: BankNight, result: Result) -> None:
    """What is expected of the night, and what is named though nothing is wrong with it."""
    kinds = {about: found.kind for found in night.found for about in found.abouts}
    here = {payout.id for payout in month.payouts if payout.account == night.account.number}
    here |= {about_booking(each.number) for each in month.bookings if each.account == night.account.number}
    for each in month.expected:
        if each.on == night.day and each.about in here:
            result.confusion[each.fault.cause, each.kind, kinds.get(each.about, NOT_FOUND)] += 1
    for found in night.found:
        fault = night.truth.get(found.discrepancy.key)
        if fault is None or (fault.cause in NATURAL and found.kind != "timing"):
            result.confusion[NOT_PLANTED, NOT_FOUND, found.kind] += 1
