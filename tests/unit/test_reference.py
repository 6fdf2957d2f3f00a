"""References: the published vectors, python-stdnum as a second opinion, and the slips that people make."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum import iso11649, luhn
from stdnum.iso7064 import mod_97_10

from gateway.domain.errors import Invalid
from gateway.domain.reference import (
    BASE_DIGITS,
    RANDOM_BELOW,
    MistypedReference,
    fik71,
    find_in_text,
    grouped,
    near_in_text,
    new_base,
    parse,
    rf,
    viitenumber,
)

BASES = st.from_regex(rf"[0-9]{{{BASE_DIGITS}}}", fullmatch=True)


def weighed_731(digits: str) -> int:
    """The Estonian check digit as the banks' leaflet puts it: what is missing to the next full ten."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        total += int(digit) * (7, 3, 1)[at % 3]
    return (10 - total % 10) % 10


@pytest.mark.parametrize("reference", ["RF18539007547034", "RF185390075470Y", "RF142900082443"])
def test_published_rf_references_are_read(reference: str) -> None:
    assert parse(reference) == reference


def test_a_published_wrong_rf_reference_is_told_to_be_mistyped() -> None:
    with pytest.raises(MistypedReference) as told:
        parse("RF17539007547034")
    assert "RF17 5390 0754 7034" in told.value.detail
    assert told.value.fields == {"reference": "the check digits do not match"}


@pytest.mark.parametrize(
    ("base", "reference"), [("539007547034", "RF18539007547034"), ("2900082443", "RF142900082443")]
)
def test_check_digits_are_the_published_ones(base: str, reference: str) -> None:
    assert rf(base) == reference


@pytest.mark.parametrize("number", ["121312952", "2900082443"])
def test_published_viitenumbers_are_made(number: str) -> None:
    assert viitenumber(number[:-1]) == number


def test_a_published_wrong_viitenumber_is_not_made() -> None:
    assert viitenumber("12131295") != "121312953"


@pytest.mark.parametrize("number", ["026840149965328", "000000000000018"])
def test_published_fik_numbers_are_made(number: str) -> None:
    assert fik71(number[:-1]) == number


def test_a_published_wrong_fik_number_is_told_to_be_mistyped() -> None:
    assert fik71("02684014996532") != "026840149965329"
    with pytest.raises(MistypedReference):
        parse("026840149965329")


@pytest.mark.parametrize("base", ["", "14760807521234567890", "12a", "²", "१२", "-1", " 1"])
def test_what_cannot_be_a_viitenumber_is_refused(base: str) -> None:
    with pytest.raises(Invalid):
        viitenumber(base)


@pytest.mark.parametrize("base", ["", "123456789012345", "12a", "²", "१२", "-1", " 1"])
def test_what_cannot_be_a_fik_number_is_refused(base: str) -> None:
    with pytest.raises(Invalid):
        fik71(base)


@given(BASES)
def test_stdnum_agrees_with_every_rendering(base: str) -> None:
    assert iso11649.is_valid(rf(base))
    assert rf(base)[2:4] == mod_97_10.calc_check_digits(base + "RF")
    assert luhn.is_valid(fik71(base))
    assert viitenumber(base) == f"{base}{weighed_731(base)}"


@given(BASES)
@example("0" * BASE_DIGITS)
def test_every_rendering_is_read_as_the_same_reference(base: str) -> None:
    assert parse(rf(base)) == parse(viitenumber(base)) == parse(fik71(base)) == rf(base)


@given(BASES, st.sampled_from([" ", "  ", "-", ".", "\t"]))
def test_grouping_spaces_and_small_letters_are_forgiven(base: str, separator: str) -> None:
    assert parse(grouped(rf(base))) == rf(base)
    assert parse(separator.join(rf(base)).lower()) == rf(base)


@given(BASES, st.integers(2, 17), st.sampled_from("0123456789"))
def test_a_single_wrong_digit_of_an_rf_reference_is_caught(base: str, at: int, digit: str) -> None:
    right = rf(base)
    assume(digit != right[at])
    with pytest.raises(MistypedReference):
        parse(right[:at] + digit + right[at + 1 :])


@given(BASES, st.sampled_from([viitenumber, fik71]), st.integers(0, 14), st.sampled_from("0123456789"))
def test_a_single_wrong_digit_does_not_fit_the_check_digit_of_its_rendering(
    base: str, rendering: Callable[[str], str], at: int, digit: str
) -> None:
    right = rendering(base)
    assume(digit != right[at])
    wrong = right[:at] + digit + right[at + 1 :]
    assert rendering(wrong[:-1]) != wrong


@given(BASES)
def test_swapped_neighbours_are_caught_by_rf(base: str) -> None:
    right = rf(base)
    for at, (one, two) in enumerate(pairwise(right[4:]), start=4):
        if one != two:
            with pytest.raises(MistypedReference):
                parse(right[:at] + two + one + right[at + 2 :])


@given(st.integers(2000, 2199), st.integers(0, RANDOM_BELOW - 1))
def test_a_base_is_the_year_and_twelve_digits(year: int, random_below: int) -> None:
    base = new_base(year, random_below)
    assert re.fullmatch(r"[0-9]{14}", base)
    assert (int(base[:2]), int(base[2:])) == (year % 100, random_below)


@given(BASES)
def test_the_plain_text_for_a_transfer_fits_in_25_characters(base: str) -> None:
    assert len(grouped(rf(base))) <= 25


@given(
    st.text() | st.from_regex(r"RF[0-9]{2}[0-9A-Z]{1,21}", fullmatch=True) | st.from_regex(r"\d{15}", fullmatch=True)
)
@example("RF१८539007547034")
@example("²" * 15)
@example("ß" * 15)
def test_any_text_is_a_canonical_reference_or_refused(text: str) -> None:
    try:
        reference = parse(text)
    except Invalid:
        return
    assert re.fullmatch(r"RF[0-9]{2}[0-9A-Z]{1,21}", reference)
    assert iso11649.is_valid(reference)


# What a bank makes of the words around a reference: no letters that would begin another one, no digits at its side.
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
    assert rf(base) in find_in_text(data.draw(hostile(rendering(base))))


@given(BASES, st.from_regex(r"[0-9]{1,30}", fullmatch=True))
def test_digits_glued_to_the_end_of_an_rf_reference_do_not_hide_it(base: str, more: str) -> None:
    assert find_in_text(f"NOP PHI {rf(base)}{more}")[0] == rf(base)


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
        ("", []),
    ],
)
def test_what_is_found_in_a_text(text: str, found: list[str]) -> None:
    assert find_in_text(text) == found


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
    found = find_in_text(data.draw(hostile(damaged)))
    assert rf(other) not in found or base == other
    if rendering is rf:
        assert rf(base) not in found


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
    for found in [*find_in_text(text), *near_in_text(text)]:
        assert parse(found) == found
