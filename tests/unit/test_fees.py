"""Every figure of the demo price lists, at and around every bound, as a payer or a lawyer would check it by hand."""

from collections.abc import Mapping
from datetime import date

import pytest

from gateway.domain.fees import Channel, NoRateOnDate, Procedure, Quote, quote
from gateway.services.read_catalogue import read_catalogue

ONLINE, COUNTER = Channel.ONLINE, Channel.COUNTER
IN_2025 = date(2025, 6, 1)
MILLION, BILLION = 10**6, 10**9

PROCEDURES: dict[str, Procedure] = {entry.procedure.code: entry.procedure for entry in read_catalogue().procedures}


def price(code: str, facts: Mapping[str, object], channel: Channel = COUNTER, on: date = IN_2025) -> Quote:
    return quote(PROCEDURES[code], facts, channel, on)


def due(code: str, facts: Mapping[str, object], channel: Channel = COUNTER, on: date = IN_2025) -> int:
    return price(code, facts, channel, on).total.amount_minor


@pytest.mark.parametrize(
    ("code", "channel", "on", "expected"),
    [
        ("vn-passport-new", COUNTER, date(2025, 6, 1), 200_000),
        ("vn-passport-new", ONLINE, date(2023, 12, 31), 200_000),
        ("vn-passport-new", ONLINE, date(2024, 1, 1), 180_000),
        ("vn-passport-new", ONLINE, date(2025, 6, 1), 180_000),
        ("vn-passport-new", ONLINE, date(2025, 12, 31), 180_000),
        ("vn-passport-new", ONLINE, date(2026, 1, 1), 200_000),
        ("vn-passport-lost", COUNTER, date(2025, 6, 1), 400_000),
        ("vn-passport-lost", ONLINE, date(2025, 6, 1), 400_000),
        ("vn-driving-licence", COUNTER, date(2025, 6, 1), 135_000),
        ("vn-driving-licence", ONLINE, date(2023, 11, 30), 135_000),
        ("vn-driving-licence", ONLINE, date(2023, 12, 1), 115_000),
        ("vn-driving-licence", ONLINE, date(2025, 12, 31), 115_000),
        ("vn-driving-licence", ONLINE, date(2026, 1, 1), 135_000),
        ("vn-business-registration", COUNTER, date(2025, 6, 1), 150_000),
        ("vn-business-registration", ONLINE, date(2025, 6, 1), 100_000),
    ],
)
def test_a_price_follows_the_channel_and_the_day(code: str, channel: Channel, on: date, expected: int) -> None:
    assert due(code, {}, channel, on) == expected


@pytest.mark.parametrize(
    ("category", "fee"),
    [
        ("none", 200_000),
        ("student", 100_000),
        ("merit", 100_000),
        ("child", 0),
        ("elderly", 0),
        ("disabled", 0),
        ("poor", 0),
        ("ethnic_minority", 0),
    ],
)
@pytest.mark.parametrize(("copies", "extra"), [(1, 0), (2, 0), (3, 5_000), (4, 10_000), (10, 40_000)])
def test_a_judicial_record_costs_more_from_the_third_copy(category: str, fee: int, copies: int, extra: int) -> None:
    assert due("vn-judicial-record", {"payer_category": category, "copies": copies}) == fee + extra


def test_a_judicial_record_asked_for_without_facts_is_one_copy_at_the_full_fee() -> None:
    assert due("vn-judicial-record", {}) == 200_000


@pytest.mark.parametrize(
    ("pages", "a_copy"),
    [
        (1, 2_000),
        (2, 4_000),
        (3, 5_000),
        (10, 12_000),
        (197, 199_000),
        (198, 200_000),
        (199, 200_000),
        (9_999, 200_000),
    ],
)
@pytest.mark.parametrize("copies", [1, 2, 7])
def test_a_certified_copy_costs_by_page_up_to_a_cap_for_each_copy(pages: int, a_copy: int, copies: int) -> None:
    assert due("vn-certified-copy", {"pages": pages, "copies": copies}) == a_copy * copies
    assert due("vn-certified-copy", {"pages": pages}) == a_copy


@pytest.mark.parametrize(
    ("code", "facts", "expected"),
    [
        ("vn-certified-signature", {}, 10_000),
        ("vn-certified-signature", {"documents": 3}, 30_000),
        ("vn-certified-signature", {"certified": "contract"}, 50_000),
        ("vn-certified-signature", {"certified": "contract", "documents": 2}, 100_000),
        ("vn-consular-legalisation", {"documents": 1}, 30_000),
        ("vn-consular-legalisation", {"documents": 12}, 360_000),
        ("vn-citizen-id", {}, 50_000),
        ("vn-citizen-id", {"reissue": False}, 50_000),
        ("vn-citizen-id", {"reissue": True}, 70_000),
        ("vn-car-registration", {"zone": 1}, 20_000_000),
        ("vn-car-registration", {"zone": 2}, 1_000_000),
        ("vn-car-registration", {"zone": 3}, 200_000),
        ("vn-motorbike-registration", {"zone": 3}, 150_000),
    ],
)
def test_a_price_follows_the_facts(code: str, facts: dict[str, object], expected: int) -> None:
    assert due(code, facts) == expected


@pytest.mark.parametrize(
    ("value", "by_zone"),
    [
        (0, (1_000_000, 200_000, 150_000)),
        (15 * MILLION, (1_000_000, 200_000, 150_000)),
        (15 * MILLION + 1, (2_000_000, 400_000, 150_000)),
        (40 * MILLION, (2_000_000, 400_000, 150_000)),
        (40 * MILLION + 1, (4_000_000, 800_000, 150_000)),
        (900 * MILLION, (4_000_000, 800_000, 150_000)),
    ],
)
def test_a_motorbike_costs_by_zone_and_value(value: int, by_zone: tuple[int, int, int]) -> None:
    for zone, expected in enumerate(by_zone, start=1):
        assert due("vn-motorbike-registration", {"zone": zone, "value_minor": value}) == expected


@pytest.mark.parametrize(
    ("kind", "reissue", "channel", "on", "expected"),
    [
        ("organisation", False, COUNTER, IN_2025, 1_000_000),
        ("organisation", True, COUNTER, IN_2025, 500_000),
        ("organisation", False, ONLINE, IN_2025, 800_000),
        ("organisation", True, ONLINE, IN_2025, 400_000),
        ("person", False, COUNTER, IN_2025, 300_000),
        ("person", True, COUNTER, IN_2025, 150_000),
        ("person", False, ONLINE, IN_2025, 240_000),
        ("person", True, ONLINE, IN_2025, 120_000),
        ("person", True, ONLINE, date(2025, 12, 31), 120_000),
        ("person", True, ONLINE, date(2026, 1, 1), 150_000),
    ],
)
def test_reductions_of_a_construction_certificate_stack(
    kind: str, reissue: bool, channel: Channel, on: date, expected: int
) -> None:
    assert due("vn-construction-certificate", {"payer_kind": kind, "reissue": reissue}, channel, on) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 50_000),
        (50 * MILLION - 1, 50_000),
        (50 * MILLION, 100_000),
        (100 * MILLION, 100_000),
        (100 * MILLION + 500, 100_001),  # 0.1% is 100,000.5: a half goes up
        (500 * MILLION, 500_000),
        (1 * BILLION, 1_000_000),
        (2 * BILLION, 1_600_000),
        (3 * BILLION, 2_200_000),
        (4 * BILLION, 2_700_000),
        (5 * BILLION, 3_200_000),
        (10 * BILLION, 5_200_000),
        (55 * BILLION, 18_700_000),
        (100 * BILLION, 32_200_000),
        (289 * BILLION, 70_000_000),
        (289 * BILLION + 5_000, 70_000_000),
        (9_000_000 * BILLION, 70_000_000),
    ],
)
def test_a_notarised_contract_costs_by_bands_up_to_a_cap(value: int, expected: int) -> None:
    assert due("vn-notarised-contract", {"value_minor": value}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 300_000),
        (6 * MILLION, 300_000),
        (6 * MILLION + 10, 300_001),  # 300,000.5
        (100 * MILLION, 5_000_000),
        (400 * MILLION, 20_000_000),
        (600 * MILLION, 28_000_000),
        (800 * MILLION, 36_000_000),
        (1 * BILLION, 42_000_000),
        (2 * BILLION, 72_000_000),
        (3 * BILLION, 92_000_000),
        (4 * BILLION, 112_000_000),
        (5 * BILLION, 113_000_000),
    ],
)
def test_a_civil_court_fee_costs_by_bands(value: int, expected: int) -> None:
    assert due("vn-civil-court-first-instance", {"value_minor": value}) == expected


@pytest.mark.parametrize(
    ("value", "expected", "settled"),
    [
        (0, 0, 0),
        (100 * MILLION, 3_000_000, 1_000_000),
        (5 * BILLION, 150_000_000, 50_000_000),
        (6 * BILLION, 170_000_000, 56_666_667),
        (7 * BILLION, 190_000_000, 63_333_333),
        (10 * BILLION, 220_000_000, 73_333_333),
        (12 * BILLION, 230_000_000, 76_666_667),
        (15 * BILLION, 245_000_000, 81_666_667),
        (25 * BILLION, 246_000_000, 82_000_000),
    ],
)
def test_a_settled_judgment_costs_a_third(value: int, expected: int, settled: int) -> None:
    assert due("vn-judgment-enforcement", {"value_minor": value}) == expected
    assert due("vn-judgment-enforcement", {"value_minor": value, "settled_voluntarily": True}) == settled


def test_an_instalment_of_a_judgment_crosses_the_bands_that_the_whole_would() -> None:
    facts = {"value_minor": 3 * BILLION, "value_already_assessed_minor": 4 * BILLION}
    assert due("vn-judgment-enforcement", facts) == 190_000_000 - 120_000_000
    assert due("vn-judgment-enforcement", {**facts, "settled_voluntarily": True}) == 63_333_333 - 40_000_000


def test_an_instalment_shows_its_share_of_the_reduction() -> None:
    facts = {"value_minor": 3 * BILLION, "value_already_assessed_minor": 4 * BILLION, "settled_voluntarily": True}
    (line,) = price("vn-judgment-enforcement", facts).lines
    assert line.amount.amount_minor + line.reduction.amount_minor == 70_000_000


def test_a_fee_is_explained_step_by_step_in_both_languages() -> None:
    (line,) = price("vn-construction-certificate", {"payer_kind": "organisation", "reissue": True}, ONLINE).lines
    assert [(step.texts["en"], step.amount.amount_minor) for step in line.steps] == [
        ("Organisation: 1,000,000 VND", 1_000_000),
        ("Reissue: 50% × 1,000,000 VND = 500,000 VND (38/2022/TT-BTC)", -500_000),
        ("Filed online: 80% × 500,000 VND = 400,000 VND (38/2022/TT-BTC)", -100_000),
    ]
    assert line.steps[1].texts["vi"] == "Cấp lại: 50% × 1.000.000 đồng = 500.000 đồng (38/2022/TT-BTC)"
    assert (line.amount.amount_minor, line.reduction.amount_minor) == (400_000, 600_000)


def test_a_band_is_explained_with_its_bounds_and_its_cap() -> None:
    (line,) = price("vn-notarised-contract", {"value_minor": 500 * BILLION}).lines
    assert [(step.texts["en"], step.amount.amount_minor) for step in line.steps] == [
        ("Value of 500,000,000,000 VND (above 100,000,000,000 VND): 32,200,000 VND", 32_200_000),
        ("0.02% × 400,000,000,000 VND, the part above 100,000,000,000 VND (of 500,000,000,000 VND)", 80_000_000),
        ("At most 70,000,000 VND, instead of 112,200,000 VND", -42_200_000),
    ]
    assert line.steps[1].texts["vi"].startswith("0,02% × 400.000.000.000 đồng")


def test_pages_are_explained_by_tier_and_copy() -> None:
    (line,) = price("vn-certified-copy", {"pages": 300, "copies": 3}).lines
    assert [(step.texts["vi"], step.amount.amount_minor) for step in line.steps] == [
        ("Trang thứ 1 đến 2: 2 × 2.000 đồng × 3 bản", 12_000),
        ("Trang thứ 3 đến 300: 298 × 1.000 đồng × 3 bản", 894_000),
        ("Tối đa 200.000 đồng một bản, thay vì 302.000 đồng: 3 × −102.000 đồng", -306_000),
    ]
    assert line.quantity == 3


def test_a_line_names_each_legal_text_that_made_its_amount() -> None:
    assert price("vn-passport-new", {}, ONLINE).lines[0].legal_basis == "25/2021/TT-BTC; 63/2023/TT-BTC"
    assert price("vn-passport-new", {}, COUNTER).lines[0].legal_basis == "25/2021/TT-BTC"
    assert price("vn-driving-licence", {}, ONLINE).lines[0].legal_basis == "37/2023/TT-BTC"  # named once


def test_an_item_of_which_nothing_is_charged_has_no_line() -> None:
    assert [line.fee_item for line in price("vn-judicial-record", {"copies": 2}).lines] == ["judicial-record"]
    assert [line.fee_item for line in price("vn-judicial-record", {"copies": 3}).lines] == [
        "judicial-record",
        "judicial-record-copies",
    ]


def test_an_exempt_fee_keeps_its_line_so_that_the_exemption_can_be_seen() -> None:
    (line,) = price("vn-judicial-record", {"payer_category": "child"}).lines
    assert (line.amount.amount_minor, line.reduction.amount_minor) == (0, 200_000)


def test_a_day_before_the_first_version_is_an_error_that_names_on() -> None:
    with pytest.raises(NoRateOnDate) as refused:
        price("vn-passport-new", {}, on=date(2020, 12, 31))
    assert refused.value.fields == {"on": "must be within 2021-01-01 to further notice"}
