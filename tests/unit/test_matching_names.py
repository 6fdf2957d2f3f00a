"""What a garbled name may have been."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.reference import RANDOM_BELOW, fik71, new_base, rf
from reconciliation.matching.names import Guess, found, guessed, guesses, is_another_writing

ID = UUID("019ab3c4-d5e6-7f01-8a2b-3c4d5e6f7a8b")
bases = st.builds(new_base, st.integers(2020, 2040), st.integers(0, RANDOM_BELOW - 1))


@given(bases, st.integers(2, 17), st.integers(1, 9))
def test_a_reference_with_one_wrong_digit_leads_to_the_right_one_among_few(base: str, at: int, more: int) -> None:
    reference = rf(base)
    wrong = reference[:at] + str((int(reference[at]) + more) % 10) + reference[at + 1 :]
    (guess,) = guesses(f"le phi {wrong.lower()} NGUYEN")
    assert guess.how == "slip"
    assert reference in guess.references
    assert len(guess.references) < 12


@given(bases, st.integers(2, 16))
def test_a_reference_with_two_neighbours_swapped_leads_to_the_right_one(base: str, at: int) -> None:
    reference = rf(base)
    swapped = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
    (guess,) = guesses(swapped)
    assert guess.how == ("whole" if swapped == reference else "slip")
    assert reference in guess.references


@given(bases)
def test_a_whole_reference_is_itself_in_every_writing_with_check_digits(base: str) -> None:
    for text in (rf(base), f"tt {rf(base).lower()}", fik71(base)):
        assert [(guess.how, guess.references) for guess in guesses(text)] == [("whole", (rf(base),))]


@pytest.mark.parametrize("cut", [20, 26, 31])
def test_a_piece_of_a_payment_id_is_the_range_of_ids_that_begin_with_it(cut: int) -> None:
    digits = ID.hex
    (guess,) = guesses(digits[:cut].upper())
    assert guess.how == "cut"
    assert guess.first is not None
    assert guess.last is not None
    assert guess.first <= ID <= guess.last
    assert guess.first.hex[:cut] == guess.last.hex[:cut] == digits[:cut]


@pytest.mark.parametrize(
    "text",
    ["", "pi_3MtwBwLkdIwHu7ix28a3tqPa", ID.hex[:19], str(ID), "1234512600123456789", "RF" * 100, "9704 0229 1234"],
    ids=["nothing", "a provider's", "too short a piece", "a whole id", "a Korean number", "too long", "a card's"],
)
def test_other_text_names_nothing(text: str) -> None:
    assert list(guesses(text)) == []


def test_only_names_that_exist_are_told() -> None:
    class Known:
        name, id, amount_minor, currency = "RF18539007547034", ID, 7, "VND"

    some = guessed([(1, "RF18539007547034"), (2, "unlike")])
    assert some == [(1, Guess("RF18539007547034", "whole", ("RF18539007547034",)))]
    assert [(named.line, named.payment, named.name) for named in found(some, [Known()])] == [(1, ID, Known.name)]
    assert found(some, []) == []


@pytest.mark.parametrize(
    ("read", "alike"),
    [
        ("TX_1001", True),
        ("00 tx-1001", True),
        ("tx_1002", True),
        ("tx_1010", True),
        ("tx_101", True),
        ("tx_10012", True),
        ("tx_1122", False),
        ("tx_10", False),
    ],
)
def test_what_is_one_slip_away_may_be_the_same(read: str, alike: bool) -> None:
    assert is_another_writing(read, "tx_1001") is is_another_writing("tx_1001", read) is alike
