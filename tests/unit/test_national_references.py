"""A reference in each country's habit: what stands on the invoice, and what is found again by it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.national_references import (
    ReferenceStyle,
    displayed,
    fixed_digits,
    hyphenated,
    issuer_of,
    renderings,
    slip_line,
)
from gateway.domain.reference import read, rf

BASES = st.from_regex(r"[0-9]{14}", fullmatch=True)
ISSUERS = {
    ReferenceStyle.RF: "",
    ReferenceStyle.VIITENUMBER: "",
    ReferenceStyle.FIK71: "80882939",
    ReferenceStyle.EPN: "12345",
}


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        (ReferenceStyle.RF, "RF46 0268 4014 9965 32"),
        (ReferenceStyle.VIITENUMBER, "0268 4014 9965 321"),
        (ReferenceStyle.FIK71, "0268 4014 9965 328"),
        (ReferenceStyle.EPN, "12345-6-02-84-014996532"),
    ],
)
def test_a_reference_is_shown_as_its_country_writes_it(style: ReferenceStyle, shown: str) -> None:
    assert displayed("RF4602684014996532", style, ISSUERS[style]) == shown


def test_the_slip_line_of_a_danish_invoice_is_the_published_one() -> None:
    written = renderings("RF4602684014996532", ReferenceStyle.FIK71, "80882939")
    assert written["fik71"] == "026840149965328"
    assert written["fik71_line"] == slip_line("026840149965328", "80882939") == "+71<026840149965328+80882939<"


@pytest.mark.parametrize(
    ("style", "names"),
    [
        (ReferenceStyle.RF, ["rf", "viitenumber", "fik71"]),
        (ReferenceStyle.VIITENUMBER, ["rf", "viitenumber", "fik71"]),
        (ReferenceStyle.FIK71, ["rf", "viitenumber", "fik71", "fik71_line"]),
        (ReferenceStyle.EPN, ["rf", "viitenumber", "fik71", "epn"]),
    ],
)
def test_an_invoice_has_the_writings_that_its_agency_can_have(style: ReferenceStyle, names: list[str]) -> None:
    assert list(renderings(rf("26123456789012"), style, ISSUERS[style])) == names


@given(BASES, st.sampled_from(ReferenceStyle))
def test_an_invoice_is_found_by_every_writing_and_by_what_is_shown(base: str, style: ReferenceStyle) -> None:
    written = renderings(rf(base), style, ISSUERS[style])
    for text in (*written.values(), displayed(rf(base), style, ISSUERS[style])):
        assert read(text).reference == rf(base)
        assert read(text).issuer in ("", ISSUERS[style])
        assert re.fullmatch(r"[0-9A-Z+<\- ]{15,30}", text)


def test_what_names_an_agency_comes_from_its_prefix_or_its_account() -> None:
    assert issuer_of(ReferenceStyle.EPN, "12345607", "110123") == "12345"
    assert fixed_digits(ReferenceStyle.EPN, "12345607") == "607"
    assert issuer_of(ReferenceStyle.FIK71, "", "80882939") == "80882939"
    assert issuer_of(ReferenceStyle.RF, "", "0123") == issuer_of(ReferenceStyle.VIITENUMBER, "", "EE38") == ""
    assert fixed_digits(ReferenceStyle.FIK71, "") == fixed_digits(ReferenceStyle.RF, "") == ""


def test_a_korean_number_is_cut_into_its_parts() -> None:
    assert hyphenated("1234562684014996532") == "12345-6-26-84-014996532"
