"""References in the text of a transfer: found whatever a bank makes of it, and never guessed."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.domain.reference import BASE_DIGITS, Reading, fik71, parse, rf, viitenumber
from gateway.domain.reference_in_text import find_in_text, near_in_text

BASES = st.from_regex(rf"[0-9]{{{BASE_DIGITS}}}", fullmatch=True)
WORDS = st.text("ABCDEGHIKLMNOPQSTUVXY ĐƠƯ.,-/:;_()\n", max_size=30)
NUMBERS = st.lists(st.from_regex(r"[0-9]{1,12}", fullmatch=True), max_size=3).map(" ".join)
SEPARATED = st.sampled_from(["", " ", "-", ".", "/", "  ", "\n", " \u00a0"])
RENDERINGS = st.sampled_from([rf, viitenumber, fik71])


@st.composite
def hostile(draw: st.DrawFn, written: str) -> str:
    """`written` as it comes out of a bank: broken up, glued to words, in capitals or small, among other numbers."""
    size = draw(st.integers(1, 5))
    broken = draw(SEPARATED).join(written[at : at + size] for at in range(0, len(written), size))
    text = f"{draw(NUMBERS)}{draw(WORDS)} X{broken}X {draw(WORDS)}{draw(NUMBERS)}"
    return text.lower() if draw(st.booleans()) else text


@given(st.data(), BASES, RENDERINGS)
def test_a_reference_is_found_in_whatever_a_bank_makes_of_the_text(
    data: st.DataObject, base: str, rendering: Callable[[str], str]
) -> None:
    assert Reading(rf(base)) in find_in_text(data.draw(hostile(rendering(base))))


@given(BASES, st.from_regex(r"[0-9]{1,30}", fullmatch=True))
def test_digits_glued_to_the_end_of_an_rf_reference_do_not_hide_it(base: str, more: str) -> None:
    assert find_in_text(f"NOP PHI {rf(base)}{more}")[0] == Reading(rf(base))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NOPPHIRF18539007547034CAM ON", ["RF18539007547034"]),
        ("nop phi rf18 5390 0754 7034", ["RF18539007547034"]),
        ("TRF 260000000000002 HO SO 12", [rf("26000000000000")]),
        ("MBVCB.6543210987.2600-0000-0000-002.CT tu 0011", [rf("26000000000000")]),
        (f"+71<{fik71('26000000000000')}+12345678<", [rf("26000000000000")]),
        ("RF17539007547034", []),
        ("RF1853900754703", []),
        ("RF 18 5390 and RF18539007547034", ["RF18539007547034"]),
        ("RF142900082443 / RF18539007547034", ["RF142900082443", "RF18539007547034"]),
        ("ＲＦ１８５３９００７５４７０３４", ["RF18539007547034"]),
        ("RF१८539007547034", []),
        ("NOP 12345-1-26-00-123456789 CAM ON", [rf("26100123456789")]),
        ("", []),
    ],
)
def test_what_is_found_in_a_text(text: str, found: list[str]) -> None:
    assert [reading.reference for reading in find_in_text(text)] == found


@given(st.data(), BASES, BASES, RENDERINGS)
def test_a_damaged_reference_is_never_found_as_one_that_exists(
    data: st.DataObject, base: str, other: str, rendering: Callable[[str], str]
) -> None:
    """One digit wrong, one lost, or two neighbours swapped, wherever an RF reference protects itself."""
    right = rendering(base)
    at = data.draw(st.integers(2, len(right) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    swapped = right[: at - 1] + right[at] + right[at - 1] + right[at + 1 :]
    damaged = data.draw(
        st.sampled_from([right[:at] + digit + right[at + 1 :], right[:at] + right[at + 1 :], right[:at], swapped])
    )
    assume(damaged != right)
    found = [reading.reference for reading in find_in_text(data.draw(hostile(damaged)))]
    assert rf(other) not in found or base == other
    if rendering is rf:
        assert rf(base) not in found


def test_a_korean_number_in_a_text_says_whose_it_is() -> None:
    assert find_in_text("NOP 1234512600123456789") == [Reading(rf("26100123456789"), issuer="12345")]


@given(BASES, st.integers(0, 15), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_a_slip_away(base: str, at: int, digit: str) -> None:
    right = rf(base)[2:]
    assume(digit != right[at])
    assert rf(base) in near_in_text(f"NOP RF {right[:at]}{digit}{right[at + 1 :]} CAM ON")


@given(BASES, st.integers(1, 14), RENDERINGS)
def test_two_swapped_neighbours_are_a_slip_away(base: str, at: int, rendering: Callable[[str], str]) -> None:
    right = rendering(base)
    head, digits = (right[:2], right[2:]) if rendering is rf else ("", right)
    assume(digits[at] != digits[at - 1])
    swapped = digits[: at - 1] + digits[at] + digits[at - 1] + digits[at + 1 :]
    assert rf(base) in near_in_text(f"NOP {head}{swapped} CAM ON")


@given(st.text())
def test_whatever_is_found_in_any_text_is_a_reference(text: str) -> None:
    for found in [*(reading.reference for reading in find_in_text(text)), *near_in_text(text)]:
        assert parse(found) == found
