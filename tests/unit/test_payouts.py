"""Payouts against the bank's credits: each rule, and what holds whatever the bank writes."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from reconciliation.bank.payouts import BankCredit, Outcome, Payout, match_payouts

DAY = date(2026, 11, 22)


def payout(name: str, minor: int, currency: str = "VND", days: int = 3) -> Payout:
    return Payout(name, "wallet", Money(minor, currency), DAY, DAY + timedelta(days=days), frozenset({name}))


def credit(number: int, minor: int, *names: str, after: int = 1, currency: str = "VND") -> BankCredit:
    return BankCredit(f"c{number}", Money(minor, currency), DAY + timedelta(days=after), frozenset(names))


def told(payouts: list[Payout], credits: list[BankCredit], after: int = 1) -> Outcome:
    return match_payouts(payouts, credits, DAY + timedelta(days=after))


def rules(outcome: Outcome) -> list[str]:
    return [match.rule for match in outcome.matches]


def test_a_credit_that_names_its_payout_is_it() -> None:
    assert rules(told([payout("A", 500)], [credit(1, 500, "A")])) == ["payout_reference"]


def test_one_credit_may_bring_several_payouts() -> None:
    assert rules(told([payout("A", 500), payout("B", 300)], [credit(1, 800, "A", "B")])) == ["payouts_in_one"]


def test_a_payout_may_come_in_parts() -> None:
    assert rules(told([payout("A", 500)], [credit(1, 200, "A"), credit(2, 300, "A")])) == ["payout_in_parts"]


def test_a_named_payout_of_another_amount_is_short_or_over() -> None:
    outcome = told([payout("A", 500), payout("B", 300)], [credit(1, 450, "A"), credit(2, 301, "B")])
    assert [group.over_minor for group in outcome.differing] == [-50, 1]
    assert (outcome.matches, outcome.missing, outcome.unknown) == ((), (), ())


def test_without_a_name_the_amount_decides_where_there_is_no_choice() -> None:
    assert rules(told([payout("A", 500)], [credit(1, 500, "wallet")])) == ["payout_amount"]
    for payouts, credits in (
        ([payout("A", 500), payout("B", 500)], [credit(1, 500, "wallet")]),
        ([payout("A", 500)], [credit(1, 500, "wallet"), credit(2, 500, "wallet")]),
        ([payout("A", 500)], [credit(1, 500)]),
        ([payout("A", 500)], [credit(1, 500, "wallet", currency="USD")]),
        ([payout("A", 500)], [credit(1, 500, "wallet", after=4)]),
        ([payout("A", 500)], [credit(1, 500, "wallet", after=-1)]),
    ):
        assert rules(told(payouts, credits)) == []


def test_a_credit_that_names_a_payout_that_came_before_is_no_other_of_the_same_amount() -> None:
    outcome = told([payout("B", 500)], [credit(1, 500, "wallet", "A")])
    assert (rules(outcome), len(outcome.unknown)) == ([], 1)


def test_what_has_not_come_is_awaited_until_it_is_due_and_then_missing() -> None:
    late = payout("A", 500)
    assert (told([late], [], after=3).awaited, told([late], [], after=3).missing) == ((late,), ())
    assert (told([late], [], after=4).awaited, told([late], [], after=4).missing) == ((), (late,))


def test_names_that_cross_are_left_to_a_person() -> None:
    outcome = told([payout("A", 500), payout("B", 300)], [credit(1, 500, "A", "B"), credit(2, 300, "B")])
    assert (outcome.matches, outcome.differing, len(outcome.unknown)) == ((), (), 2)


AMOUNTS = st.integers(1, 4)
PAYOUTS = st.lists(AMOUNTS, max_size=5).map(lambda amounts: [payout(f"P{n}", a) for n, a in enumerate(amounts)])
NAMES = st.frozensets(st.sampled_from(["P0", "P1", "P2", "P3", "P4", "wallet"]), max_size=3)
CREDITS = st.lists(st.tuples(AMOUNTS, NAMES, st.integers(0, 4)), max_size=6).map(
    lambda rows: [credit(n, minor, *sorted(names), after=after) for n, (minor, names, after) in enumerate(rows)]
)


@given(PAYOUTS, CREDITS, st.integers(0, 6))
def test_all_is_accounted_for_once_and_matches_add_up(
    payouts: list[Payout], credits: list[BankCredit], after: int
) -> None:
    outcome = told(payouts, credits, after)
    groups = (*outcome.matches, *outcome.differing)
    placed = [each.id for group in groups for each in group.payouts]
    placed += [each.id for each in (*outcome.awaited, *outcome.missing)]
    assert sorted(placed) == sorted(each.id for each in payouts)
    seen = [each.id for group in groups for each in group.credits] + [each.id for each in outcome.unknown]
    assert sorted(seen) == sorted(each.id for each in credits)
    assert all(group.over_minor == 0 for group in outcome.matches)
    assert all(group.over_minor for group in outcome.differing)


@given(PAYOUTS, CREDITS)
def test_the_order_of_the_sides_changes_nothing(payouts: list[Payout], credits: list[BankCredit]) -> None:
    assert told(payouts[::-1], credits[::-1]) == told(payouts, credits)
