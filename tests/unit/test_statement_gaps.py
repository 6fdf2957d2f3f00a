"""Balances that do not follow each other show that a statement is not here."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.assistant.statement_gaps import Balances, Gap, gaps_between

DAY = date(2026, 3, 2)


def told(after: int, opening: int | None, closing: int | None, currency: str = "VND") -> Balances:
    return Balances(currency, DAY + timedelta(days=after), opening, closing)


def gap(after: int, before: int) -> Gap:
    return Gap("VND", DAY + timedelta(days=after), DAY + timedelta(days=before))


@pytest.mark.parametrize(
    ("statements", "gaps"),
    [
        ([told(0, 0, 5), told(1, 5, 7), told(4, 7, 7)], []),
        ([told(0, 0, 5), told(2, 6, 9)], [gap(0, 2)]),
        ([told(0, 0, 5), told(1, 6, 9), told(2, 9, 9), told(3, 8, 8)], [gap(0, 1), gap(2, 3)]),
        ([told(0, 5, 7), told(0, 0, 5), told(1, 7, 9), told(1, 9, 10)], []),
        ([told(0, 0, 5), told(1, 3, 3, "EUR"), told(2, 5, 5)], []),
        ([told(0, 0, 5), told(1, None, None), told(2, 6, 9), told(3, 9, 9)], []),
        ([], []),
    ],
    ids=["none", "one", "two", "several a day", "another currency", "a statement without balances", "no statement"],
)
def test_a_statement_begins_with_what_an_earlier_one_ended_with(statements: list[Balances], gaps: list[Gap]) -> None:
    assert gaps_between(statements) == gaps
    assert gaps_between(statements[::-1]) == gaps


@given(st.lists(st.integers(1, 1_000), min_size=3, max_size=8), st.data())
def test_what_is_left_out_is_found_between_its_neighbours(moved: list[int], data: st.DataObject) -> None:
    balances = [sum(moved[:n]) for n in range(len(moved) + 1)]
    whole = [told(n, balances[n], balances[n + 1]) for n in range(len(moved))]
    left_out = data.draw(st.integers(1, len(moved) - 2))
    assert gaps_between(whole) == []
    assert gaps_between(whole[:left_out] + whole[left_out + 1 :]) == [gap(left_out - 1, left_out + 1)]
