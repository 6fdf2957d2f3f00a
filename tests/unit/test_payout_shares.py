"""What came of a payout, shared out among agencies: nothing is lost, and nothing depends on the order."""

from hypothesis import given
from hypothesis import strategies as st

from reconciliation.bank.payout_shares import in_turn, left_to_come, shared_out

SHARES = st.dictionaries(st.sampled_from("ABCD"), st.integers(-(10**12), 10**12), min_size=1).filter(
    lambda shares: any(shares.values())
)
AMOUNT = st.integers(-(10**12), 10**12)


def test_each_has_its_own_of_a_payout_that_came_whole() -> None:
    assert shared_out({"A": 300, "B": 200}, 500) == {"A": 300, "B": 200}


def test_what_is_missing_is_missing_of_each() -> None:
    assert shared_out({"A": 300, "B": 200}, 450) == {"A": 270, "B": 180}
    assert shared_out({"A": 1, "B": 1, "C": 1}, 4) == {"A": 2, "B": 1, "C": 1}


def test_refunds_of_one_agency_are_not_paid_by_another() -> None:
    assert shared_out({"A": 300, "B": -200}, 100) == {"A": 300, "B": -200}


@given(SHARES, AMOUNT)
def test_all_that_came_is_shared_out(shares: dict[str, int], came: int) -> None:
    assert sum(shared_out(shares, came).values()) == came


@given(SHARES)
def test_a_whole_payout_is_its_shares(shares: dict[str, int]) -> None:
    assert shared_out(shares, sum(shares.values())) == shares


@given(SHARES, AMOUNT)
def test_the_order_of_the_shares_changes_nothing(shares: dict[str, int], came: int) -> None:
    assert shared_out(dict(reversed(shares.items())), came) == shared_out(shares, came)


@given(SHARES, AMOUNT)
def test_nobody_bears_more_of_a_difference_than_its_size_asks(shares: dict[str, int], came: int) -> None:
    over, whole = came - sum(shares.values()), sum(map(abs, shares.values()))
    for key, part in shared_out(shares, came).items():
        assert abs((part - shares[key]) * whole - over * abs(shares[key])) < whole


@given(SHARES, st.lists(AMOUNT, max_size=5))
def test_parts_come_to_what_they_are_together(shares: dict[str, int], amounts: list[int]) -> None:
    parts = list(in_turn(shares, amounts))
    assert [sum(part.values()) for part in parts] == amounts
    whole = shared_out(shares, sum(amounts)) if sum(amounts) else dict.fromkeys(shares, 0)
    assert {key: sum(part[key] for part in parts) for key in shares} == (whole if amounts else dict.fromkeys(shares, 0))


@given(SHARES, st.lists(AMOUNT, min_size=1, max_size=5))
def test_what_comes_later_changes_nothing_about_what_came(shares: dict[str, int], amounts: list[int]) -> None:
    assert list(in_turn(shares, amounts))[:-1] == list(in_turn(shares, amounts[:-1]))


@given(SHARES, AMOUNT.filter(bool), st.lists(AMOUNT, max_size=4))
def test_what_came_and_what_is_left_is_what_should_have_come(
    shares: dict[str, int], expected: int, amounts: list[int]
) -> None:
    left = left_to_come(shares, expected, sum(amounts))
    assert sum(left.values()) == expected - sum(amounts)
    brought = list(in_turn(shares, amounts))
    for name, minor in shared_out(shares, expected).items():
        assert sum(part[name] for part in brought) + left[name] == minor
