"""Rates are solved to the last unit, and slips of the hand are told from other references and amounts."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.ports.capabilities import FeeContract
from reconciliation.assistant.fee_pattern import AT_LEAST, Kept, find_rates
from reconciliation.assistant.slips import is_amount_slip, is_slip_of

NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
AGREED = FeeContract(110, 30)
GROSSES = st.lists(st.integers(10_000, 50_000_000), min_size=AT_LEAST, max_size=40, unique=True)


def kept(grosses: list[int], rate: FeeContract) -> list[Kept]:
    return [Kept(f"k{n}", gross, rate.fee_minor(gross), NOON) for n, gross in enumerate(grosses)]


@given(GROSSES, st.integers(0, 1_000))
def test_a_new_share_is_found_and_gives_every_fee(grosses: list[int], points: int) -> None:
    new = FeeContract(points, AGREED.fixed_minor)
    fees = kept(grosses, new)
    telling = [fee for fee in fees if abs(AGREED.fee_minor(fee.gross_minor) - fee.fee_minor) > 1]
    assume(len(telling) == len(fees))
    (found,) = find_rates(fees, AGREED)
    assert found.of == {fee.key for fee in fees}
    assert all(found.rate.fee_minor(fee.gross_minor) == fee.fee_minor for fee in fees)


@given(GROSSES, st.integers(2, 100_000))
def test_a_new_fixed_part_is_found(grosses: list[int], more: int) -> None:
    new = FeeContract(AGREED.basis_points, AGREED.fixed_minor + more)
    (found,) = find_rates(kept(grosses, new), AGREED)
    assert found.rate == new


@given(GROSSES, st.data())
def test_what_a_rate_is_said_to_give_it_gives(grosses: list[int], data: st.DataObject) -> None:
    fees = [Kept(f"k{n}", gross, data.draw(st.integers(0, gross // 5)), NOON) for n, gross in enumerate(grosses)]
    by_key = {fee.key: fee for fee in fees}
    claimed = [key for found in find_rates(fees, AGREED) for key in sorted(found.of)]
    assert len(claimed) == len(set(claimed))
    for found in find_rates(fees, AGREED):
        assert len(found.of) >= AT_LEAST
        assert all(found.rate.fee_minor(by_key[key].gross_minor) == by_key[key].fee_minor for key in found.of)


def test_two_rates_at_once_are_told_apart() -> None:
    first, second = FeeContract(150, 30), FeeContract(110, 900)
    fees = [Kept(f"a{n}", 90_000 + 31 * n, first.fee_minor(90_000 + 31 * n), NOON) for n in range(6)]
    fees += [Kept(f"b{n}", 40_000 + 57 * n, second.fee_minor(40_000 + 57 * n), NOON) for n in range(4)]
    assert [found.of for found in find_rates(fees, AGREED)] == [
        frozenset(f"a{n}" for n in range(6)),
        frozenset(f"b{n}" for n in range(4)),
    ]


def test_two_fees_are_no_rate_and_equal_amounts_tell_none_that_keeps_nothing_of_the_contract() -> None:
    assert find_rates(kept([50_000, 60_000], FeeContract(200, 30)), AGREED) == []
    assert find_rates([Kept(f"k{n}", 50_000, 777, NOON) for n in range(5)], None) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tx_48151623", "TX-48151623"),
        ("tx_48151623", "tx_48151632"),
        ("tx_48151623", "tx_48151624"),
        ("tx_48151623", "tx_4815162"),
        ("tx_48151623", "tx_481516233"),
        ("tx_48151623", "000tx_48151623"),
        ("0195f6d6-3c1a-7b11", "0195f6d63c1a"),
    ],
)
def test_a_slip_is_seen_either_way_round(one: str, other: str) -> None:
    assert is_slip_of(one, other)
    assert is_slip_of(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("tx_48151623", "tx_48151623"), ("tx_48151623", "tx_48150000"), ("a1", "a2"), ("tx_48151623", None), ("", "x")],
)
def test_what_is_the_same_or_too_far_or_too_short_is_no_slip(one: str, other: str | None) -> None:
    assert not is_slip_of(one, other)


@given(st.integers(10, 10**12))
def test_a_zero_too_many_is_a_slip_and_the_same_amount_is_none(amount: int) -> None:
    assert is_amount_slip(amount, amount * 10)
    assert is_amount_slip(amount * 10, amount)
    assert not is_amount_slip(amount, amount)


@pytest.mark.parametrize(("one", "other"), [(50_000, 61_234), (50_000, 45_001), (200_000, 99_000)])
def test_amounts_that_differ_in_more_than_a_digit_are_no_slip(one: int, other: int) -> None:
    assert not is_amount_slip(one, other)
