"""Money is whole minor units of one currency: nothing is lost, nothing is mixed."""

from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import CurrencyMismatch, Invalid
from gateway.domain.money import EXPONENT, MAX_MINOR, Money, exponent_of, from_major, total

# ISO 4217 gives these a minor unit that the CLDR leaves out, because people no longer use it.
OUT_OF_USE = {"ALL": 2, "LAK": 2, "RSD": 2, "IQD": 3}

CURRENCIES = st.sampled_from(sorted(EXPONENT))
AMOUNTS = st.integers(-MAX_MINOR, MAX_MINOR)
SMALL = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize("currency", sorted(EXPONENT))
def test_an_exponent_is_what_the_cldr_says(currency: str) -> None:
    if currency in OUT_OF_USE:
        assert (exponent_of(currency), get_currency_precision(currency)) == (OUT_OF_USE[currency], 0)
    else:
        assert exponent_of(currency) == get_currency_precision(currency)


@pytest.mark.parametrize(
    ("money", "major"),
    [
        (Money(200_000, "VND"), "200000"),
        (Money(1_050, "USD"), "10.50"),
        (Money(1_050, "KWD"), "1.050"),
        (Money(-5, "EUR"), "-0.05"),
        (Money(0, "JPY"), "0"),
    ],
)
def test_the_major_unit_follows_the_currency(money: Money, major: str) -> None:
    assert money.major() == Decimal(major)
    assert str(money) == f"{major} {money.currency}"


@given(AMOUNTS, CURRENCIES)
def test_an_amount_survives_the_way_to_major_units_and_back(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert from_major(money.major(), currency) == money
    assert from_major(str(money.major()), currency) == money


@given(CURRENCIES, st.integers(0, 10**9), st.integers(1, 60))
def test_one_decimal_too_many_is_refused_however_far_out_it_stands(currency: str, whole: int, further: int) -> None:
    decimals = "0" * (exponent_of(currency) + further - 1) + "1"
    with pytest.raises(Invalid):
        from_major(f"{whole}.{decimals}", currency)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1e99999",
        "1e999999999",
        "1e-999999",
        "1,5",
        "9" * 5_000,
        "0x1",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        from_major(text, "USD")


@pytest.mark.parametrize("wrong", [1.0, True, "1", None, Decimal(1)])
def test_only_a_whole_number_is_an_amount(wrong: object) -> None:
    with pytest.raises(Invalid):
        Money(wrong, "VND")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["", "vnd", "XXX", "DONG", "USD "])
def test_only_a_known_currency_is_one(code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Money(1, code)
    assert "currency" in refused.value.fields


@pytest.mark.parametrize("amount", [MAX_MINOR + 1, -MAX_MINOR - 1, 10**100])
def test_an_amount_fits_the_database(amount: int) -> None:
    with pytest.raises(Invalid):
        Money(amount, "VND")


def test_a_sum_that_does_not_fit_the_database_is_refused() -> None:
    with pytest.raises(Invalid):
        Money(MAX_MINOR, "VND") + Money(1, "VND")


@given(SMALL, SMALL, SMALL, CURRENCIES)
def test_sums_are_those_of_the_integers(one: int, two: int, three: int, currency: str) -> None:
    amounts = [Money(amount, currency) for amount in (one, two, three)]
    assert total(amounts, currency).amount_minor == one + two + three
    assert (amounts[0] - amounts[1]) + amounts[1] == amounts[0]
    assert -amounts[0] + amounts[0] == Money(0, currency)
    assert (amounts[0] < amounts[1], amounts[0] <= amounts[1]) == (one < two, one <= two)


@given(SMALL, CURRENCIES, CURRENCIES)
def test_currencies_never_mix(amount: int, one: str, other: str) -> None:
    if one == other:
        assert Money(amount, one) == Money(amount, other)
        return
    for mix in (
        lambda: Money(amount, one) + Money(amount, other),
        lambda: Money(amount, one) - Money(amount, other),
        lambda: Money(amount, one) < Money(amount, other),
        lambda: Money(amount, one) <= Money(amount, other),
        lambda: total([Money(amount, one)], other),
    ):
        with pytest.raises(CurrencyMismatch):
            mix()


def test_nothing_summed_is_zero_of_the_currency() -> None:
    assert total([], "VND") == Money(0, "VND")
