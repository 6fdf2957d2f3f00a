"""References: the published vectors, python-stdnum as a second opinion, and the slips that people make."""

import random
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
    Reading,
    base_of,
    epn,
    fik71,
    grouped,
    new_base,
    parse,
    random_limit,
    read,
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


@given(st.integers(2000, 2099), st.from_regex(r"[0-9]{3}", fullmatch=True), st.data())
def test_a_base_can_begin_with_what_its_agency_was_given(year: int, fixed: str, data: st.DataObject) -> None:
    random_below = data.draw(st.integers(0, random_limit(fixed) - 1))
    base = new_base(year, random_below, fixed)
    assert re.fullmatch(r"[0-9]{14}", base)
    assert (int(base[:2]), base[2:5], int(base[5:])) == (year % 100, fixed, random_below)


def test_a_korean_number_has_its_parts_in_the_order_of_the_country() -> None:
    base = new_base(2026, 123_456_789, "407")
    assert epn(base, "12345") == "12345" + "4" + "26" + "07" + "123456789"


@given(BASES, st.from_regex(r"[0-9]{5}", fullmatch=True))
def test_a_korean_number_and_a_base_are_the_same_digits_in_another_order(base: str, organisation: str) -> None:
    number = epn(base, organisation)
    assert len(number) == 19
    assert sorted(number) == sorted(organisation + base)
    assert read(number) == Reading(rf(base), issuer=organisation)
    hyphenated = "-".join((number[:5], number[5], number[6:8], number[8:10], number[10:]))
    assert read(hyphenated) == read(number)
    assert base_of(read(number).reference) == base


@pytest.mark.parametrize(
    ("base", "organisation"), [("1" * 13, "12345"), ("1" * 14, "1234"), ("1" * 14, "1234a"), ("१" * 14, "12345")]
)
def test_what_cannot_be_a_korean_number_is_refused(base: str, organisation: str) -> None:
    with pytest.raises(Invalid):
        epn(base, organisation)


def test_a_danish_slip_line_is_read_with_its_creditor() -> None:
    line = "+71<026840149965328+80882939<"
    assert read(line) == Reading(rf("02684014996532"), issuer="80882939")
    assert read(" + 71 < 026840149965328 + 80882939 <") == read(line[:-1]) == read(line)
    with pytest.raises(MistypedReference) as told:
        read(line.replace("328+", "329+"))
    assert "0268 4014 9965 329" in told.value.detail


@given(BASES)
def test_a_number_of_fifteen_digits_is_one_invoice_whichever_country_wrote_it(base: str) -> None:
    """Both are the base and one digit; where the two digits are the same, it satisfies both."""
    for last in "0123456789":
        if f"{base}{last}" in (viitenumber(base), fik71(base)):
            assert parse(f"{base}{last}") == rf(base)
        else:
            with pytest.raises(MistypedReference):
                parse(f"{base}{last}")


@pytest.mark.parametrize("rendering", [viitenumber, fik71])
def test_one_wrong_digit_in_ten_passes_for_the_rendering_of_the_other_country(
    rendering: Callable[[str], str],
) -> None:
    """What cannot be told apart is as much as the documents say, and never names the invoice that was meant."""
    chance = random.Random(71)
    tried = passed = 0
    for _ in range(2_000):
        right = rendering(f"{chance.randrange(10**14):014d}")
        at, digit = chance.randrange(14), str(chance.randrange(10))
        if digit == right[at]:
            continue
        tried += 1
        try:
            assert parse(right[:at] + digit + right[at + 1 :]) != parse(right)
            passed += 1
        except MistypedReference:
            pass
    assert 0.07 < passed / tried < 0.13


@given(BASES, st.integers(0, 13), st.sampled_from("0123456789"))
def test_a_wrong_digit_of_a_korean_number_is_never_the_invoice_that_was_meant(base: str, at: int, digit: str) -> None:
    right = epn(base, "12345")
    at += 5
    assume(digit != right[at])
    assert parse(right[:at] + digit + right[at + 1 :]) != rf(base)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "A reference looks like RF04 0000 0000 0000 00."),
        ("hello", "A reference looks like RF04 0000 0000 0000 00."),
        ("RF", "It is too short: it has 2 characters, and must have 18."),
        ("RF18", "It is too short: it has 4 characters, and must have 18."),
        ("RF18" + "0" * 22, "It is too long: it has 26 characters, and must have 18."),
        ("2681 4567", "It is too short: it has 8 digits, and must have 15 or 19."),
        ("1" * 17, "It is of a wrong length: it has 17 digits, and must have 15 or 19."),
        ("1" * 20, "It is too long: it has 20 digits, and must have 15 or 19."),
        ("02684O149965328", "There are digits only in a reference, but for the RF at its beginning; O does not belong"),
        (
            "RFI8539007547034",
            "There are digits only in a reference, but for the RF at its beginning; I does not belong",
        ),
        ("+73<026840149965328+80882939<", "+, < does not belong there"),
    ],
)
def test_what_cannot_be_a_reference_is_told_why(text: str, why: str) -> None:
    with pytest.raises(Invalid) as told:
        parse(text)
    assert not isinstance(told.value, MistypedReference)
    assert why in told.value.detail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("RF1853900754703", "It is too short: it has 15 characters, and must have 18."),
        ("RF185390075470341234", "It is too long: it has 20 characters, and must have 18."),
    ],
)
def test_of_a_mistyped_reference_it_is_told_if_characters_are_missing_or_too_many(text: str, why: str) -> None:
    with pytest.raises(MistypedReference) as told:
        parse(text)
    assert why in told.value.detail
    assert grouped(text) in told.value.detail


@pytest.mark.parametrize(
    "written",
    [
        "RF18\N{NO-BREAK SPACE}5390\N{EN DASH}0754\N{NON-BREAKING HYPHEN}7034",
        "\N{ZERO WIDTH NO-BREAK SPACE}rf18 5390 0754 7034\N{ZERO WIDTH SPACE}",
        "ＲＦ１８５３９００７５４７０３４",
    ],
)
def test_what_documents_and_keyboards_make_of_a_reference_is_forgiven(written: str) -> None:
    assert parse(written) == "RF18539007547034"


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
