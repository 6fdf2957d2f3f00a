"""Amounts as people type them; what could be read in two ways is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.domain.typed_amount import typed_amount


@pytest.mark.parametrize(
    ("text", "currency", "language", "minor"),
    [
        ("250000", "VND", "vi", 250_000),
        ("250.000", "VND", "vi", 250_000),
        ("250,000", "VND", "vi", 250_000),
        (" 1 250 000 ", "VND", "vi", 1_250_000),
        ("250,000", "VND", "en", 250_000),
        ("80,50", "EUR", "vi", 8_050),
        ("80.5", "EUR", "en", 8_050),
        ("1,080.50", "EUR", "en", 108_050),
        ("0", "VND", "vi", 0),
    ],
)
def test_an_amount_is_read_in_the_habit_of_the_language(text: str, currency: str, language: str, minor: int) -> None:
    assert typed_amount(text, currency, language).amount_minor == minor


@pytest.mark.parametrize(
    ("text", "currency", "language"),
    [
        ("", "VND", "vi"),
        ("25.00", "VND", "vi"),
        ("1.50", "EUR", "vi"),
        ("1.2345", "EUR", "en"),
        ("-5", "VND", "vi"),
        ("5e3", "VND", "vi"),
        ("250.000,5", "VND", "vi"),
        ("٢٥٠", "VND", "vi"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str, language: str) -> None:
    with pytest.raises(Invalid):
        typed_amount(text, currency, language)


@given(st.integers(0, 10**14), st.sampled_from(["vi", "en"]))
def test_what_is_grouped_is_read_back(minor: int, language: str) -> None:
    mark = "." if language == "vi" else ","
    assert typed_amount(f"{minor:,}".replace(",", mark), "VND", language).amount_minor == minor
