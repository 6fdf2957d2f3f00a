"""The movements of a statement: by which name each is known again, and what its words name."""

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.statements import read_statement
from reconciliation.bank.payout_names import KnownNames, names_in
from reconciliation.statements.bookings import Booking, bookings
from reconciliation.statements.names import references_in
from tests.integration.statement_files import Movement, mt940

ACCOUNT = "9990000000000000011"


def references(content: bytes) -> list[str]:
    return [row.reference for row in bookings(read_statement(io.BytesIO(content))) if isinstance(row, Booking)]


def test_the_banks_reference_is_the_name() -> None:
    assert references(mt940(ACCOUNT, [Movement(5, "", "FT1"), Movement(-2, "", "FT2")])) == ["FT1", "FT2"]


@given(st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=8), st.integers(0, 7))
def test_without_one_the_same_movement_has_the_same_name_in_whatever_statement(minors: list[int], cut: int) -> None:
    """The day is told once whole, and once in two statements."""
    whole = references(mt940(ACCOUNT, [Movement(minor) for minor in minors], opening=1_000))
    first, rest = minors[:cut], minors[cut:]
    parts = references(mt940(ACCOUNT, [Movement(minor) for minor in first], opening=1_000))
    parts += references(mt940(ACCOUNT, [Movement(minor) for minor in rest], opening=1_000 + sum(first), number=2))
    assert parts == whole
    assert len(set(whole)) == len(set(zip(minors, balances(minors), strict=True)))


def balances(minors: list[int]) -> list[int]:
    return [sum(minors[: at + 1]) for at in range(len(minors))]


def test_a_credit_that_nothing_tells_apart_is_refused() -> None:
    head = Statement("S1", ACCOUNT, date(2026, 3, 2), None, None)
    (entry,) = [
        row for row in read_statement(io.BytesIO(mt940(ACCOUNT, [Movement(5)]))) if isinstance(row, StatementEntry)
    ]
    with pytest.raises(UnreadableStatement, match="no reference"):
        list(bookings(iter([head, entry])))
    debit = entry._replace(credit=False)
    assert len(list(bookings(iter([head, debit])))) == 2


def test_what_is_not_booked_does_not_count() -> None:
    balance = Money(0, "VND")
    head = Statement("S1", ACCOUNT, date(2026, 3, 2), balance, balance)
    (entry,) = [
        row for row in read_statement(io.BytesIO(mt940(ACCOUNT, [Movement(5)]))) if isinstance(row, StatementEntry)
    ]
    assert list(bookings(iter([head, entry._replace(status="PDNG")]))) == [head]


WORDS = st.text(st.sampled_from("AB12-/ po"), max_size=20)


@given(st.lists(WORDS, max_size=5), WORDS)
def test_many_names_are_found_as_each_alone_is(names: list[str], text: str) -> None:
    assert KnownNames(names).found_in(text) == names_in(text, names)


@given(st.lists(st.sampled_from(["po_1AB", "PO-12", "B 2026", "AAAA"]), min_size=1, max_size=3), WORDS)
def test_a_name_that_stands_in_the_words_is_found(names: list[str], around: str) -> None:
    assert KnownNames(names).found_in(f"{around} / {names[0]} / {around}") >= {names[0]}


def test_an_invoice_is_named_by_its_words_or_by_a_reference_apart() -> None:
    (entry,) = [
        row
        for row in read_statement(io.BytesIO(mt940(ACCOUNT, [Movement(5, "NOP RF18539007547034 XYZ")])))
        if isinstance(row, StatementEntry)
    ]
    assert references_in(entry) == {"RF18539007547034"}
    assert references_in(entry._replace(remittance="", reference="RF18539007547034")) == {"RF18539007547034"}
    assert references_in(entry._replace(remittance="RF19539007547034")) == frozenset()
